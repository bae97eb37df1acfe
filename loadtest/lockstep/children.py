"""The processes that a command starts of its own programs, and what reaches them of its surroundings.

The rule: what is not given to a command does not change its run. So a child is ours whatever lies in the
working folder, and of the environment it gets nothing that sets Lockstep, Locust or Python.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Any

# -P: nothing is imported from the working folder. UTF-8 both ways, whatever the locale says.
_FLAGS = ("-P", "-X", "utf8")
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


class Program(Enum):
    """Every program that is started as a child, by its module."""

    SERVER = "lockstep_server"
    WORKER = "lockstep.worker.process"
    LOCKSTEP = "lockstep"
    RENDERER = "lockstep.report.charts.renderer"
    WATCH = "lockstep.watch.process"


# Options of Lockstep, of Locust, of the event loop under it, and of Python itself.
_OPTIONS = ("LOCKSTEP_", "LOCUST_", "GEVENT_", "PYTHON")
# Of Python's, those stay that say where its packages are and where their bytecode goes, and the global
# lock's, which the run records.
_HARMLESS = {
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONPLATLIBDIR",
    "PYTHONUSERBASE",
    "PYTHONNOUSERSITE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHON_GIL",
}
# What of these means this interpreter alone: another has its library elsewhere.
_OF_THIS_PYTHON = {"PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUSERBASE"}
WHAT_PYTHON = (
    "import sys; print(sys.executable); print('%d.%d.%d' % sys.version_info[:3]); "
    "print(getattr(sys, 'abiflags', ''))"
)
"""What an interpreter is asked: where it is, its version and its kind of build, a line each. Every Python
that there ever was understands it."""
# All that the server needs, on an interpreter into which nothing is installed.
_OF_THE_SERVER = ("lockstep_server", "lockstep_wire")


def command_of(program: Program, arguments: Iterable[str] = (), python: str = sys.executable) -> list[str]:
    """The command line that starts a program of ours, from whatever folder."""
    return [python, *_FLAGS, "-m", program.value, *arguments]


def environment_of(inherited: Mapping[str, str]) -> dict[str, str]:
    """What a child gets of an environment."""
    kept = {
        name: value for name, value in inherited.items() if name in _HARMLESS or not name.startswith(_OPTIONS)
    }
    if "PYTHONPATH" in kept:
        kept["PYTHONPATH"] = _without_working_folder(kept["PYTHONPATH"])
    return kept


def environment_elsewhere(inherited: Mapping[str, str]) -> dict[str, str]:
    """What a child on another interpreter than this one gets: beside what is there, our server is found."""
    kept = {name: value for name, value in environment_of(inherited).items() if name not in _OF_THIS_PYTHON}
    found = (importlib.util.find_spec(name) for name in _OF_THE_SERVER)
    folders = dict.fromkeys(str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin)
    return {**kept, "PYTHONPATH": os.pathsep.join(folders)}


def _without_working_folder(path: str) -> str:
    """A search path, absolute, without the entries that mean the working folder: `.`, or nothing at all."""
    entries = (os.path.normpath(entry) for entry in path.split(os.pathsep))
    return os.pathsep.join(str(Path(entry).absolute()) for entry in entries if entry != os.curdir)


def clean_own_environment() -> dict[str, str]:
    """Let the rule hold in this process too: to be called before Locust is imported, which reads its own.

    Returns what the environment was, for processes that are not of our programs.
    """
    inherited = dict(os.environ)
    for name in inherited.keys() - environment_of(inherited).keys():
        del os.environ[name]
    return inherited


def start(
    program: Program,
    arguments: Iterable[str] = (),
    python: str | None = None,
    given: Mapping[str, str] | None = None,
    **how: Any,
) -> subprocess.Popen[str]:
    """Start a program of ours; its pipes carry text. how: as subprocess.Popen takes it.

    given: variables of this command's own for it, which nobody else on the machine can read.

    python: another interpreter than this one, for the server, which is all that runs on a bare one.
    """
    environment = environment_of(os.environ) if python is None else environment_elsewhere(os.environ)
    words = command_of(program, arguments, python or sys.executable)
    return subprocess.Popen(words, env={**environment, **(given or {})}, encoding="utf-8", **how)


def run(program: Program, arguments: Iterable[str], within_s: float) -> subprocess.CompletedProcess[str]:
    """Run a program of ours to its end, and take what it says. TimeoutExpired where that takes too long."""
    return subprocess.run(
        command_of(program, arguments),
        env=environment_of(os.environ),
        capture_output=True,
        encoding="utf-8",
        start_new_session=True,  # a Ctrl-C that ends the run, or a second one, is not meant for what saves it
        timeout=within_s,
        check=False,
    )


# Reads until nobody is left who could write, however that came; then a group may need some seconds to end.
_GUARD = """
read -r group || exit
read -r _
for _ in 1 2 3; do kill -s TERM -- "-$group" || exit; sleep 1; done
kill -s KILL -- "-$group"
"""


@contextmanager
def guarded() -> Iterator[Callable[[int], None]]:
    """A small process that ends a group of processes where this one can no longer, for it was killed.

    Gives what tells it the group's id. The kernel's own signal at a parent's death (see end_with_parent) may
    be ignored, and goes to one process alone.
    """
    guard = subprocess.Popen(
        ["/bin/sh", "-c", _GUARD],
        env={"PATH": os.defpath},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert guard.stdin is not None
    stdin = guard.stdin

    def watch(group: int) -> None:
        stdin.write(b"%d\n" % group)
        stdin.flush()

    try:
        yield watch
    finally:
        # Before it hears that nobody is left.
        guard.kill()
        guard.communicate()


def how_it_ended(code: int) -> str:
    """Of a process, by its return code: `exit code 7`, `signal SIGKILL`."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


def end_with_parent() -> None:
    """To be called in the child between fork and exec: the kernel sends it SIGTERM when its parent is gone.

    The parent is the thread that started it, which must therefore last as long as the child is to.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
