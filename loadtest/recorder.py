"""What one worker records of one cell: histograms a phase, messages an outcome, seconds a row.

A sample belongs to the measured window if it *began* in it, however late it ended, so that the longest
waits are not cut
away; throughput counts what *ended* in the window. Everything is counted in the whole-cell ledger.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import Any

from hdrh.histogram import HdrHistogram

from loadtest.orders import CellOrder
from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Sample

HIGHEST_NS = 600 * 10**9
SIGNIFICANT_DIGITS = 3
SAMPLED_CONNECTIONS = 200

# The histograms of a cell: the phases, a message's time split in three, and first replies.
_PHASE_HISTOGRAMS = {
    Phase.CONNECT: "connect",
    Phase.FIRST_REPLY: "first_reply",
    Phase.MESSAGE: "response",
    Phase.CLOSE: "close",
    Phase.SESSION: "session",
}
HISTOGRAMS = (*_PHASE_HISTOGRAMS.values(), "wait", "service", "network")


def new_histogram() -> HdrHistogram:
    """Nanoseconds up to ten minutes, to three significant digits."""
    return HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)


class CellRecorder:
    """Counts one cell in one worker.

    `take` hands over what came since the last take, so that adding takes up gives the cell.
    """

    def __init__(self, order: CellOrder, now_ns: int) -> None:
        self.order = order
        self.window_start_ns = now_ns + round(order.warmup_s * 1e9)
        self.window_end_ns = (
            None if order.seconds is None else self.window_start_ns + round(order.seconds * 1e9)
        )
        self._histograms = {name: new_histogram() for name in HISTOGRAMS}
        self._connections: list[dict[str, Any]] = []
        self._sampled = 0
        self._sequence = 0
        self._clear()

    def _clear(self) -> None:
        self._measured: Counter[str] = Counter()
        self._ledger: Counter[str] = Counter()
        self._per_second: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._sessions = 0
        self._answered_in_window = 0

    def record(self, sample: Sample) -> None:
        """Take one finished sample in."""
        began_inside = self._inside(sample.start_ns)
        ended_inside = self._inside(sample.end_ns)
        answered = sample.outcome is Outcome.ANSWERED
        if sample.phase is Phase.MESSAGE:
            self._ledger[sample.outcome.value] += 1
            if began_inside:
                self._measured[sample.outcome.value] += 1
            if ended_inside:
                self._answered_in_window += answered
                second = (sample.end_ns - self.window_start_ns) // 1_000_000_000
                self._per_second[second][0 if answered else 1] += 1
        elif sample.phase is Phase.SESSION and answered and ended_inside:
            self._sessions += 1
        if answered and began_inside:
            self._time(sample)

    def record_connection(self, address: str, view: ClientView) -> None:
        """Keep a bounded sample of whole connections: the first ones, for the picture of who overlapped."""
        if self._sampled < SAMPLED_CONNECTIONS:
            self._sampled += 1
            row = {name: getattr(view, name) for name in ClientView.__dataclass_fields__}
            self._connections.append({"address": address, **row})

    def close_window(self, now_ns: int) -> None:
        """End a window that has no end of its own, or end it early."""
        if self.window_end_ns is None or now_ns < self.window_end_ns:
            self.window_end_ns = max(now_ns, self.window_start_ns)

    def take(self, worker: str, final: bool) -> dict[str, Any]:
        """The report of everything since the last take, ready to be sent; `worker` is who sends it."""
        now_ns = time.monotonic_ns()
        end_ns = now_ns if self.window_end_ns is None else min(self.window_end_ns, now_ns)
        report = {
            "run_id": self.order.run_id,
            "cell": self.order.cell,
            "worker": worker,
            "sequence": self._sequence,
            "final": final,
            "window_s": max(end_ns - self.window_start_ns, 0) / 1e9,
            "measured": dict(self._measured),
            "ledger": dict(self._ledger),
            "sessions": self._sessions,
            "answered_in_window": self._answered_in_window,
            "per_second": [[second, *counts] for second, counts in sorted(self._per_second.items())],
            "histograms": {name: _encoded(h) for name, h in self._histograms.items() if h.get_total_count()},
            "connections": self._connections,
        }
        self._sequence += 1
        self._connections = []
        self._clear()
        return report

    def _inside(self, moment_ns: int) -> bool:
        return self.window_start_ns <= moment_ns and (
            self.window_end_ns is None or moment_ns < self.window_end_ns
        )

    def _time(self, sample: Sample) -> None:
        elapsed_ns = sample.elapsed_ns
        self._put(_PHASE_HISTOGRAMS[sample.phase], elapsed_ns)
        if sample.phase is Phase.MESSAGE and sample.wait_ns is not None and sample.service_ns is not None:
            self._put("wait", sample.wait_ns)
            self._put("service", sample.service_ns)
            # The wait can begin before the message is sent (a connection waits as soon as it has arrived),
            # so the rest may be below 0.
            self._put("network", max(elapsed_ns - sample.wait_ns - sample.service_ns, 0))

    def _put(self, name: str, value_ns: int) -> None:
        self._histograms[name].record_value(min(max(value_ns, 1), HIGHEST_NS))


def _encoded(histogram: HdrHistogram) -> str:
    """The histogram in HdrHistogram's own base64 form, emptied."""
    encoded: bytes = histogram.encode()
    histogram.reset()
    return encoded.decode("ascii")
