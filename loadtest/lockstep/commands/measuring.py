"""A run on this machine, from flags to its report and exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lockstep.children import clean_own_environment
from lockstep.commands.flags import check_processes, is_given, naming, plan_of_flags
from lockstep.commands.junit import check_junit, write_junit
from lockstep.commands.output import complain, print_report_of
from lockstep.commands.whom import (
    check_started,
    chosen_by,
    named_by_file,
    on_pythons_of,
    server_flags,
    what_users_do,
    whose_server,
)
from lockstep.commands.workflow import give_up, tell_workflow
from lockstep.doctor.limits import doubts
from lockstep.doctor.machine import this_machine
from lockstep.errors import ResultsError, exit_code, stopped_by
from lockstep.options import of_targets
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Cell, Run
from lockstep.target.servers import Whom
from lockstep.watch.chosen import Watching

if TYPE_CHECKING:
    from lockstep.commands.run_local import LocalRun


def measure_here(file: Path | None, given: Mapping[str, Any]) -> int:
    """Run on this machine what flags say, print its report, and tell the exit code.

    given: by their keys, each flag of `compare`, and whatever else makes a plan.
    """
    # Locust reads variables of its own as it is imported, and the processes that carry the load inherit. What
    # --run starts is nothing of ours, and gets all that there was.
    environment = clean_own_environment()
    from lockstep.commands.run_local import LocalRun

    processes, junit = given["processes"], given["junit"]
    with naming(given["plan"]):
        check_processes(processes)
        user_file, spoken = what_users_do(file, given)
        by_file = named_by_file(spoken)
        chosen = by_file or chosen_by(given, environment, by_file=file is not None)
        on_pythons = None if chosen is not None else on_pythons_of(given, environment)
        if chosen is not None:
            given = of_targets({**given, "modes": ",".join(chosen.names)})
        elif on_pythons is not None:
            first, *_ = names = on_pythons.names
            given = {**given, "modes": ",".join(names), "baseline": given["baseline"] or first}
        plan = plan_of_flags({**given, "user_file": user_file})
        if junit is not None:
            check_junit(junit, plan.gates)
        host, admin = given["host"], given["admin"]
        flags = server_flags(given, spoken, whose_server(by_file, theirs=bool(host or admin or chosen)))
        one_server = chosen is None and on_pythons is None
        watching = Watching.read(given["watch"], plan.modes, one_server=one_server)
        words = shlex.join(["lockstep", *sys.argv[1:]])
        unset = frozenset(name for name in ("warmup", "seconds") if not is_given(name))
        out, notes = given["out"], (*spoken.notes, *doubts(this_machine()))
        whom = Whom(host, admin, flags, chosen, on_pythons)
        check_started(given, whom.of_others(plan))
        local_run = LocalRun(plan, whom, processes, out, words, unset, notes, watching)
        return run_and_report(local_run, junit)


def run_and_report(local_run: LocalRun, junit: Path | None) -> int:
    """Run it under a progress bar, print its report, and tell the exit code that it deserves."""
    from lockstep.analysis.checks import degradations
    from lockstep.analysis.gates import has_failed
    from lockstep.commands.run_local import run_here
    from lockstep.master.stop_signals import StoppedBySignal
    from lockstep.report.material import Material

    progress = _progress()
    plan = local_run.plan
    # How many cells a search takes, or how many repeats it takes to be sure, nobody knows.
    planned = plan.search is None and plan.until is None
    bar = progress.add_task("starting", total=len(plan.cells()) if planned else None)

    def on_cell(run: Run) -> None:
        progress.update(bar, advance=1, description=_last_cell(run.measured[-1]))

    try:
        finished = run_here(local_run, progress, on_cell, complain)
    except StoppedBySignal as stopped:
        complain(f"stopped by {stopped.words} before the run began: nothing is saved")
        return stopped_by(stopped.signal)
    try:
        material = Material.of(RunFolder.load(finished.path))
    except ResultsError as lost:
        # Whatever took the folder away took it from the run too.
        raise ResultsError(finished.failure or str(lost)) from None
    # What is the last line of all need not be a note above it too.
    print_report_of(material.without_note(finished.failure))
    tell_workflow(material)
    if junit is not None:
        write_junit(junit, material.run)
    if finished.failure:
        give_up(finished.failure)
    else:
        if finished.stopped:
            complain(f"stopped by {finished.stopped.words}: what was measured is saved in {finished.path}")
        if finished.unreported:
            complain(finished.unreported)
    return exit_code(
        refused=finished.failure is not None,
        signal=None if finished.stopped is None else finished.stopped.signal,
        degraded=bool(degradations(material.findings)),
        failed=has_failed(material.run),
        unreported=finished.unreported is not None,
    )


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _last_cell(cell: Cell) -> str:
    beside = "" if cell.beside is None else f", {cell.beside.kind}"
    return f"{cell.mode} at {cell.level}{beside}"
