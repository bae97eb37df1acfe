"""What a worker tells of itself each second, for whoever watches: a few counts, no whole histograms.

Warm-up counts too: this is what happens now, and no result. Response times are counted in buckets of which
each is an eighth wider than the one before: coarse, but a pulse is 140 small numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lockstep.control import CellOrder, Pulse
from lockstep.record.journal import Batch
from lockstep.runs.histograms import Nanoseconds
from lockstep.tcp.samples import Outcome, Phase, Sample

BUCKETS_PER_DECADE = 20
# From 10 microseconds to 100 seconds; what lies outside is counted in the first or the last.
LOWEST_DECADE, HIGHEST_DECADE = 4, 11
BUCKETS = (HIGHEST_DECADE - LOWEST_DECADE) * BUCKETS_PER_DECADE


class PulseCounter:
    """Counts one cell in one worker, from take to take.

    order, worker: whose counts these are. now_ns: monotonic.
    """

    def __init__(self, order: CellOrder, worker: str, now_ns: int) -> None:
        self._order, self._worker = order, worker
        self._open_load = order.traffic.arrival.open
        self._since_ns = now_ns
        self._clear()

    def _clear(self) -> None:
        self._timed = 0
        self._failures: Counter[str] = Counter()
        self._network_ns = self._wait_ns = self._service_ns = 0
        self._responses: npt.NDArray[np.int64] = np.zeros(BUCKETS, np.int64)

    def absorb(self, batch: Batch) -> None:
        """Take in what was answered."""
        messages = batch.messages
        if not messages:
            return
        elapsed_ns = messages.end_ns - messages.response_start_ns(self._open_load)
        self._responses += np.bincount(_buckets(elapsed_ns), minlength=BUCKETS)
        timed = messages.server_timed()
        if timed.any():
            wait_ns, service_ns = messages.wait_ns[timed], messages.service_ns[timed]
            round_trip_ns = (messages.end_ns - messages.sent_ns)[timed]
            self._timed += len(wait_ns)
            self._wait_ns += int(wait_ns.sum())
            self._service_ns += int(service_ns.sum())
            # As in a cell's histogram: a wait that began before the message was sent leaves nothing over.
            self._network_ns += int(np.maximum(round_trip_ns - wait_ns - service_ns, 0).sum())

    def fail(self, sample: Sample) -> None:
        """Take in a sample that did not go well."""
        if sample.phase is Phase.MESSAGE and sample.outcome is not Outcome.ABORTED:
            self._failures[sample.outcome.value] += 1

    def take(self, now_ns: int, connections: int) -> Pulse:
        """The pulse of everything since the last take. connections: how many this worker has open."""
        pulse = Pulse(
            run_id=self._order.run_id,
            cell=self._order.cell,
            mode=self._order.mode,
            worker=self._worker,
            span_ns=max(now_ns - self._since_ns, 1),
            answered=int(self._responses.sum()),
            failures=dict(self._failures),
            responses=self._responses.tolist(),
            timed=self._timed,
            network_ns=self._network_ns,
            wait_ns=self._wait_ns,
            service_ns=self._service_ns,
            connections=connections,
        )
        self._since_ns = now_ns
        self._clear()
        return pulse


def percentiles_us(responses: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """For each share (0 to 1) the time within which that much of the responses lies: microseconds, to 6%.

    It is the geometric middle of the bucket that holds it. None where there are none.
    """
    cumulated = np.cumsum(responses)
    if not len(cumulated) or not cumulated[-1]:
        return [None] * len(shares)
    indices = np.searchsorted(cumulated, np.multiply(shares, cumulated[-1]))
    return (10 ** (LOWEST_DECADE - 3 + (indices + 0.5) / BUCKETS_PER_DECADE)).tolist()  # type: ignore[no-any-return]


def _buckets(elapsed_ns: Nanoseconds) -> npt.NDArray[np.int64]:
    """Each time's bucket, from 0."""
    decades = np.log10(np.maximum(elapsed_ns, 1)) - LOWEST_DECADE
    buckets: npt.NDArray[np.int64] = np.clip(decades * BUCKETS_PER_DECADE, 0, BUCKETS - 1).astype(np.int64)
    return buckets
