"""Prometheus metrics, read from the books when somebody scrapes: nothing is paid per message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from lockstep_server.listener import Listener

_LABELS = ("listener", "port")
_COUNTERS = {
    "accepted": ("lockstep_connections_accepted", "Connections accepted."),
    "received": ("lockstep_messages_received", "Messages received whole."),
    "answered": ("lockstep_messages_answered", "Messages answered."),
    "bytes_received": ("lockstep_received_bytes", "Bytes received."),
    "bytes_sent": ("lockstep_sent_bytes", "Bytes sent."),
}
_GAUGES = {
    "open": ("lockstep_connections_open", "Connections open now."),
    "waiting": ("lockstep_waiting", "Waiting for admission now."),
    "in_service": ("lockstep_in_service", "Admitted and not yet released."),
    "max_waiting": ("lockstep_waiting_max", "Most that waited since the peaks were reset."),
    "max_in_service": ("lockstep_in_service_max", "Most in service since the peaks were reset."),
}


class Metrics:
    """The metrics of one server, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(BooksCollector(listeners))

    def expose(self) -> bytes:
        """The present values in Prometheus' text format."""
        return generate_latest(self._registry)


class BooksCollector(Collector):
    """Reads every listener's ledger and occupancy at each scrape."""

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners

    def collect(self) -> Iterable[Metric]:
        """One family for each counter and gauge, a sample for each listener."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {
            **{key: CounterMetricFamily(*named, labels=_LABELS) for key, named in _COUNTERS.items()},
            **{key: GaugeMetricFamily(*named, labels=_LABELS) for key, named in _GAUGES.items()},
        }
        closed = CounterMetricFamily(
            "lockstep_connections_closed", "Connections closed, by cause.", labels=(*_LABELS, "cause")
        )
        for listener in self._listeners:
            labels = [listener.spec.name, str(listener.port)]
            totals, occupied = listener.ledger.totals(), listener.occupancy.snapshot()
            for key, family in families.items():
                family.add_metric(labels, getattr(totals if hasattr(totals, key) else occupied, key))
            for cause, count in totals.causes.items():
                closed.add_metric([*labels, cause], count)
        return [*families.values(), closed]
