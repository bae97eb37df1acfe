"""`lockstep compare`: the same load against every mode, set side by side."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.commands.output import complain, print_report_of
from loadtest.connection.sources import parse_sources
from loadtest.exit_codes import DEGRADED, INTERRUPTED, WRONG_USE
from loadtest.plan import Arrival, Plan, PlanError, Traffic, parse_levels, parse_modes

if TYPE_CHECKING:
    from loadtest.master.local_run import LocalRun

DEFAULTS = Plan()


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
    hold: Annotated[str | None, typer.Option(help="Service time of a message. [default: 2ms]")] = None,
    work: Annotated[str | None, typer.Option(help="How it is spent: sleep or cpu. [default: sleep]")] = None,
    pause: Annotated[
        str | None, typer.Option(help="How long a mode keeps its permit after a close. [default: 0]")
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
) -> None:
    """Run the same load against every mode and set them side by side."""
    from loadtest.master.local_run import LocalRun

    if not 1 <= processes <= 64:
        raise PlanError("processes", f"{processes} is out of range: give 1 to 64")
    traffic = Traffic(scenario, client_mode, messages, payload, Arrival(arrival, rate), parse_sources(source))
    plan = Plan(parse_modes(modes), parse_levels(levels), repeats, seconds, warmup, seed, traffic)
    flags = _server_flags({"hold": hold, "work": work, "pause": pause}, theirs=bool(host or admin))
    command = shlex.join(["lockstep", *sys.argv[1:]])
    local_run = LocalRun(plan, host, admin, processes, out, command, flags)
    _run(local_run)


def _run(local_run: LocalRun) -> None:
    """Run it under a progress bar, print its report, and leave with the exit code it deserves."""
    from loadtest.master.local_run import run_here

    with _progress() as progress:
        bar = progress.add_task("starting", total=len(local_run.plan.cells()))
        finished = run_here(
            local_run,
            lambda run: progress.update(
                bar, advance=1, description=_last_cell(run.cells[-1].mode, run.cells[-1].level)
            ),
        )
    print_report_of(finished.path)
    if finished.failure:
        complain(finished.failure)
        raise typer.Exit(WRONG_USE)
    if finished.interrupted:
        raise typer.Exit(INTERRUPTED)
    if finished.degraded:
        raise typer.Exit(DEGRADED)


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


def _last_cell(mode: str, level: int) -> str:
    return f"{mode} at {level}"
