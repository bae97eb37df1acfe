"""How much processor the control groups of this process let it have, and how long they kept it from running.

Both versions (the kernel's cgroup-v2.rst; for version 1 its sched-bwc.rst). A group's limit holds for
everything below it, so a process is under the limits of all its groups. What cannot be read is None.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

_MOUNT = "sys/fs/cgroup"


class CpuGroups:
    """The groups of this process that limit its processor time. root: where `proc` and `sys` are."""

    def __init__(self, root: Path = Path("/")) -> None:
        text = _text(root / "proc/self/cgroup")
        self._folders = [] if text is None else [root / folder for folder in group_folders(text)]

    def quota_cores(self) -> float | None:
        """The tightest quota, in cores: 0.5 is half of one. None where there is none."""
        quotas = [self._quota(folder) for folder in self._folders]
        return min((quota for quota in quotas if quota is not None), default=None)

    def throttled_ns(self) -> int | None:
        """How long the groups have been kept from running since they were made, in ns; they only grow."""
        texts = [_text(folder / "cpu.stat") for folder in self._folders]
        times = [throttled_ns(text) for text in texts if text is not None]
        known = [time for time in times if time is not None]
        return sum(known) if known else None

    @staticmethod
    def _quota(folder: Path) -> float | None:
        together = _text(folder / "cpu.max")
        if together is not None:
            return quota_cores(together)
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        return None if quota is None or period is None else quota_cores(f"{quota.strip()} {period.strip()}")


def group_folders(text: str) -> list[str]:
    """The folders of the groups in /proc/self/cgroup that may limit the processor, innermost first.

    Relative to /. A container may not see all of them; its own group is then the mount itself, the last.
    """
    unified = None
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return _upwards(f"{_MOUNT}/{controllers}", path)
        if not controllers:
            unified = path
    return [] if unified is None else _upwards(_MOUNT, unified)


def quota_cores(text: str) -> float | None:
    """`50000 100000`, quota and period in microseconds, is 0.5; None for `max 100000` and `-1 100000`."""
    quota, period = text.split()
    return None if quota in {"max", "-1"} else int(quota) / int(period)


def throttled_ns(text: str) -> int | None:
    """The throttled time out of a group's cpu.stat; None where the group does not count it."""
    rows = dict(line.split(" ", 1) for line in text.splitlines())
    if "throttled_usec" in rows:
        return int(rows["throttled_usec"]) * 1_000
    return int(rows["throttled_time"]) if "throttled_time" in rows else None


def _upwards(mount: str, path: str) -> list[str]:
    inner = PurePosixPath(path.lstrip("/"))
    # A path that leads out of what the process can see: only the mount is left.
    groups = [] if ".." in inner.parts else [part for part in (inner, *inner.parents) if part.parts]
    return [*(f"{mount}/{group}" for group in groups), mount]


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:  # not this version of cgroups, not this controller, or not for our eyes
        return None
