"""`make bench`: the comparisons as a table and, with all they measured, as bench.json."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.comparisons import (
    connections,
    experts,
    find,
    gil,
    growth,
    huge,
    modes,
    one_way,
    ping_pong,
    promises,
    report,
    requests,
    restart,
    server_memory,
    servers,
    sessions,
    until,
    watch,
)
from bench.cost_chart import cost_svg
from bench.document import document_of, load_growth, save
from bench.findings import Finding, Missing
from bench.machine import this_machine
from bench.processes import ToolError
from bench.settings import Settings, say
from bench.table import table_of
from lockstep.errors import PlanError
from lockstep.traffic import part_of

WRONG_USE = 2
# Below, an interval that may be looked at often has no ends.
LEAST_LOOKS = 3
TERMINATED = 128 + signal.SIGTERM
# Characters a line where no terminal says how many it has.
PAPER_WIDTH = 120
# The share of a machine from which others disturb what the wall clock says.
BUSY = 0.25

Comparison = Callable[[Settings], Iterator[Finding]]
COMPARISONS: Mapping[str, Comparison] = {
    "requests": requests.compare,
    "sessions": sessions.compare,
    "ping-pong": ping_pong.compare,
    "connections": connections.compare,
    "experts": experts.compare,
    "one-way": one_way.compare,
    "growth": growth.compare,
    "servers": servers.compare,
    "server-memory": server_memory.compare,
    "modes": modes.compare,
    "promises": promises.compare,
    "gil": gil.compare,
    "find": find.compare,
    "until": until.compare,
    "watch": watch.compare,
    "restart": restart.compare,
    "report": report.compare,
}
HUGE: Mapping[str, Comparison] = {"huge": huge.compare}


def findings_of(name: str, comparison: Comparison, settings: Settings) -> Iterator[Finding]:
    """What a comparison finds; where a tool fails, what it found until then and the reason."""
    say(f"{name} …")
    try:
        yield from comparison(settings)
    except ToolError as error:
        say(f"{name}: {error}")
        yield Missing(name, str(error))


def chosen(only: Sequence[str] | None, huge_too: bool) -> dict[str, Comparison]:
    """The comparisons asked for, in their usual order. ToolError names one that there is not."""
    offered = {**COMPARISONS, **HUGE}
    for name in only or ():
        if name not in offered:
            raise ToolError(f"--only {name}: choose from {', '.join(offered)}")
    if only:
        return {name: comparison for name, comparison in offered.items() if name in only}
    return offered if huge_too else dict(COMPARISONS)


def run(options: argparse.Namespace) -> None:
    """Measure what was asked for; save after every comparison; print at the end."""
    settings = Settings(options.pairs, options.seconds, options.until, options.most)
    machine = this_machine()
    file = options.out / "bench.json"
    findings: list[Finding] = []
    comparisons = chosen(options.only, options.huge)
    save(file, document_of(machine, settings, findings))
    if machine.cores < 2:
        say("one core only: both sides share it, and its ratios say little")
    if machine.load_average > BUSY * machine.cores:
        say(f"others are at work here (load {machine.load_average:g}): trust ratios of processor time only")
    for name, comparison in comparisons.items():
        findings += findings_of(name, comparison, settings)
        save(file, document_of(machine, settings, findings))
    console = Console()
    if not console.is_terminal:
        console.width = PAPER_WIDTH
    console.print(table_of(findings))
    console.print(
        "Both sides are medians over the turns; the ratio is of geometric means, within each turn."
        f" {machine.cpu}, {machine.cores} cores, {machine.python}. All of it: {file}"
    )


def draw(arguments: Sequence[str]) -> None:
    """`python -m bench chart BENCH_JSON SVG`."""
    parser = argparse.ArgumentParser(prog="python -m bench chart")
    parser.add_argument("source", type=Path, help="a bench.json that holds a growth")
    parser.add_argument("target", type=Path, help="the SVG file to write")
    options = parser.parse_args(arguments)
    options.target.write_text(cost_svg(load_growth(options.source)) + "\n", encoding="utf-8")


def part(text: str) -> float:
    """`5%` or `0.05`, above 0. ArgumentTypeError where it is neither."""
    try:
        value = part_of("until", text)
    except PlanError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not from 0 to 100%: write for example 5%")
    return value


def measure(arguments: Sequence[str]) -> None:
    """`python -m bench`."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        epilog="`python -m bench chart BENCH_JSON SVG` draws what the growth comparison found",
    )
    names = ", ".join([*COMPARISONS, *HUGE])
    defaults = Settings()
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"some of the comparisons: {names}")
    parser.add_argument(
        "--pairs", type=int, default=defaults.pairs, help="how often each side is measured, in turn"
    )
    parser.add_argument("--seconds", type=float, default=defaults.seconds, help="how long each time")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for bench.json")
    parser.add_argument("--huge", action="store_true", help="70,000 connections too")
    parser.add_argument(
        "--until",
        type=part,
        metavar="5%",
        help="add pairs until every ratio is so sure; --pairs are the first",
    )
    parser.add_argument(
        "--most", type=int, default=defaults.most, help=f"how many pairs --until may take ({defaults.most})"
    )
    options = parser.parse_args(arguments)
    if options.pairs < 1:
        parser.error(f"--pairs {options.pairs}: at least 1")
    if options.until is not None and not LEAST_LOOKS <= options.pairs <= options.most:
        parser.error(f"--until: give --pairs {LEAST_LOOKS} at least, and --most {options.pairs} at least")
    if options.seconds < 1:
        parser.error(f"--seconds {options.seconds:g}: at least 1, in less too little is done")
    run(options)


def main() -> None:
    """Measure, or draw."""
    arguments = sys.argv[1:]
    # Its own processes are ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    try:
        if arguments[:1] == ["chart"]:
            draw(arguments[1:])
        else:
            measure(arguments)
    except ToolError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)


if __name__ == "__main__":
    main()
