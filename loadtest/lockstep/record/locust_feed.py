"""Tells Locust of what clients did: in bulk where only Locust looks, one event each where others listen."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import gevent
from locust.env import Environment
from locust.exception import LocustError

from lockstep.record import locust_table
from lockstep.record.journal import Batch, Journal
from lockstep.record.locust_table import REQUEST_TYPES
from lockstep.runs.connections import ClientView
from lockstep.tcp.failures import without_bytes
from lockstep.tcp.meters import MessageRow, message_sample
from lockstep.tcp.samples import Outcome, Phase, Sample

logger = logging.getLogger(__name__)

# How long a row may wait before Locust's page can show it.
FLUSH_INTERVAL_S = 0.5
# So many different failures are told with their bytes; each text is a row in Locust's table, and kept.
MOST_FAILURE_TEXTS = 50
# Whose listener on `events.request` it is that fills Locust's own table.
_LOCUSTS_OWN = "locust.runners"


class ExchangeFailedError(LocustError):
    """How a failed exchange appears among Locust's failures: `outcome: detail`."""


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
        self._texts: set[str] = set()
        self._stopped = 0
        self._flusher = gevent.spawn(self._flush_now_and_then)
        # Before Locust's own listener, which takes the table as it stands.
        environment.events.report_to_master._handlers.insert(0, self.flush)
        for end in (environment.events.test_stop, environment.events.quitting):
            end.add_listener(self.flush)
            end.add_listener(self._tell_stopped)

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
        tell = functools.partial(self.tell, name)
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

    def tell(self, name: str, sample: Sample) -> None:
        """Tell everybody who listens on `events.request` of one sample, Locust's table among them.

        A failure carries no time: Locust would count it among the answers' percentiles. What was in flight
        when its user was stopped is neither answer nor failure: it is counted, and told at the test's end.
        """
        if sample.phase not in REQUEST_TYPES:
            return
        if sample.stopped:
            self._stopped += sample.phase in (Phase.MESSAGE, Phase.SEND)
            return
        answered = sample.outcome is Outcome.ANSWERED
        self._environment.events.request.fire(
            request_type=REQUEST_TYPES[sample.phase],
            name=name,
            response_time=sample.elapsed_ns / 1e6 if answered else None,
            response_length=sample.received_bytes,
            exception=None if answered else ExchangeFailedError(self._text_of(sample)),
            context={},
        )

    def flush(self, **_: Any) -> None:
        """Hand on what all journals hold."""
        for journal in list(self._journals.values()):
            journal.flush()

    def _text_of(self, sample: Sample) -> str:
        """A failure in words, with the bytes that it shows unless many different ones were shown before."""
        text = f"{sample.outcome.value}: {sample.detail}".rstrip(": ")
        if text not in self._texts:
            if len(self._texts) >= MOST_FAILURE_TEXTS:
                return without_bytes(text)
            self._texts.add(text)
        return text

    def _tell_stopped(self, **_: Any) -> None:
        stopped, self._stopped = self._stopped, 0
        if stopped:
            logger.info(
                "%d messages were in flight when their users were stopped: they are in no row of the table",
                stopped,
            )

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
