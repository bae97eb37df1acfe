"""Tells Locust of what clients did: in bulk where only Locust looks, one event each where others listen."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import LocustError

from loadtest.connection.meters import MessageRow, message_sample
from loadtest.connection.samples import Outcome, Phase, Sample
from loadtest.recording import locust_table
from loadtest.recording.journal import Batch, Journal
from loadtest.recording.locust_table import REQUEST_TYPES
from loadtest.sampled import ClientView

# How long a row may wait before Locust's page can show it.
FLUSH_INTERVAL_S = 0.5
# Whose listener on `events.request` it is that fills Locust's own table.
_LOCUSTS_OWN = "locust.runners"


class ExchangeFailedError(LocustError):
    """How a failed exchange appears among Locust's failures: `outcome: detail`."""


def fire(environment: Environment, name: str, sample: Sample) -> None:
    """Tell everybody who listens on `events.request` of one sample, Locust's table among them.

    A failure carries no time: Locust would count it among the answers' percentiles. What was stopped from
    here is neither answer nor failure: nobody is told of it.
    """
    if sample.phase not in REQUEST_TYPES or sample.outcome is Outcome.ABORTED:
        return
    answered = sample.outcome is Outcome.ANSWERED
    environment.events.request.fire(
        request_type=REQUEST_TYPES[sample.phase],
        name=name,
        response_time=sample.elapsed_ns / 1e6 if answered else None,
        response_length=sample.received_bytes,
        exception=None
        if answered
        else ExchangeFailedError(f"{sample.outcome.value}: {sample.detail}".rstrip(": ")),
        context={},
    )


def somebody_listens(environment: Environment) -> bool:
    """Whether anybody but Locust's own table is to hear of every request."""
    listeners: Sequence[Any] = environment.events.request._handlers
    return any(getattr(listener, "__module__", None) != _LOCUSTS_OWN for listener in listeners)


class LocustFeed:
    """One process's journals, all of which Locust is told of.

    A journal is handed on when it is full, twice a second, and before each of Locust's own reports.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._journals: dict[str, Journal] = {}
        self._flusher = gevent.spawn(self._flush_now_and_then)
        # Before Locust's own listener, which takes the table as it stands.
        environment.events.report_to_master._handlers.insert(0, self.flush)
        environment.events.test_stop.add_listener(self.flush)
        environment.events.quitting.add_listener(self.flush)

    def open_journal(
        self,
        name: str,
        readers: Sequence[Callable[[Batch], None]] = (),
        failures: Sequence[Callable[[Sample], None]] = (),
        keep_connection: Callable[[str, ClientView], None] | None = None,
        most_connections: int = 0,
    ) -> Journal:
        """A journal under this name in Locust's table; it takes the place of an earlier one of that name.

        readers, failures, keep_connection, most_connections: who else is to be told, as for Journal.
        """
        tell = functools.partial(fire, self._environment, name)
        failures = (*failures, tell)
        if somebody_listens(self._environment):
            journal: Journal = _TellingJournal(readers, failures, keep_connection, most_connections, tell)
        else:
            fill = functools.partial(locust_table.fill, self._environment.stats, name)
            journal = Journal((*readers, fill), failures, keep_connection, most_connections)
        self._close(name)
        self._journals[name] = journal
        return journal

    def journal_of(self, name: str) -> Journal:
        """The open journal of that name, opened now if there is none."""
        return self._journals.get(name) or self.open_journal(name)

    def flush(self, **_: Any) -> None:
        """Hand on what all journals hold."""
        for journal in list(self._journals.values()):
            journal.flush()

    def _close(self, name: str) -> None:
        if name in self._journals:
            self._journals.pop(name).flush()

    def _flush_now_and_then(self) -> None:
        while True:
            gevent.sleep(FLUSH_INTERVAL_S)
            self.flush()


class _TellingJournal(Journal):
    """Fires an event for each row as it comes: three microseconds each, the price of being listened to."""

    def __init__(
        self,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        keep_connection: Callable[[str, ClientView], None] | None,
        most_connections: int,
        tell: Callable[[Sample], None],
    ) -> None:
        super().__init__(readers, failures, keep_connection, most_connections)
        self._tell = tell

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        super().step(phase, start_ns, end_ns)
        self._tell(Sample(phase, Outcome.ANSWERED, start_ns, end_ns))

    def message(self, row: MessageRow) -> None:
        super().message(row)
        self._tell(message_sample(row))
