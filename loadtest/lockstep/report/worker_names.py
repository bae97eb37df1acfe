"""Short names for workers: `worker 2` where Locust has a host's name and 32 hexadecimal digits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from lockstep.runs.records import Cell, Run


def with_short_names(run: Run) -> Run:
    """The run with its workers numbered, in the order in which they are listed, wherever they are named.

    The `name` of a host stays, so that the conditions still tell which worker ran where.
    """
    names = _short_names(run)
    if not names:
        return run
    hosts = [{**host, "role": names.get(str(host.get("name")), host.get("role"))} for host in run.hosts]
    notes = [_renamed(note, names) for note in run.notes]
    return replace(run, hosts=hosts, notes=notes, cells=[_with_names(cell, names) for cell in run.cells])


def _short_names(run: Run) -> dict[str, str]:
    listed = [str(host["name"]) for host in run.hosts if host.get("role") == "worker" and "name" in host]
    told = [health.worker for cell in run.cells for health in cell.health]
    return {name: f"worker {number}" for number, name in enumerate(dict.fromkeys([*listed, *told]), start=1)}


def _with_names(cell: Cell, names: Mapping[str, str]) -> Cell:
    return replace(cell, health=[replace(each, worker=names[each.worker]) for each in cell.health])


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """The text with short names in the place of whole long ones."""
    long_names = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    return re.sub(rf"(?<!\w)(?:{long_names})(?!\w)", lambda found: names[found[0]], text)
