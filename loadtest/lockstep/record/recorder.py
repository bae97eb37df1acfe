"""What one worker records of one cell: histograms a phase, messages an outcome, seconds a row.

A sample belongs to the measured window if it *ended* in it, however early it began: times and throughput
speak of the same exchanges, none of which is cut off. A message that was under way at the window's end and
failed after it belongs there too, for it failed of what went on inside. What the window's ends cut through
is added up. Everything is counted in the whole-cell ledger.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lockstep.control import CellOrder, Counts
from lockstep.record.journal import Batch, MessageColumns, StepColumns
from lockstep.record.sums import FAR_NS, CellSums, Window
from lockstep.runs.connections import ClientView
from lockstep.runs.histograms import Nanoseconds, record_all
from lockstep.runs.records import CLIENT_TIMES, STEP_ROWS
from lockstep.tcp.samples import Outcome, Phase, Sample

# The times that are a step of their own, by their phase; the others are a message's (in a closed load its
# two times are one), and what they are made of.
_STEP_HISTOGRAMS = {
    phase: name
    for phase in Phase
    if (name := "send_lag" if phase is Phase.SCHEDULE_DELAY else phase.value) in CLIENT_TIMES
}
# The steps by which a connection comes about: why they fail is why its messages do.
_OPENING = frozenset({Phase.CONNECT, Phase.HANDSHAKE})
# Steps that are counted as messages of a name are, beside these.
_OWN_ROW = frozenset(map(Phase, STEP_ROWS))
# The longest example of a failure that is kept, in characters.
MAX_DETAIL = 300
# How a message ends to which a reply came, but not the right one.
_WRONG = frozenset({Outcome.MISMATCH, Outcome.ERROR})


class CellRecorder:
    """Counts one cell in one worker.

    `take` hands over what came since the last take, so that adding takes up gives the cell.
    Nothing is measured before `begin`, but for connects and handshakes of a cell that opens its connections
    first.
    """

    def __init__(self, order: CellOrder) -> None:
        self.order = order
        self.window = Window()
        self._open_load = order.traffic.arrival.open
        # An iteration that is one message begins when that is sent: no step tells of it.
        self._iteration_is_message = order.traffic.keeps_connection
        self._sums = CellSums()

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
        window, sums = self.window, self._sums
        if sample.phase in sums.spans:
            sums.spans[sample.phase].add_failed(window, sample.start_ns, sample.end_ns)
        if sample.phase in _OWN_ROW:
            self._fail_step(sample)
            return
        message = sample.phase is Phase.MESSAGE
        if message or sample.phase in _OPENING:
            self._keep_example(sample)
        if not message:
            return
        sums.ledger[sample.outcome.value] += 1
        if sample.sent_bytes:
            sums.carried += 1
            sums.wrong += sample.outcome in _WRONG and sample.received_bytes > 0
            sums.bytes_sent += sample.sent_bytes
            sums.bytes_received += sample.received_bytes
        if self._touches(sample):
            sums.measured[sample.outcome.value] += 1
            if sample.name:
                sums.requests[sample.name].measured[sample.outcome.value] += 1
        if window.start_ns <= sample.end_ns < window.end_ns:
            sums.per_second[(sample.end_ns - window.start_ns) // 1_000_000_000][1] += 1

    def _fail_step(self, sample: Sample) -> None:
        """One with a row of its own; who waits for a push when the cell is over has not failed."""
        if not sample.stopped:
            self._keep_example(sample)
            if self._touches(sample):
                self._sums.requests[sample.phase.value].measured[sample.outcome.value] += 1

    def _keep_example(self, sample: Sample) -> None:
        if sample.detail:
            self._sums.examples.setdefault(sample.outcome.value, sample.detail[:MAX_DETAIL])

    def _touches(self, sample: Sample) -> bool:
        """Whether it was under way at some time of the window."""
        return sample.start_ns < self.window.end_ns and sample.end_ns >= self.window.start_ns

    def keep_connection(self, address: str, view: ClientView) -> None:
        """Keep a whole connection, for the picture of who overlapped."""
        self._sums.connections[address] = view

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
        taken, self._sums = self._sums, CellSums()
        return taken.to_counts()

    def _absorb_steps(self, phase: Phase, steps: StepColumns) -> None:
        elapsed_ns = steps.end_ns - steps.start_ns
        if not (phase in _OPENING and self.order.opens_first and self.order.users_stay):
            elapsed_ns = elapsed_ns[self._inside(steps.end_ns)]
        self._put(_STEP_HISTOGRAMS[phase], elapsed_ns)
        if phase in _OWN_ROW and len(elapsed_ns):
            row = self._sums.requests[phase.value]
            row.measured[Outcome.ANSWERED.value] += len(elapsed_ns)
            record_all(row.response, elapsed_ns)
        if phase is Phase.SESSION:
            self._sums.sessions += len(elapsed_ns)
            self._sums.spans[phase].add(self.window, steps.start_ns, steps.end_ns)

    def _absorb_messages(self, messages: MessageColumns) -> None:
        answered, sums = Outcome.ANSWERED.value, self._sums
        sent_ns, end_ns = messages.sent_ns, messages.end_ns
        inside = self._inside(end_ns)
        sums.ledger[answered] += len(messages)
        # What was pushed to a client was carried the other way.
        sums.carried += int(np.count_nonzero(messages.sent_bytes))
        sums.bytes_sent += int(messages.sent_bytes.sum())
        sums.bytes_received += int(messages.received_bytes.sum())
        sums.measured[answered] += int(inside.sum())
        sums.spans[Phase.MESSAGE].add(self.window, sent_ns, end_ns)
        self._count_seconds(end_ns[inside])
        sums.unchecked += int((inside & messages.unchecked).sum())
        round_trip_ns = end_ns - sent_ns
        response_ns = end_ns - messages.response_start_ns(self._open_load)
        self._put("response", response_ns[inside])
        for name, which in messages.by_name():
            if name and len(own_ns := response_ns[which][inside[which]]):
                sums.requests[name].measured[answered] += len(own_ns)
                record_all(sums.requests[name].response, own_ns)
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
            self._sums.per_second[second][0] += answered

    def _inside(self, moments_ns: Nanoseconds) -> npt.NDArray[np.bool_]:
        return (moments_ns >= self.window.start_ns) & (moments_ns < self.window.end_ns)

    def _put(self, name: str, values_ns: Nanoseconds) -> None:
        record_all(self._sums.histograms[name], values_ns)
