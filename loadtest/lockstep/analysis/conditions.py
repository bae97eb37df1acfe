"""Under what conditions a run was measured: what two runs must share to be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from lockstep.runs.records import Run
from lockstep.scenario import heeds

Values = tuple[str, ...]
"""A condition's values in words, each once and in order: hosts, or cells, may differ among themselves."""

UNKNOWN = "unknown"

# What decides how expensive a message is and who gets in. Left out: names, process and boot ids, which differ
# from run to run; limits and the backlog, which matter only where they are hit, and then are a finding;
# Lockstep's own build, which may be the very thing that two runs are to tell apart: see `builds`.
_OF_A_MACHINE = {
    "cpu_model": "CPU",
    "cpu_count": "cores",
    "platform": "system",
    "python": "Python",
}
_OF_THE_SERVER = {
    "python": "Python",
    "implementation": "Python's implementation",
    "gil": "global lock",
    "platform": "system",
    "cpu_count": "cores",
    "framing": "framing",
    "reply": "reply",
    "timing": "timing header",
    "hold_ns": "hold",
    "work": "work",
    "pause_ns": "pause",
    "accept": "accept",
    "nodelay": "nodelay",
    "keepalive": "keepalive",
}
_OF_THE_CELLS = {
    "scenario": "scenario",
    "depth": "messages in flight on a connection",
    "client_mode": "client mode",
    "messages_per_connection": "messages per connection",
    "payload_bytes": "payload in bytes",
    "arrival": "arrival",
    "rate_per_s": "arrivals per second",
}
# Cells call it otherwise than Traffic does.
_SETTINGS = {"messages_per_connection": "messages"}

_NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A condition in which two runs differ, in words."""

    condition: str
    first: str
    second: str


def conditions_of(run: Run) -> Mapping[str, Values]:
    """Condition -> its values. Runs with equal conditions are comparable."""
    search = run.planned.search
    workers = [host for host in run.hosts if host.get("role") == "worker"]
    return {
        "kind of run": (run.kind,),
        "workers": (str(len(workers)),),
        **{
            f"workers' {words}": _values(host.get(name) for host in workers)
            for name, words in _OF_A_MACHINE.items()
        },
        **{
            f"server's {words}": (_setting(name, run.server.get(name)),)
            for name, words in _OF_THE_SERVER.items()
        },
        **_of_lockstep_targets(run),
        "what users do": (_file_of(run),),
        "what is looked for": () if search is None else (search.by, *search.keep),
        **{
            f"targets' {name}": _values((getattr(each, name) for each in run.targets.values()), name)
            for name in ("framing", "reply")
        },
        **_of_the_cells(run),
    }


def _of_lockstep_targets(run: Run) -> dict[str, Values]:
    """What Lockstep servers told, target by target: to differ in it may be what they are compared for."""
    return {
        f"{words} of {name}": (_setting(key, target.server.get(key)),)
        for name, target in run.targets.items()
        if target.server
        for key, words in _OF_THE_SERVER.items()
    }


def _of_the_cells(run: Run) -> dict[str, Values]:
    """Without what makes no difference to the users of any cell."""
    found: dict[str, Values] = {}
    for name, words in _OF_THE_CELLS.items():
        setting = _SETTINGS.get(name, name)
        heeding = [cell for cell in run.cells if heeds(cell.scenario, setting)]
        # Which rates a search tried comes of what it found.
        if heeding and not (name == "rate_per_s" and run.planned.search is not None):
            found[words] = _values((getattr(cell, name) for cell in heeding), name)
    return found


def _file_of(run: Run) -> str:
    """A file is known by its text: one of the same name may say something else."""
    file = run.planned.traffic.user_file
    return "a shipped scenario" if file is None else f"{PurePath(file.path).name} ({file.digest})"


def mismatches(first: Run, second: Run) -> list[Mismatch]:
    """Every condition of both in which they differ; several values of one run's cells are one condition."""
    theirs = conditions_of(second)
    return [
        Mismatch(name, ", ".join(values), ", ".join(theirs[name]))
        for name, values in conditions_of(first).items()
        if theirs.get(name, values) != values
    ]


def builds(first: Run, second: Run) -> list[str]:
    """Which code made runs A and B, in words: a line for the server and one for the load side.

    Runs of different builds may be compared, and who compares them must know that they are.
    """
    sides = {
        "server": [_values([_server_build(run)]) for run in (first, second)],
        "load side": [_values(host.get("lockstep") for host in run.hosts) for run in (first, second)],
    }
    return [_builds_in_words(side, *(", ".join(each) for each in found)) for side, found in sides.items()]


def _server_build(run: Run) -> str | None:
    """A server that was not installed used to call itself `source`, whatever its code was."""
    version = run.server.get("version")
    return None if version == "source" else version


def _builds_in_words(side: str, first: str, second: str) -> str:
    if first != second:
        return f"the {side} differs: {first} in A, {second} in B"
    if first == UNKNOWN:
        return f"of the {side} neither run tells the version"
    return f"the {side} is the same: {first}"


def _values(found: Iterable[Any], name: str = "") -> Values:
    return tuple(sorted({_setting(name, value) for value in found}))


def _setting(name: str, value: Any) -> str:
    if value is None:
        return "none" if name == "rate_per_s" else UNKNOWN
    if name.endswith("_ns"):
        return f"{value / _NS_PER_MS:g} ms"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)
