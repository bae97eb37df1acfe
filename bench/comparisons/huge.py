"""More connections than one address has ports, or one process files: 70,000, from eight addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.counter import sharing
from bench.findings import Figure, Finding
from bench.plan_load import ended, plan_load
from bench.ports import free_port
from bench.processes import ANYWHERE
from bench.settings import Settings

CONNECTIONS = 70_000
# Four addresses have ports enough. But Linux gives out one half of an address's ports first, and once that is
# taken it goes through all of it for every connect: 94 s from four addresses, 6 s from eight.
SOURCES = "127.0.0.1-127.0.0.8"
# Each is to stay below 20,000 files. The kernel spreads connections by a hash, so servers need room to spare.
WORKERS, SERVERS = 4, 5
SECONDS = 5.0
# Ninety seconds at most to open, then the cell, its end and its report.
TIMEOUT_S = 240.0
BYTES_PER_MB = 1_000_000


def compare(_: Settings) -> Iterator[Finding]:
    """A master and four workers against five counting servers that share a port; needs about 3 GB."""
    name = f"{CONNECTIONS:,} connections, {WORKERS} workers"
    master_port = str(free_port())
    flags = ["--processes", str(WORKERS), "--master-bind-port", master_port, "--master-port", master_port]
    with (
        TemporaryDirectory() as folder,
        sharing(SERVERS) as counters,
        plan_load(
            counters[0].port,
            CONNECTIONS,
            SECONDS,
            Path(folder),
            ANYWHERE,
            [*flags, "--source", SOURCES],
        ) as load,
    ):
        run = ended(load, Path(folder), TIMEOUT_S)
        opened = sum(counter.counts().opened for counter in counters)
    yield Figure(f"{name}: opened", "connections", [opened])
    yield Figure(f"{name}: all open after", "s", [run.all_open_s()])
    yield Figure(f"{name}: memory of all workers", "MB", [sum(run.resident_bytes) / BYTES_PER_MB])
    yield from run.losses(name)
