"""What a message and a connection cost the generator as the connections grow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import proc
from bench.counter import counting
from bench.crowd import SPARE_FILES, await_open
from bench.findings import Finding, Growth, GrowthPoint, Missing
from bench.generators import FRAME_BYTES
from bench.plan_load import WARMUP_S, ended, plan_load
from bench.processes import LOAD_CORE, Place, ToolError
from bench.rate import rate_of
from bench.settings import Settings, say

LEVELS = (10, 100, 1_000, 10_000)
# The plan goes on for that long after the measurement, which begins once it is steady.
SPARE_S = 2.0
# What a run takes to end: its drain, and its report.
END_TIMEOUT_S = 90.0


def compare(settings: Settings) -> Iterator[Finding]:
    """Ours against the counting server, each on its own core; as far as it goes where a level fails."""
    points: list[GrowthPoint] = []
    failures: list[Missing] = []
    for connections in LEVELS:
        try:
            points.append(point(connections, settings.seconds))
        except ToolError as error:
            failures.append(Missing(f"growth, {connections:,} connections", str(error)))
            break
    if points:
        yield Growth("request/response, ours", points)
    yield from failures


def point(connections: int, seconds: float) -> GrowthPoint:
    """One level, measured from outside while the plan's cell is under way. ToolError if one was lost."""
    files = connections + SPARE_FILES
    place = Place(LOAD_CORE, files)
    with (
        TemporaryDirectory() as folder,
        counting(files) as counter,
        plan_load(counter.port, connections, seconds + SPARE_S, Path(folder), place) as load,
    ):
        await_open(load, lambda: counter.counts().open, connections)
        time.sleep(WARMUP_S)
        rate = rate_of(load, lambda: counter.messages(FRAME_BYTES), seconds)
        resident = proc.resident_bytes(load.pid)
        run = ended(load, Path(folder), seconds + SPARE_S + END_TIMEOUT_S)
    if run.failed:
        raise ToolError(f"{run.failed:,} messages had no right reply; {'; '.join(run.notes)}")
    told = rate.told("messages per CPU second")
    say(f"growth: {connections:,} connections: {told}, {resident / 1e6:,.0f} MB")
    return GrowthPoint(connections, rate.per_cpu_s, rate.per_wall_s, resident)
