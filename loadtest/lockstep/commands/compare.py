"""`lockstep compare`: the same load against every mode, set side by side."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_type_hints

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lockstep.analysis.gate_syntax import check_gates, split_gates
from lockstep.children import clean_own_environment
from lockstep.commands.output import complain, print_report_of
from lockstep.exit_codes import exit_code, stopped_by
from lockstep.plan import Arrival, Plan, PlanError, Traffic, parse_levels, parse_modes
from lockstep.plan_file import read_plan_file
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Cell, ResultsError, Run
from lockstep.tcp.sources import parse_sources

if TYPE_CHECKING:
    from lockstep.master.local_run import LocalRun

DEFAULTS = Plan()


def _take_plan_file(context: typer.Context, file: Path | None) -> Path | None:
    """Let a plan file's settings stand in for flags that are not given: Typer asks for it first."""
    if file is not None:
        kinds = {name: _kind(hint) for name, hint in get_type_hints(compare).items()}
        settings = read_plan_file(
            file, {name: kind for name, kind in kinds.items() if name not in ("plan", "return")}
        )
        if "gate" in settings:  # the one flag that may be given several times
            settings["gate"] = list(split_gates(settings["gate"]))
        context.default_map = settings
    return file


@contextmanager
def _naming(plan: Path | None) -> Iterator[None]:
    """Whoever reads that a setting is wrong must know where it may stand."""
    try:
        yield
    except PlanError as wrong:
        raise wrong if plan is None else PlanError(wrong.what, f"{wrong} (given here or in {plan})") from None


def _kind(hint: Any) -> type:
    """What a plan file has to give for an option of this type: a number, or else text."""
    return next((kind for kind in (int, float) if kind in (hint, *get_args(hint))), str)


def compare(
    modes: Annotated[str, typer.Option(help="Modes to compare, separated by commas.")] = ",".join(
        DEFAULTS.modes
    ),
    levels: Annotated[str, typer.Option(help="Connections at once.")] = ",".join(map(str, DEFAULTS.levels)),
    repeats: Annotated[int, typer.Option(help="Repeats of every cell, interleaved.")] = DEFAULTS.repeats,
    seconds: Annotated[float, typer.Option(help="Measured seconds of a cell.")] = DEFAULTS.seconds,
    warmup: Annotated[
        float, typer.Option(help="Seconds before them that are not counted.")
    ] = DEFAULTS.warmup_s,
    hold: Annotated[str | None, typer.Option(help="Service time of a message. \\[default: 2ms]")] = None,
    work: Annotated[str | None, typer.Option(help="How it is spent: sleep, cpu. \\[default: sleep]")] = None,
    pause: Annotated[
        str | None, typer.Option(help="How long a mode keeps its permit after a close. \\[default: 0]")
    ] = None,
    messages: Annotated[int, typer.Option(help="Messages per connection.")] = DEFAULTS.traffic.messages,
    payload: Annotated[
        int, typer.Option(help="Bytes of payload in a message.")
    ] = DEFAULTS.traffic.payload_bytes,
    client_mode: Annotated[
        str, typer.Option(help="free, or locked: one session at a time in each worker.")
    ] = "free",
    scenario: Annotated[
        str, typer.Option(help="What a user does in a turn: session, greeting or persistent.")
    ] = DEFAULTS.traffic.scenario,
    arrival: Annotated[
        str,
        typer.Option(help="When turns begin: closed (a user is free), or by the rate: constant, poisson."),
    ] = DEFAULTS.traffic.arrival.kind,
    rate: Annotated[
        float | None, typer.Option(help="Open arrivals only: turns a second, over all workers.")
    ] = None,
    source: Annotated[
        str, typer.Option(help="Local addresses to connect from: 127.0.0.1,127.0.0.2 or 127.0.0.1-127.0.0.8.")
    ] = "",
    processes: Annotated[int, typer.Option(help="Worker processes.")] = 2,
    seed: Annotated[int, typer.Option(help="Shuffles the order of the cells.")] = DEFAULTS.seed,
    out: Annotated[Path, typer.Option(help="Folder for run folders.")] = Path("results"),
    host: Annotated[str | None, typer.Option(help="A server that runs already: tcp://name, or auto.")] = None,
    admin: Annotated[str | None, typer.Option(help="Its admin port, HOST:PORT.")] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(help="What must hold, or exit code 1: 'free: response_p99 < 20ms'. Repeatable."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(help="JUnit XML of the gates, for a pipeline.")] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings by the names of these flags, which win over it.",
            is_eager=True,
            callback=_take_plan_file,
        ),
    ] = None,
) -> None:
    """Run the same load against every mode and set them side by side."""
    # Locust reads variables of its own as it is imported, and the processes that carry the load inherit.
    clean_own_environment()
    from lockstep.commands.junit_file import check_junit
    from lockstep.master.local_run import LocalRun

    if not 1 <= processes <= 64:
        raise PlanError("processes", f"{processes} is out of range: give 1 to 64")
    with _naming(plan):
        arrivals, sources = Arrival(arrival, rate), parse_sources(source)
        chosen = Plan(
            modes=parse_modes(modes),
            levels=parse_levels(levels),
            repeats=repeats,
            seconds=seconds,
            warmup_s=warmup,
            seed=seed,
            traffic=Traffic(scenario, client_mode, messages, payload, arrivals, sources),
            # An empty one stays, and is refused: a pipeline's variable may be unset.
            gates=tuple(part for text in gate or () for part in split_gates(text) or [text]),
            file=None if plan is None else str(plan),
        )
        check_gates(chosen)
    if junit is not None:
        check_junit(junit, chosen.gates)
    flags = _server_flags({"hold": hold, "work": work, "pause": pause}, theirs=bool(host or admin))
    command = shlex.join(["lockstep", *sys.argv[1:]])
    _run(LocalRun(chosen, host, admin, processes, out, command, flags), junit)


def _run(local_run: LocalRun, junit: Path | None) -> None:
    """Run it under a progress bar, print its report, and leave with the exit code it deserves."""
    from lockstep.analysis.checks import degradations
    from lockstep.analysis.gates import judge_gates, unmet
    from lockstep.commands.junit_file import write_junit
    from lockstep.master.local_run import run_here
    from lockstep.master.stop_signals import StoppedBySignal
    from lockstep.report.material import Material

    progress = _progress()
    bar = progress.add_task("starting", total=len(local_run.plan.cells()))

    def on_cell(run: Run) -> None:
        progress.update(bar, advance=1, description=_last_cell(run.cells[-1]))

    try:
        finished = run_here(local_run, progress, on_cell, complain)
    except StoppedBySignal as stopped:
        complain(f"stopped by {stopped.words} before the run began: nothing is saved")
        raise typer.Exit(stopped_by(stopped.signal)) from None
    try:
        material = Material.of(RunFolder.load(finished.path))
    except ResultsError as lost:
        # Whatever took the folder away took it from the run too.
        raise ResultsError(finished.failure or str(lost)) from None
    print_report_of(material)
    if junit is not None:
        write_junit(junit, material.run)
    if finished.failure:
        complain(finished.failure)
    else:
        if finished.stopped:
            complain(f"stopped by {finished.stopped.words}: what was measured is saved in {finished.path}")
        if finished.unreported:
            complain(finished.unreported)
    raise typer.Exit(
        exit_code(
            refused=finished.failure is not None,
            signal=None if finished.stopped is None else finished.stopped.signal,
            degraded=bool(degradations(material.findings)),
            failed=bool(unmet(judge_gates(material.run))),
            unreported=finished.unreported is not None,
        )
    )


def _server_flags(chosen: dict[str, str | None], theirs: bool) -> tuple[str, ...]:
    """Flags of the server to be started; PlanError where it is somebody else's, who has set them already."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if theirs and given:
        name, value = next(iter(given.items()))
        raise PlanError(name, f"{value} is the server's to set: start it so, or leave out --host and --admin")
    words = [word for name, value in {"hold": "2ms", **given}.items() for word in (f"--{name}", value)]
    return ("--framing", "length", "--reply", "echo", "--timing", *words)


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _last_cell(cell: Cell) -> str:
    return f"{cell.mode} at {cell.level}"
