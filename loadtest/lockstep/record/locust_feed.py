"""Tells Locust of what clients did: in bulk where only Locust looks, one event each where others listen.

In bulk its own table gets the same numbers as by one `log_request` for each message, at a hundredth of the
price.
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import gevent
import numpy as np
from locust.env import Environment
from locust.exception import LocustError
from locust.stats import RequestStats, StatsEntry

from lockstep.locust_numbers import OWN_ROW_ONLY, REQUEST_TYPES, note_time, three_digits, touch
from lockstep.record.journal import Batch, Journal
from lockstep.runs.connections import ClientView
from lockstep.runs.histograms import Nanoseconds
from lockstep.tcp.samples import MessageRow, Outcome, Phase, Reply, Sample, message_sample, without_bytes

logger = logging.getLogger(__name__)

# How long a row may wait before Locust's page can show it.
FLUSH_INTERVAL_S = 0.5
# So many different failures are shown with their bytes; each text is a row in Locust's table, and kept.
MAX_FAILURE_TEXTS = 50
# Whose listener on `events.request` it is that fills Locust's own table.
_LOCUSTS_OWN = "locust.runners"


class ExchangeFailedError(LocustError):
    """How a failed exchange appears among Locust's failures: `outcome: detail`."""


def somebody_listens(environment: Environment) -> bool:
    """Whether anybody but Locust's own table is to hear of every request."""
    listeners: Sequence[Any] = environment.events.request._handlers
    return any(getattr(listener, "__module__", None) != _LOCUSTS_OWN for listener in listeners)


class LocustFeed:
    """One process's journals, all of which Locust hears of from `start` on.

    A journal is handed on when it is full, twice a second, and before each of Locust's own reports.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._journals: dict[str, Journal] = {}
        self._texts: set[str] = set()
        self._stopped = 0

    def start(self) -> None:
        """Hand on now and then, and whenever Locust is about to report. Once."""
        gevent.spawn(self._flush_now_and_then)
        events = self._environment.events
        # Before Locust's own listener, which takes the table as it stands.
        events.report_to_master._handlers.insert(0, self.flush)
        for end in (events.test_stop, events.quitting):
            end.add_listener(self.flush)
            end.add_listener(self._log_stopped)

    def new_journal(
        self,
        name: str,
        readers: Sequence[Callable[[Batch], None]] = (),
        failures: Sequence[Callable[[Sample], None]] = (),
        keep_connection: Callable[[str, ClientView], None] | None = None,
        max_connections: int = 0,
    ) -> Journal:
        """A journal for this name in Locust's table, which is handed on once it is registered.

        readers, failures, keep_connection, max_connections: who else takes them, as for Journal.
        """
        fire = functools.partial(self.fire, name)
        failures = (*failures, fire)
        if somebody_listens(self._environment):
            journal: Journal = _FiringJournal(readers, failures, keep_connection, max_connections, fire)
        else:
            enter = functools.partial(fill, self._environment.stats, name)
            journal = Journal((*readers, enter), failures, keep_connection, max_connections)
        return journal

    def register(self, name: str, journal: Journal) -> None:
        """Hand on this journal from now on, in the place of an earlier one of that name."""
        if name in self._journals:
            self._journals[name].flush()
        self._journals[name] = journal

    def journal_of(self, name: str) -> Journal:
        """The registered journal of that name, made now if there is none."""
        if name not in self._journals:
            self.register(name, self.new_journal(name))
        return self._journals[name]

    def fire(
        self, name: str, sample: Sample, *, url: str = "", context: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        """Fire `events.request` for one sample: Locust's own table listens too.

        name: of messages that have none of their own, and of all other steps. url, context: for listeners.
        A failure carries no time: Locust would count it among the answers' percentiles. What was in flight
        when its user was stopped is neither answer nor failure: it is counted, and logged at the test's end.
        """
        if sample.phase not in REQUEST_TYPES:
            return
        if sample.stopped:
            self._stopped += sample.phase in (Phase.MESSAGE, Phase.SEND)
            return
        answered = sample.outcome is Outcome.ANSWERED
        self._environment.events.request.fire(
            request_type=REQUEST_TYPES[sample.phase],
            name=sample.name or name,
            response_time=sample.elapsed_ns / 1e6 if answered else None,
            response_length=sample.received_bytes,
            exception=None if answered else ExchangeFailedError(self._text_of(sample)),
            context=dict(context),
            response=sample.reply,
            start_time=time.time() - (time.monotonic_ns() - sample.start_ns) / 1e9,
            url=url,
        )

    def flush(self, **_: Any) -> None:
        """Hand on what all journals hold."""
        for journal in list(self._journals.values()):
            journal.flush()

    def _text_of(self, sample: Sample) -> str:
        """A failure in words, with the bytes that it shows unless many different ones were shown before."""
        text = f"{sample.outcome.value}: {sample.detail}".rstrip(": ")
        if text not in self._texts:
            if len(self._texts) >= MAX_FAILURE_TEXTS:
                return without_bytes(text)
            self._texts.add(text)
        return text

    def _log_stopped(self, **_: Any) -> None:
        stopped, self._stopped = self._stopped, 0
        if stopped:
            logger.info(
                "%d messages were in flight when their users were stopped: they are in no row of the table",
                stopped,
            )

    def _flush_now_and_then(self) -> None:
        while True:
            gevent.sleep(FLUSH_INTERVAL_S)
            self.flush()


class _FiringJournal(Journal):
    """Fires an event for each row as it comes: three microseconds each, the price of being listened to."""

    def __init__(
        self,
        readers: Sequence[Callable[[Batch], None]],
        failures: Sequence[Callable[[Sample], None]],
        keep_connection: Callable[[str, ClientView], None] | None,
        max_connections: int,
        fire: Callable[[Sample], None],
    ) -> None:
        super().__init__(readers, failures, keep_connection, max_connections)
        self._fire = fire

    @property
    def at_once(self) -> bool:
        return False

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        super().step(phase, start_ns, end_ns)
        self._fire(Sample(phase, Outcome.ANSWERED, start_ns, end_ns))

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        super().message(row, reply)
        self._fire(message_sample(row, reply))


def fill(stats: RequestStats, name: str, batch: Batch) -> None:
    """Enter a batch under this name, a row for each phase, and one for each name that messages have."""
    offset_s = time.time() - time.monotonic()
    for phase, steps in batch.steps.items():
        if phase in REQUEST_TYPES:
            _enter(stats, name, REQUEST_TYPES[phase], steps.start_ns, steps.end_ns, 0, offset_s)
    if messages := batch.messages:
        request_type = REQUEST_TYPES[Phase.MESSAGE]
        for own, which in messages.by_name():
            received = int(messages.received_bytes[which].sum())
            sent_ns, end_ns = messages.sent_ns[which], messages.end_ns[which]
            _enter(stats, own or name, request_type, sent_ns, end_ns, received, offset_s)


def _enter(
    stats: RequestStats,
    name: str,
    request_type: str,
    starts_ns: Nanoseconds,
    ends_ns: Nanoseconds,
    received_bytes: int,
    offset_s: float,
) -> None:
    """Rows of one request type, in its own row of the table and, where they belong there, in the total.

    starts_ns, ends_ns: monotonic, shape (rows,); offset_s makes them the time of day that Locust keeps.
    """
    elapsed_ns = ends_ns - starts_ns
    times, counts = np.unique(three_digits_each(elapsed_ns / 1e6), return_counts=True)
    buckets = dict(zip(times.tolist(), counts.tolist(), strict=True))
    begun_s, first_s, last_s = (
        float(each) / 1e9 + offset_s for each in (starts_ns.min(), ends_ns.min(), ends_ns.max())
    )
    per_second = {int(last_s): len(ends_ns)}
    if int(first_s) != int(last_s):
        seconds, numbers = np.unique((ends_ns / 1e9 + offset_s).astype(np.int64), return_counts=True)
        per_second = dict(zip(seconds.tolist(), numbers.tolist(), strict=True))
    own = stats.entries[name, request_type]
    for entry in (own,) if request_type in OWN_ROW_ONLY else (own, stats.total):
        note_time(entry, last_s)
        entry.num_requests += len(elapsed_ns)
        entry.total_response_time += float(elapsed_ns.sum()) / 1e6  # type: ignore[assignment]
        _extend(entry, float(elapsed_ns.min()) / 1e6, float(elapsed_ns.max()) / 1e6)
        # Locust's is the time at which it first heard of the entry: here half a second late.
        entry.start_time = min(entry.start_time, begun_s)
        entry.total_content_length += received_bytes
        for bucket, count in buckets.items():
            entry.response_times[bucket] += count
        for second, number in per_second.items():
            entry.num_reqs_per_sec[second] += number
    touch(stats, last_s)


def _extend(entry: StatsEntry, min_ms: float, max_ms: float) -> None:
    known = entry.min_response_time
    entry.min_response_time = min_ms if known is None else min(known, min_ms)  # type: ignore[assignment]
    entry.max_response_time = max(entry.max_response_time, max_ms)  # type: ignore[assignment]


def three_digits_each(times_ms: np.typing.NDArray[np.float64]) -> np.typing.NDArray[np.float64]:
    """Milliseconds to three significant digits, as three_digits has them one by one; the shape stays."""
    positive = np.where(times_ms > 0, times_ms, 1.0)
    decimals = 2 - np.floor(np.log10(positive))
    scale = 10.0 ** np.abs(decimals)
    scaled = np.where(decimals >= 0, positive * scale, positive / scale)
    # Dividing by a power of ten gives the double nearest to the digits; multiplying by its inverse may not.
    digits = np.round(scaled)
    rounded = np.where(decimals >= 0, digits / scale, digits * scale)
    # Half-way between two digits it depends on the last bit of the double, which scaling may have changed.
    half_way = np.abs(scaled - np.floor(scaled) - 0.5) < 1e-6
    rounded[half_way] = [three_digits(time_ms) for time_ms in positive[half_way].tolist()]
    return np.where(times_ms > 0, rounded, 0.0)
