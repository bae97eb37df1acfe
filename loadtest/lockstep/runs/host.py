"""What a machine is, as far as a result depends on it."""

from __future__ import annotations

import functools
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lockstep_wire.build import build_of

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSORS = Path("/proc/cpuinfo")


def describe_host(role: str, name: str) -> dict[str, Any]:
    """Role (`master`, `worker`), name, and what was running where.

    Equal boot_id means one kernel, hence one monotonic clock.
    """
    return {
        "role": role,
        "name": name,
        "lockstep": _build(),
        "python": platform.python_version(),
        "locust": version("locust"),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpu_model": cpu_model(_PROCESSORS.read_text()) if _PROCESSORS.exists() else None,
        "boot_id": _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None,
    }


@functools.cache
def _build() -> str:
    """Of the load side. Asked for as a run or a worker begins, and then kept: files may change under it."""
    return build_of("lockstep", "lockstep_wire")


def cpu_model(cpuinfo: str) -> str | None:
    """The processor's name out of the text of /proc/cpuinfo; None where the kernel has none for it."""
    told = (line.partition(":") for line in cpuinfo.splitlines())
    return next((words.strip() for name, _, words in told if name.strip() == "model name"), None)
