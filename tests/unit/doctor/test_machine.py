"""What a machine gives, read from files like the kernel's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lockstep.doctor.machine import Machine, this_machine

CORES = len(os.sched_getaffinity(0))
GIB = 1 << 30


def machine_of(root: Path, **files: str) -> Machine:
    """files: by path with `__` for `/`."""
    for name, text in files.items():
        file = root / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="ascii")
    return this_machine(root)


def test_a_system_that_tells_nothing_limits_nothing(tmp_path: Path) -> None:
    assert machine_of(tmp_path) == Machine(CORES)


def test_backlog_clock_and_free_memory_are_read(tmp_path: Path) -> None:
    told = machine_of(
        tmp_path,
        proc__sys__net__core__somaxconn="4096\n",
        sys__devices__system__clocksource__clocksource0__current_clocksource="hpet\n",
        proc__meminfo="MemTotal: 9 kB\nMemAvailable:    2097152 kB\n",
    )
    assert told == Machine(CORES, None, 2 * GIB, 4096, "hpet")


@pytest.mark.parametrize(
    ("cgroup", "files", "quota", "memory"),
    [
        pytest.param(
            "0::/a/b",
            {"sys__fs__cgroup__a__b__cpu.max": "150000 100000", "sys__fs__cgroup__a__cpu.max": "max 100000"},
            1.5,
            None,
            id="version 2",
        ),
        pytest.param(
            "0::/a/b",
            {
                "sys__fs__cgroup__a__cpu.max": "50000 100000",
                "sys__fs__cgroup__a__b__cpu.max": "200000 100000",
            },
            0.5,
            None,
            id="a group above allows less",
        ),
        pytest.param(
            "4:cpu,cpuacct:/x\n5:memory:/x",
            {
                "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_quota_us": "100000",
                "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_period_us": "100000",
                "sys__fs__cgroup__memory__x__memory.limit_in_bytes": str(3 * GIB),
                "sys__fs__cgroup__memory__x__memory.usage_in_bytes": str(GIB),
            },
            1.0,
            2 * GIB,
            id="version 1",
        ),
        pytest.param(
            "4:cpu,cpuacct:/x",
            {
                "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_quota_us": "-1",
                "sys__fs__cgroup__cpu,cpuacct__x__cpu.cfs_period_us": "100000",
            },
            None,
            None,
            id="version 1 without a quota",
        ),
        pytest.param(
            "0::/",
            {"sys__fs__cgroup__memory.max": "max", "sys__fs__cgroup__memory.current": "17"},
            None,
            None,
            id="no limit",
        ),
        pytest.param(
            "0::/outside/of/the/container",
            {"sys__fs__cgroup__memory.max": str(GIB), "sys__fs__cgroup__memory.current": str(2 * GIB)},
            None,
            0,
            id="named by its path outside, and over its limit",
        ),
    ],
)
def test_the_least_of_all_control_groups_counts(
    tmp_path: Path, cgroup: str, files: dict[str, str], quota: float | None, memory: int | None
) -> None:
    told = machine_of(tmp_path, proc__self__cgroup=cgroup, **files)
    assert (told.quota, told.memory_bytes) == (quota, memory)


def test_this_machine_is_read_without_a_fault() -> None:
    told = this_machine()
    assert told.cores >= 1
    assert told.memory_bytes is None or told.memory_bytes > 0
