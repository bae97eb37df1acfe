"""What a machine gives to processes, read as one value."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_MEMORY = ("memory.max", "memory.limit_in_bytes")
_MEMORY_USED = ("memory.current", "memory.usage_in_bytes")


@dataclass(frozen=True, slots=True)
class Machine:
    """None stands for what is not told, or has no limit.

    cores: that this process may run on. quota: how many of them its control groups let it have at once.
    memory_bytes: that is free for it. backlog: the longest that a listener's may be. clock: the kernel's
    source of time.
    """

    cores: int
    quota: float | None = None
    memory_bytes: int | None = None
    backlog: int | None = None
    clock: str | None = None


def this_machine(root: Path = Path("/")) -> Machine:
    """As the kernel tells it. root: where `proc` and `sys` are."""
    groups = list(_groups(root))
    return Machine(
        cores=len(os.sched_getaffinity(0)),
        quota=min((quota for group in groups for quota in _quotas(group)), default=None),
        memory_bytes=min(_free(root, groups), default=None),
        backlog=_number(root / "proc/sys/net/core/somaxconn"),
        clock=_text(root / "sys/devices/system/clocksource/clocksource0/current_clocksource"),
    )


def _groups(root: Path) -> Iterator[Path]:
    """The folders of this process's control groups, its own and those above, of either version."""
    for line in (_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        top = root / "sys/fs/cgroup" / controllers
        group = top / path.lstrip("/")
        # In a container it may be named by its path outside, where that is not to be seen.
        yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(top))


def _quotas(group: Path) -> Iterator[float]:
    words = (_text(group / "cpu.max") or "").split()
    if not words:
        words = [_text(group / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period")]
    if all(word.isdigit() for word in words) and len(words) == 2:
        yield int(words[0]) / int(words[1])


def _free(root: Path, groups: list[Path]) -> Iterator[int]:
    for line in (_text(root / "proc/meminfo") or "").splitlines():
        name, _, amount = line.partition(":")
        if name == "MemAvailable":
            yield int(amount.split()[0]) * 1024
    for group in groups:
        for limit, used in zip(_MEMORY, _MEMORY_USED, strict=True):
            most, taken = _number(group / limit), _number(group / used)
            if most is not None and taken is not None:
                yield max(most - taken, 0)


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text and text.isdigit() else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:  # a container may hide it, and no other system has it
        return None
