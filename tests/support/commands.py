"""`lockstep` as a user runs it, for tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from lockstep.errors import DEGRADED
from lockstep.plan import Plan
from tests.support.server import ROOT

COMMAND = [sys.executable, "-m", "lockstep"]
PATIENCE_S = 100


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


def environment() -> dict[str, str]:
    """A wide terminal, and none of the variables that would change what a command does."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTEP_", "LOCUST_"))
    }
    return {**kept, "COLUMNS": "100"}


def lockstep(*arguments: str, cwd: Path = ROOT) -> Done:
    """Run it to its end."""
    return run_here(*COMMAND, *arguments, cwd=cwd)


def run_here(*command: str, cwd: Path = ROOT, within_s: float = PATIENCE_S) -> Done:
    """Run a command to its end. TimeoutExpired where it takes longer than so many seconds."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def only_run(out: Path) -> tuple[Path, dict[str, Any]]:
    """The one run folder there is, and its run.json."""
    (folder,) = out.iterdir()
    return folder, json.loads((folder / "run.json").read_text())


def compare(out: Path, *arguments: str) -> tuple[Path, dict[str, Any]]:
    """A comparison that ends well: its folder, the only one below `out`, and its run.json."""
    compare_well(out, *arguments)
    return only_run(out)


def compare_well(out: Path, *arguments: str) -> Done:
    """A comparison that ends well.

    What is too short for this machine, now, is measured again for four times as long: how fast it is, is not
    what such a test asks.
    """
    before = set(out.iterdir()) if out.exists() else set()
    done = lockstep("compare", "--out", str(out), *arguments)
    if done.code == DEGRADED and "too-short" in done.out:
        (degraded,) = set(out.iterdir()) - before
        shutil.rmtree(degraded)
        done = lockstep("compare", "--out", str(out), *_in_longer_windows(arguments))
    assert done.code == 0, f"exit {done.code}\n{done.out}\n{done.err}"
    return done


def _in_longer_windows(arguments: Sequence[str]) -> Sequence[str]:
    """Of a flag that is given twice the last counts."""
    given = dict(pairwise(arguments)).get("--seconds", Plan().seconds)
    return (*arguments, "--seconds", str(4 * float(given)))


def differences(cell: dict[str, Any]) -> dict[str, int]:
    """Line by line of a cell's ledger: what the server counted more than the clients."""
    lines = ("sent", "answered", "bytes_sent", "bytes_received")
    return {line: cell["ledger"][line]["server"] - cell["ledger"][line]["client"] for line in lines}
