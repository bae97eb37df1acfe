"""Ten and twenty thousand connections at once: what they take, how soon they are there, if all are served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import proc
from bench.crowd import SPARE_FILES, await_open
from bench.findings import Figure, Finding
from bench.generators import Ours
from bench.our_server import our_server
from bench.ports import free_port
from bench.processes import Place, ToolError
from bench.run_summary import read_summary
from bench.settings import Settings, say

ONE_WORKER, TWO_WORKERS = 10_000, 20_000
WANTED_MB, WANTED_S = 250.0, 8.0
BYTES_PER_MB = 1_000_000
# Thousands of conversations to end, and a run to save.
STOP_TIMEOUT_S = 60.0


def compare(_: Settings) -> Iterator[Finding]:
    """Against our own server, mode free, neither of the two pinned."""
    yield from hold(ONE_WORKER, ())
    port = str(free_port())
    yield from hold(TWO_WORKERS, ("--processes", "2", "--master-bind-port", port, "--master-port", port))


def hold(connections: int, flags: tuple[str, ...]) -> Iterator[Finding]:
    """Open them all, let them talk, end the run and read what it says of itself."""
    name = f"{connections:,} connections, {'two workers' if flags else 'one worker'}"
    place = Place(open_files=connections + SPARE_FILES)
    with TemporaryDirectory() as folder:
        generator = Ours(("--scenario", "persistent", *flags), place=place, out=Path(folder))
        server_flags = ("--framing", "length", "--reply", "echo", "--backlog", "4096")
        with our_server(server_flags, place) as (port, server):
            idle = proc.open_files(server.pid)
            with generator.load(port, connections) as process:
                seconds = await_open(process, lambda: proc.open_files(server.pid) - idle, connections)
                say(f"{name}: open after {seconds:.1f} s")
                resident = max(map(proc.resident_bytes, proc.family(process.pid)))
                code = process.end(STOP_TIMEOUT_S)
        yield Figure(f"{name}: all open after", "s", [seconds], None if flags else WANTED_S)
        yield Figure(f"{name}: memory of a process", "MB", [resident / BYTES_PER_MB], WANTED_MB)
        if code:
            raise ToolError(f"{name}: the run ended with {code}: {process.last_words()}")
        summary = read_summary(Path(folder))
        yield Figure(f"{name}: messages lost", "messages", [summary.failed], 0)
        yield Figure(f"{name}: notes against the run", "notes", [len(summary.notes)], 0)
