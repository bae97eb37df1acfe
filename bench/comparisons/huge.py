"""More connections than one address has ports: 70,000, from four addresses of this machine."""

from __future__ import annotations

from collections.abc import Iterator

from bench import proc
from bench.counter import counting
from bench.crowd import SPARE_FILES, await_open
from bench.findings import Figure, Finding
from bench.generators import Ours
from bench.processes import Place
from bench.settings import Settings

CONNECTIONS = 70_000
SOURCES = "127.0.0.1-127.0.0.4"
TIMEOUT_S = 180.0
BYTES_PER_MB = 1_000_000


def compare(_: Settings) -> Iterator[Finding]:
    """One worker against the counting server; needs about 3 GB and the right to open that many files."""
    files = CONNECTIONS + SPARE_FILES
    flags = ("--scenario", "persistent", "--source", SOURCES)
    generator = Ours(flags, place=Place(open_files=files))
    with counting(files) as counter, generator.load(counter.port, CONNECTIONS) as process:
        seconds = await_open(process, lambda: counter.counts().open, CONNECTIONS, TIMEOUT_S)
        resident = proc.resident_bytes(process.pid) / BYTES_PER_MB
    yield Figure(f"{CONNECTIONS:,} connections, four addresses: all open after", "s", [seconds])
    yield Figure(f"{CONNECTIONS:,} connections, four addresses: memory of the process", "MB", [resident])
