"""`make bench`: a table, and bench.json in the folder named by --out. Needs two cores, one for each side."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.pairs import Ratio, measure
from bench.promises import promises

HERE = Path(__file__).parent
SERVER_CORE, LOAD_CORE = 0, 1
OUR_SERVER = ["-m", "server", "--listen", "free:0", "--admin-port", "0", "--bind", "127.0.0.1"]
OUR_SERVER += ["--log-level", "warning"]


def pinned(core: int, arguments: Sequence[str]) -> subprocess.Popen[str]:
    """A Python process on one core, where there is more than one."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(process.pid, {core})
    return process


@contextmanager
def serving(arguments: Sequence[str]) -> Iterator[int]:
    """A server process; gives the port of its first listener."""
    process = pinned(SERVER_CORE, arguments)
    assert process.stdout is not None
    try:
        line = json.loads(process.stdout.readline())
        yield line if isinstance(line, int) else line["listeners"][0]["port"]
    finally:
        process.terminate()
        process.wait(10)


def load(port: int, connections: int, seconds: float) -> float:
    """Messages per second that one pinned client gets out of a port."""
    process = pinned(LOAD_CORE, [str(HERE / "echo_load.py"), str(port), str(connections), str(seconds)])
    output, _ = process.communicate(timeout=seconds + 30)
    return float(output)


def server_against_bare_loop(connections: int, seconds: float, pairs: int) -> Ratio:
    """Mode `free` with the bare defaults, against the bare loop with the same reply."""
    with ExitStack() as stack:
        ours = stack.enter_context(serving(OUR_SERVER))
        bare = stack.enter_context(serving([str(HERE / "bare_server.py")]))
        name = f"server, free / bare loop, connections: {connections}"
        return measure(
            name,
            0.9,
            lambda: load(ours, connections, seconds),
            lambda: load(bare, connections, seconds),
            pairs,
        )


def show(ratios: Sequence[Ratio]) -> None:
    """The table."""
    table = Table("comparison", "ours /s", "theirs /s", "ratio", "spread", "wanted")
    for ratio in ratios:
        ours, theirs = max(ratio.ours), max(ratio.theirs)
        spread = f"{min(ratio.ratios):.2f} - {max(ratio.ratios):.2f}"
        mark = "reached" if ratio.reached else "missed"
        table.add_row(
            ratio.name,
            f"{ours:,.0f}",
            f"{theirs:,.0f}",
            f"{ratio.median:.2f}",
            spread,
            f"{ratio.wanted} {mark}",
        )
    console = Console()
    console.print(table)
    console.print("Ratio: median over the pairs. Rates: the best of each side.")


def main() -> None:
    """Measure everything, print it, save it."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--pairs", type=int, default=7, help="how often each side is measured, in turn")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each time")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder for bench.json")
    options = parser.parse_args()
    ratios = [
        *(server_against_bare_loop(connections, options.seconds, options.pairs) for connections in (1, 50)),
        *promises(options.pairs),
    ]
    show(ratios)
    options.out.mkdir(parents=True, exist_ok=True)
    document = [
        {"name": r.name, "wanted": r.wanted, "median": r.median, "ours": r.ours, "theirs": r.theirs}
        for r in ratios
    ]
    (options.out / "bench.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
