"""What a machine is, as far as a result depends on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PROCESSORS = Path("/proc/cpuinfo")


def describe_host(role: str, name: str) -> dict[str, Any]:
    """Role (`master`, `worker`), name, and what was running where.

    Equal boot_id means one kernel, hence one monotonic clock.
    """
    return {
        "role": role,
        "name": name,
        "python": platform.python_version(),
        "locust": version("locust"),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "cpu_model": cpu_model(_PROCESSORS.read_text()) if _PROCESSORS.exists() else None,
        "boot_id": _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None,
    }


def cpu_model(cpuinfo: str) -> str | None:
    """The processor's name out of the text of /proc/cpuinfo; None where the kernel has none for it."""
    told = (line.partition(":") for line in cpuinfo.splitlines())
    return next((words.strip() for name, _, words in told if name.strip() == "model name"), None)
