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
from bench.rate import await_steady
from bench.ratio import Better, Ratio, in_turn
from bench.run_summary import read_summary
from bench.settings import Settings, say

# On the wire: our four bytes of length are in it.
MESSAGE_BYTES = 64
UNIT = "µs, median round trip"
WANTED = 1.3


def compare(settings: Settings) -> Iterator[Finding]:
    """Ours against the counting server, the C tool against its own, since it takes no plain echo for a reply.

    The C server answers sooner than ours in Python can: that handicap is in the ratio.
    """
    sockperf.require()

    def ours(turn: int) -> float:
        return _told(turn, "ours", _ours_us(settings.seconds))

    def theirs(turn: int) -> float:
        with sockperf.own_server() as port:
            return _told(turn, "sockperf", sockperf.ping_pong_us(port, MESSAGE_BYTES, settings.seconds))

    mine, others = in_turn([ours, theirs], settings.pairs)
    yield Ratio("ping-pong, 1 connection: ours / sockperf", UNIT, mine, others, WANTED, Better.LOWER)


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
        return read_summary(Path(folder)).round_trip_us
