"""`lockstep compare | report | clients`. Bad input is one line on stderr and exit 2.

Commands import what they need themselves: only `compare` may bring in Locust, which takes real threads and
locks away.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from loadtest.exit_codes import DEGRADED, DONE, INTERRUPTED, WRONG_USE
from loadtest.plan import Arrival, Plan, PlanError, Traffic, parse_levels, parse_modes
from loadtest.refusals import REFUSALS, in_words
from loadtest.sources import parse_sources

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measures what synchronising costs a threaded TCP server.",
)

if TYPE_CHECKING:
    from loadtest.compare import Comparison

DEFAULTS = Plan()
# The common ancestor of Typer's complaints about a command line.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


@app.command()
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
    from loadtest.compare import Comparison

    if not 1 <= processes <= 64:
        raise PlanError("processes", f"{processes} is out of range: give 1 to 64")
    traffic = Traffic(scenario, client_mode, messages, payload, Arrival(arrival, rate), parse_sources(source))
    plan = Plan(parse_modes(modes), parse_levels(levels), repeats, seconds, warmup, seed, traffic)
    flags = _server_flags({"hold": hold, "work": work, "pause": pause}, theirs=bool(host or admin))
    command = shlex.join(["lockstep", *sys.argv[1:]])
    comparison = Comparison(plan, host, admin, processes, out, command, flags)
    _run(comparison)


@app.command()
def report(run: Annotated[Path, typer.Argument(help="A run's folder, results/<run id>.")]) -> None:
    """Make report.html of a run folder again, and print its table."""
    from loadtest.report.build import write_report

    write_report(run)
    _print_report(run)


@app.command()
def clients(
    count: Annotated[int, typer.Option(help="How many clients.")] = 3,
    mode: Annotated[
        str, typer.Option(help="The server's mode, for example free, lock, semaphore=2.")
    ] = "lock",
    client_mode: Annotated[
        str, typer.Option(help="free, or locked: the clients hold one lock among them.")
    ] = "free",
    pause: Annotated[str, typer.Option(help="How long a permit is kept after its connection closed.")] = "1s",
) -> None:
    """Show a few clients and one server at work: who connects, speaks, is answered and leaves, and when."""
    from loadtest.demonstration import demonstrate

    demonstrate(count, mode, client_mode, pause, Console(highlight=False))


def _run(comparison: Comparison) -> None:
    """Run it under a progress bar, print its report, and leave with the exit code it deserves."""
    from loadtest.compare import run_comparison

    with _progress() as progress:
        bar = progress.add_task("starting", total=len(comparison.plan.cells()))
        finished = run_comparison(
            comparison,
            lambda run: progress.update(
                bar, advance=1, description=_last_cell(run.cells[-1].mode, run.cells[-1].level)
            ),
        )
    _print_report(finished.path)
    if finished.failure:
        _complain(finished.failure)
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


def _print_report(path: Path) -> None:
    from loadtest.report.text import print_report
    from loadtest.run_folder import RunFolder

    console = Console()
    print_report(RunFolder.load(path), console)
    console.print(f"Report: {path / 'report.html'}", soft_wrap=True)


def _complain(line: str) -> None:
    print(f"lockstep: {line}", file=sys.stderr)


def main() -> None:
    """The entry point: every refusal is one line, whoever it comes from."""
    try:
        code = app(standalone_mode=False)
    except REFUSALS as refusal:
        _complain(in_words(refusal))
        code = WRONG_USE
    except UsageError as misuse:
        _complain(f"{misuse.format_message()} Try --help.")  # type: ignore[attr-defined]
        code = WRONG_USE
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else DONE)


if __name__ == "__main__":
    main()
