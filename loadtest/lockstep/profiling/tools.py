"""Which profiler can look into a process: py-spy, or of Python 3.15 and later the interpreter's own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lockstep.errors import PlanError
from lockstep_wire.extras import PROFILING, install

PY_SPY, SAMPLER = "py-spy", "profiling.sampling"
# From here on an interpreter has a sampler of its own, for processes of the same version and build.
OWN_SAMPLER = (3, 15)
_PYTHON = re.compile(r"python(\d+)\.(\d+)t?")
_LOOK_S = 30.0

_MAY_NOT = (
    "may not be looked into: run as root, with CAP_SYS_PTRACE in a container (cap_add: SYS_PTRACE), or after "
    "sysctl kernel.yama.ptrace_scope=0"
)
# What py-spy says, and what that means to whoever has to do something about it.
_REMEDIES = (
    ("Permission Denied", _MAY_NOT),
    (
        "Failed to find python version",
        "is no Python process: leave out --profile, or where its command is a shell's let that exec Python",
    ),
    (
        "Failed to find a python interpreter",
        "has an interpreter that py-spy cannot read, one without a global lock perhaps: leave out --profile",
    ),
    ("Check that the process is running", "has ended"),
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A profiler. look: the command that says once where threads are; record: writes stacks until SIGINT.

    Both lack the process's id, which comes last; `record` lacks the file before that.
    """

    name: str
    look: tuple[str, ...]
    record: tuple[str, ...]


def tool_for(pid: int) -> Tool:
    """The profiler for a process. PlanError where there is none."""
    try:
        executable = Path(f"/proc/{pid}/exe").readlink()
    except PermissionError as error:
        raise PlanError("profile", f"process {pid} {_MAY_NOT}") from error
    except OSError as error:
        raise PlanError("profile", f"process {pid} cannot be looked into: {error.strerror}") from error
    version = _PYTHON.fullmatch(executable.name)
    if version is not None and tuple(map(int, version.groups())) >= OWN_SAMPLER:
        return own_sampler(str(executable))
    found = shutil.which(PY_SPY) or shutil.which(PY_SPY, path=sysconfig.get_path("scripts"))
    if found is None:
        raise PlanError("profile", f"needs {PY_SPY}, which is not installed: {install(PROFILING)}")
    return py_spy(found)


def py_spy(path: str) -> Tool:
    """All threads, those that wait too, and child processes; each sample stops the process for a moment."""
    options = ("--full-filenames", "--subprocesses")
    return Tool(
        PY_SPY,
        (path, "dump", *options, "--pid"),
        (path, "record", *options, "--idle", "--format", "raw", "--output"),
    )


def own_sampler(python: str) -> Tool:
    """Python's own, of the interpreter that the process runs on (docs.python.org: profiling.sampling)."""
    module = (python, "-m", SAMPLER)
    return Tool(
        SAMPLER, (*module, "dump", "--all-threads"), (*module, "attach", "--all-threads", "--collapsed", "-o")
    )


def recording(tool: Tool, pid: int, file: Path) -> list[str]:
    """The command line that writes a process's stacks into a file."""
    last = ("--pid", str(pid)) if tool.name == PY_SPY else (str(pid),)
    return [*tool.record, str(file), *last]


def check_can_look(mode: str, pid: int) -> None:
    """PlanError where nobody can look into the process behind a mode, or nothing is there that could."""
    tool = tool_for(pid)
    try:
        done = subprocess.run(
            [*tool.look, str(pid)], capture_output=True, text=True, timeout=_LOOK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PlanError(
            "profile", f"{mode}: {tool.look[0]} cannot be run ({error}): install it anew"
        ) from error
    if done.returncode:
        raise PlanError("profile", f"the server of {mode} {in_words(tool.name, done.stderr.splitlines())}")


def in_words(tool: str, said: Sequence[str]) -> str:
    """What a profiler's refusal means, and the remedy where one is known."""
    text = "\n".join(said)
    known = next((remedy for words, remedy in _REMEDIES if words in text), None)
    first = next((line.strip() for line in said if line.strip()), "it gave no reason")
    return known or f"cannot be looked into by {tool} ({first}): leave out --profile"
