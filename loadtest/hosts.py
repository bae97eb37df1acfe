"""What a machine is, as far as a result depends on it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
        "boot_id": _BOOT_ID.read_text().strip() if _BOOT_ID.exists() else None,
    }
