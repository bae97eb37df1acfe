"""`lockstep doctor`: what this machine lets a load be, before there is any."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.text import Text

from lockstep.commands.flags import check_processes, plan_of_flags
from lockstep.commands.output import stdout_console
from lockstep.commands.parser import command, option, path
from lockstep.doctor.limits import Limit, Needs, crowded, doubts, first, limits_of
from lockstep.doctor.machine import this_machine
from lockstep.errors import DONE, FAILED
from lockstep.master.limits import ServerLimits
from lockstep.plan import Plan
from lockstep.plan_files import command_of, read_plan_file
from lockstep.report.section import Column
from lockstep.report.terminal import text_table
from lockstep.settings import SETTINGS, Setting
from lockstep.target.admin import ServerView
from lockstep.target.local_server import local_server
from lockstep.worker.limits import own_limits, raise_open_files
from lockstep_wire.build import build_of

_COLUMNS: tuple[Column[Limit], ...] = (
    Column("limit", "limit", lambda each: each.name, text=True),
    Column("here", "here", lambda each: each.here),
    Column("allows", "allows", lambda each: _amount(each.allows)),
    Column("of", "", lambda each: each.of, text=True),
    Column("needs", "needed", lambda each: _amount(each.needs)),
)


@command(path("plan", required=False), option(Setting("processes", int, 2, "Worker processes")))
def doctor(plan: Path | None, processes: int) -> int:
    """Say what limits a load on this machine, and whether a plan fits. Exit 1 where it does not.

    Open files, threads, local ports and how long each is held, memory, CPUs, the clock. PLAN is a plan file
    or the name of a shipped plan; without it, it is what `lockstep compare` does by itself.
    """
    check_processes(processes)
    needs = _needs(_planned(plan), processes)
    machine = this_machine()
    raise_open_files()
    limits = limits_of(machine, own_limits("here"), _of_a_server(), needs)
    console = stdout_console()
    console.print(f"lockstep {build_of('lockstep', 'lockstep_wire')}")
    console.print(text_table(_COLUMNS, limits, wrapped={"limit"}))
    told = [*doubts(machine), *([line] if (line := crowded(machine, processes)) else [])]
    for line in _in_words(limits, told):
        console.print(Text(line))
    return FAILED if any(each.binds for each in limits) else DONE


def _planned(file: Path | None) -> Plan:
    settings: dict[str, Any] = {setting.key: setting.default for setting in SETTINGS}
    if file is not None:
        settings |= read_plan_file(str(file), command_of(str(file))) | {"plan": file}
    return plan_of_flags({**settings, "gate": ()})


def _needs(plan: Plan, processes: int) -> Needs:
    traffic, search = plan.traffic, plan.search
    most: int | None = plan.most_connections
    if search is not None:
        most = None if search.by_rate else int(search.up_to)
    # Of what is looked for nobody knows the rate before, and connections that stay take a port each once.
    rate = None if search is not None or traffic.keeps_connection else traffic.arrival.rate_per_s
    return Needs(most, rate, processes, max(len(traffic.sources), 1))


def _of_a_server() -> ServerLimits:
    """What a server of ours says when it is started here."""
    with local_server(["free"], ()) as ready:
        settings = ServerView(f"127.0.0.1:{ready['admin_port']}").snapshot().settings
    return ServerLimits(settings.get("open_files_limit"), settings.get("threads_limit"))


def _in_words(limits: Sequence[Limit], doubted: Iterable[str]) -> Iterator[str]:
    least = first(limits)
    if least is not None:
        at = _amount(least.allows)
        yield f"More connections meet first: {least.name}, at {at}. For more: {least.remedy}."
    for each in limits:
        if each.binds:
            shares = f"{_amount(each.allows)} {each.of} of {_amount(each.needs)}"
            yield f"TOO FEW: {each.name}, {shares}: {each.remedy}."
    for line in doubted:
        yield f"note: {line}."


def _amount(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
