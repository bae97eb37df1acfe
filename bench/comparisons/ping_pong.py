"""One connection, one message in flight: our median round trip against the C tool's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import sockperf
from bench.counter import counting
from bench.findings import Finding
from bench.generators import Ours
from bench.module_server import module_server
from bench.processes import ToolError
from bench.rate import await_steady
from bench.ratio import Better, Ratio, ratios_in_turn
from bench.run_summary import read_summary
from bench.settings import Settings, say

# On the wire: our four bytes of length are in it.
MESSAGE_BYTES = 64
UNIT = "µs, median round trip"
WANTED = 1.3


def compare(settings: Settings) -> Iterator[Finding]:
    """The C tool against its own server, in C as well, and against a loop like the one that answers ours."""
    sockperf.require()

    def ours(turn: int) -> float:
        return _told(turn, "ours", _ours_us(settings.seconds))

    def against_its_own(turn: int) -> float:
        with sockperf.own_server() as port:
            p50_us = sockperf.ping_pong_us(port, MESSAGE_BYTES, settings.seconds)
        return _told(turn, "sockperf, its own server", p50_us)

    def against_python(turn: int) -> float:
        with module_server("bench.servers.sockperf_echo") as (port, _):
            p50_us = sockperf.ping_pong_us(port, MESSAGE_BYTES, settings.seconds)
        return _told(turn, "sockperf, a server as ours", p50_us)

    def told(medians_us: list[list[float]]) -> list[Ratio]:
        mine, own, alike = medians_us
        name = "ping-pong, 1 connection: ours / sockperf"
        return [
            Ratio(f"{name} with its own server", UNIT, mine, own, WANTED, Better.LOWER),
            Ratio(f"{name} with a server as ours", UNIT, mine, alike, WANTED, Better.LOWER),
        ]

    yield from ratios_in_turn([ours, against_its_own, against_python], settings, told)


def _told(turn: int, who: str, p50_us: float) -> float:
    say(f"ping-pong {turn + 1}: {who}: {p50_us:.1f} {UNIT}")
    return p50_us


def _ours_us(seconds: float) -> float:
    """Our median, out of the run folder of a run by hand with one user."""
    with TemporaryDirectory() as folder:
        generator = Ours(payload_bytes=MESSAGE_BYTES - 4, out=Path(folder))
        with counting() as counter, generator.load(counter.port, 1) as process:
            await_steady(process, lambda: counter.messages(MESSAGE_BYTES))
            time.sleep(seconds)
        round_trip_us = read_summary(Path(folder)).round_trip_us
    if round_trip_us is None:
        raise ToolError("ours: the run counted no reply")
    return round_trip_us
