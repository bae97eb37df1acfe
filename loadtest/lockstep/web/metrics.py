"""The load as Prometheus reads it, /lockstep/metrics: made of pulses when it is scraped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from lockstep.master.live import Now
from lockstep.master.progress import CellProgress
from lockstep.master.totals import Totals
from lockstep.record.pulse import BUCKETS, BUCKETS_PER_DECADE, LOWEST_DECADE

CONTENT_TYPE = CONTENT_TYPE_LATEST
# A pulse's are an eighth apart: of these there are five a decade, each 1.6 times the one before.
_EACH = 4
# Their upper ends, in seconds.
BOUNDS = [10 ** (LOWEST_DECADE - 9 + end / BUCKETS_PER_DECADE) for end in range(_EACH, BUCKETS + 1, _EACH)]


def exposed(totals: Mapping[str, Totals], cell: CellProgress | None, last: tuple[int, Now] | None) -> bytes:
    """All of it in Prometheus' text format.

    totals: since the master began, by series. cell: the one under way, None where there is none. last: the
    cell of the last seconds, and what they were like; None where nothing was heard.
    """
    registry = CollectorRegistry()
    registry.register(_Load(totals, cell, 0 if last is None else last[1].connections))
    return generate_latest(registry)


class _Load(Collector):
    def __init__(self, totals: Mapping[str, Totals], cell: CellProgress | None, connections: int) -> None:
        self._totals, self._cell, self._connections = totals, cell, connections

    def collect(self) -> Iterable[Metric]:
        """A family for each of them."""
        sent = CounterMetricFamily("lockstep_load_sent", "Messages answered or failed.", labels=["series"])
        answered = CounterMetricFamily("lockstep_load_answered", "Messages answered.", labels=["series"])
        failed = CounterMetricFamily(
            "lockstep_load_failed", "Messages that failed, by outcome.", labels=["series", "outcome"]
        )
        times = HistogramMetricFamily(
            "lockstep_load_response_seconds",
            "Response times, each to the upper end of its bucket.",
            labels=["series"],
        )
        for series, totals in self._totals.items():
            sent.add_metric([series], totals.sent)
            answered.add_metric([series], totals.answered)
            for outcome, count in totals.failures.items():
                failed.add_metric([series, outcome], count)
            # Of the sum nothing is known: pulses carry buckets.
            times.add_metric([series], _buckets(totals.responses.tolist()), sum_value=None)
        return [sent, answered, failed, times, *self._now()]

    def _now(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("lockstep_load_connections", "Connections open now.", self._connections)
        under_way = GaugeMetricFamily(
            "lockstep_load_cell",
            "1 for the cell under way: where another is there, that one began.",
            labels=["cell", "series", "level", "repeat"],
        )
        if self._cell is not None:
            planned = self._cell.planned
            which = (planned.index, planned.mode, planned.level, planned.repeat)
            under_way.add_metric([str(each) for each in which], 1)
        yield under_way


def _buckets(responses: Sequence[int]) -> list[tuple[str, int]]:
    """Upper end -> how many took no longer; the last has none."""
    upto = np.cumsum(responses)[_EACH - 1 :: _EACH].tolist()
    return [*zip(map("{:.6g}".format, BOUNDS[:-1]), upto, strict=False), ("+Inf", int(sum(responses)))]
