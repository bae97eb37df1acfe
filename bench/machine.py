"""The machine that a bench ran on: figures of different ones are not to be compared."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """cpu: the model's name, empty where the system does not tell. cores: those that may be used.

    load_average: of the minute before, processes that ran or wanted to. Others take part.
    """

    cpu: str
    cores: int
    python: str
    kernel: str
    load_average: float


def cpu_model_of(cpuinfo: str) -> str:
    """The first model name in /proc/cpuinfo."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    return found[1].strip() if found else ""


def this_machine() -> Machine:
    """The one we are on."""
    return Machine(
        cpu_model_of(Path("/proc/cpuinfo").read_text()),
        len(os.sched_getaffinity(0)),
        f"{platform.python_implementation()} {platform.python_version()}",
        platform.release(),
        round(os.getloadavg()[0], 2),
    )
