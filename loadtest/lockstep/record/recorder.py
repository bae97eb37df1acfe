"""What one worker records of one cell: histograms a phase, messages an outcome, seconds a row.

A sample belongs to the measured window if it *ended* in it, however early it began: times and throughput
speak of the same exchanges, none of which is cut off. A message that was under way at the window's end and
failed after it belongs there too, for it failed of what went on inside. What the window's ends cut through
is added up. Everything is counted in the whole-cell ledger.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lockstep.control import CellOrder, Counts
from lockstep.record.histograms import Nanoseconds, encoded, new_histogram, record_all
from lockstep.record.journal import Batch, MessageColumns, StepColumns
from lockstep.runs.connections import ClientView
from lockstep.runs.records import CLIENT_TIMES
from lockstep.tcp.samples import Outcome, Phase, Sample

# The times that are a step of their own, by their phase; the others are a message's (in a closed load its
# two times are one), and what they are made of.
_STEP_HISTOGRAMS = {
    phase: name
    for phase in Phase
    if (name := "send_lag" if phase is Phase.SCHEDULE_DELAY else phase.value) in CLIENT_TIMES
}
# The longest example of a failure that is kept, in characters.
MAX_DETAIL = 300
# What an exchange is: where connections stay open no session is counted.
UNITS = (Phase.SESSION, Phase.MESSAGE)
# No clock comes so far: a window that has not begun, or has no end yet.
FAR_NS = 1 << 62


class CellRecorder:
    """Counts one cell in one worker.

    `take` hands over what came since the last take, so that adding takes up gives the cell.
    Nothing is measured before `begin`, but for the connects of a cell that opens its connections first.
    """

    def __init__(self, order: CellOrder) -> None:
        self.order = order
        self.window = Window()
        self._open_load = order.traffic.arrival.open
        # An iteration that is one message begins when that is sent: no step tells of it.
        self._iteration_is_message = order.traffic.keeps_connection
        self._connections: list[dict[str, Any]] = []
        self._clear()

    def _clear(self) -> None:
        self._histograms = {name: new_histogram() for name in CLIENT_TIMES}
        self._measured: Counter[str] = Counter()
        self._ledger: Counter[str] = Counter()
        self._per_second: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self._sessions = 0
        self._spans = {unit: SpanSums() for unit in UNITS}
        self._examples: dict[str, str] = {}

    def begin(self, now_ns: int) -> None:
        """The cell's time begins: its warm-up, and then its window."""
        start_ns, seconds = now_ns + round(self.order.warmup_s * 1e9), self.order.seconds
        self.window = (
            Window(start_ns) if seconds is None else Window(start_ns, start_ns + round(seconds * 1e9))
        )

    def absorb(self, batch: Batch) -> None:
        """Take in what went well."""
        for phase, steps in batch.steps.items():
            self._absorb_steps(phase, steps)
        if batch.messages:
            self._absorb_messages(batch.messages)

    def fail(self, sample: Sample) -> None:
        """Take in a sample that did not go well."""
        window = self.window
        if sample.phase in self._spans:
            self._spans[sample.phase].add_failed(window, sample.start_ns, sample.end_ns)
        if sample.phase is not Phase.MESSAGE:
            return
        self._ledger[sample.outcome.value] += 1
        if sample.detail:
            self._examples.setdefault(sample.outcome.value, sample.detail[:MAX_DETAIL])
        if sample.sent_bytes:
            self._ledger["carried"] += 1
            self._ledger["bytes_sent"] += sample.sent_bytes
            self._ledger["bytes_received"] += sample.received_bytes
        if sample.start_ns < window.end_ns and sample.end_ns >= window.start_ns:
            self._measured[sample.outcome.value] += 1
        if window.start_ns <= sample.end_ns < window.end_ns:
            self._per_second[(sample.end_ns - window.start_ns) // 1_000_000_000][1] += 1

    def keep_connection(self, address: str, view: ClientView) -> None:
        """Keep a whole connection, for the picture of who overlapped."""
        row = {name: getattr(view, name) for name in ClientView.__dataclass_fields__}
        self._connections.append({"address": address, **row})

    def close_window(self, now_ns: int) -> None:
        """End a window that has no end of its own, or end it early."""
        start_ns = self.window.start_ns
        if now_ns < self.window.end_ns:
            self.window = Window(start_ns, max(now_ns, start_ns))

    def left_s(self, now_ns: int) -> float:
        """Seconds until the window is over; 0 where it has not begun, or has no end of its own."""
        end_ns = self.window.end_ns
        return 0.0 if end_ns == FAR_NS else max(end_ns - now_ns, 0) / 1e9

    def window_s(self, now_ns: int) -> float:
        """How much of the window is over, in seconds."""
        return max(min(self.window.end_ns, now_ns) - self.window.start_ns, 0) / 1e9

    def take(self) -> Counts:
        """Everything since the last take."""
        counts = Counts(
            measured=dict(self._measured),
            ledger=dict(self._ledger),
            sessions=self._sessions,
            examples=self._examples,
            spans={unit.value: sums.to_message() for unit, sums in self._spans.items()},
            per_second=[[second, *counts] for second, counts in sorted(self._per_second.items())],
            histograms={name: encoded(h) for name, h in self._histograms.items() if h.total_count},
            connections=self._connections,
        )
        self._connections = []
        self._clear()
        return counts

    def _absorb_steps(self, phase: Phase, steps: StepColumns) -> None:
        elapsed_ns = steps.end_ns - steps.start_ns
        if not (phase is Phase.CONNECT and self.order.opens_first):
            elapsed_ns = elapsed_ns[self._inside(steps.end_ns)]
        self._put(_STEP_HISTOGRAMS[phase], elapsed_ns)
        if phase is Phase.SESSION:
            self._sessions += len(elapsed_ns)
            self._spans[phase].add(self.window, steps.start_ns, steps.end_ns)

    def _absorb_messages(self, messages: MessageColumns) -> None:
        answered = Outcome.ANSWERED.value
        sent_ns, end_ns = messages.sent_ns, messages.end_ns
        inside = self._inside(end_ns)
        self._ledger.update(
            {
                answered: len(messages),
                "carried": len(messages),
                "bytes_sent": int(messages.sent_bytes.sum()),
                "bytes_received": int(messages.received_bytes.sum()),
            }
        )
        self._measured[answered] += int(inside.sum())
        self._spans[Phase.MESSAGE].add(self.window, sent_ns, end_ns)
        self._count_seconds(end_ns[inside])
        round_trip_ns = end_ns - sent_ns
        self._put("response", (end_ns - messages.response_start_ns(self._open_load))[inside])
        if self._open_load:
            self._put("round_trip", round_trip_ns[inside])
        if self._iteration_is_message:
            self._put("send_lag", (sent_ns - messages.due_ns)[inside & (messages.due_ns >= 0)])
        timed = inside & messages.server_timed()
        if timed.any():
            wait_ns, service_ns = messages.wait_ns[timed], messages.service_ns[timed]
            self._put("wait", wait_ns)
            self._put("service", service_ns)
            # The wait can begin before the message is sent (a connection waits as soon as it has arrived), so
            # the rest may be below 0.
            self._put("network", round_trip_ns[timed] - wait_ns - service_ns)

    def _count_seconds(self, ends_ns: Nanoseconds) -> None:
        seconds, counts = np.unique((ends_ns - self.window.start_ns) // 1_000_000_000, return_counts=True)
        for second, answered in zip(seconds.tolist(), counts.tolist(), strict=True):
            self._per_second[second][0] += answered

    def _inside(self, moments_ns: Nanoseconds) -> npt.NDArray[np.bool_]:
        return (moments_ns >= self.window.start_ns) & (moments_ns < self.window.end_ns)

    def _put(self, name: str, values_ns: Nanoseconds) -> None:
        record_all(self._histograms[name], values_ns)


@dataclass(frozen=True, slots=True)
class Window:
    """From start_ns on, up to but not including end_ns; monotonic nanoseconds."""

    start_ns: int = FAR_NS
    end_ns: int = FAR_NS


@dataclass(slots=True)
class SpanSums:
    """Exchanges of one kind, added up. All but the counts are nanoseconds.

    completed: those that ended in the window, well. inside_ns: of all exchanges, however they ended, the part
    within it. before_ns: of the completed the part before it. after_ns: of those under way at its end
    the part within it. failed_ns: of those that failed in it the part within. under_way: how many were under
    way at its end; longest_ns: the longest that one of them had taken by then.
    """

    completed: int = 0
    inside_ns: int = 0
    before_ns: int = 0
    after_ns: int = 0
    failed_ns: int = 0
    under_way: int = 0
    longest_ns: int = 0

    def add(self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds) -> None:
        """Exchanges that went well."""
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        self.completed += int(in_it.sum())
        self.before_ns += int(np.maximum(window.start_ns - starts_ns[in_it], 0).sum())
        self._leave_over(window, starts_ns[at_its_end])

    def add_failed(self, window: Window, start_ns: int, end_ns: int) -> None:
        """One that did not; at the window's end it may have been under way still."""
        starts_ns, ends_ns = np.array([start_ns]), np.array([end_ns])
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        if in_it[0]:
            self.failed_ns += end_ns - max(start_ns, window.start_ns)
        self._leave_over(window, starts_ns[at_its_end])

    def merge(self, other: dict[str, int]) -> None:
        """Add another one, as `to_message` gave it."""
        for name, value in other.items():
            mine: int = getattr(self, name)
            setattr(self, name, max(mine, value) if name == "longest_ns" else mine + value)

    def to_message(self) -> dict[str, int]:
        """As a dict of whole numbers."""
        return asdict(self)

    def _lie(
        self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which ended in the window, and which were under way at its end."""
        parts_ns = np.clip(ends_ns, window.start_ns, window.end_ns) - np.clip(
            starts_ns, window.start_ns, window.end_ns
        )
        self.inside_ns += int(parts_ns.sum())
        beyond = ends_ns >= window.end_ns
        return (ends_ns >= window.start_ns) & ~beyond, beyond & (starts_ns < window.end_ns)

    def _leave_over(self, window: Window, starts_ns: Nanoseconds) -> None:
        if len(starts_ns):
            self.under_way += len(starts_ns)
            self.after_ns += int((window.end_ns - np.maximum(starts_ns, window.start_ns)).sum())
            self.longest_ns = max(self.longest_ns, int((window.end_ns - starts_ns).max()))
