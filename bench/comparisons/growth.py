"""What a message and a connection cost the generator as the connections grow."""

from __future__ import annotations

from collections.abc import Iterator

from bench import proc
from bench.counter import counting
from bench.crowd import SPARE_FILES, await_open
from bench.findings import Finding, Growth, GrowthPoint, Missing
from bench.generators import Ours
from bench.processes import LOAD_CORE, Place, ToolError
from bench.rate import rate_of
from bench.settings import Settings, say

LEVELS = (10, 100, 1_000, 10_000)


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
    """One level."""
    files = connections + SPARE_FILES
    generator = Ours(place=Place(LOAD_CORE, files))
    with counting(files) as counter, generator.load(counter.port, connections) as process:
        await_open(process, lambda: counter.counts().open, connections)
        rate = rate_of(process, lambda: counter.messages(generator.frame_bytes), seconds)
        resident = proc.resident_bytes(process.pid)
    told = rate.told("messages per CPU second")
    say(f"growth: {connections:,} connections: {told}, {resident / 1e6:,.0f} MB")
    return GrowthPoint(connections, rate.per_cpu_s, rate.per_wall_s, resident)
