"""Messages whose replies are still to come, in their order, and who waits for which."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from lockstep.tcp.names import UNCHECKED, name_of
from lockstep.tcp.samples import ABSENT, LOST_WITH_IT, Meter, Outcome, Phase, Reply, Sample

if TYPE_CHECKING:
    from lockstep.tcp.expect import Wanted
    from lockstep.tcp.turns import Signal

# Who never fetches a reply must not fill the memory with the news of it.
MAX_LOST = 10_000


class Ticket:
    """Who waits for one reply among several who do. key: what the reply carries. reply: set once it is known.

    signal: wakes who waits.
    """

    __slots__ = ("expect", "key", "reply", "signal")

    def __init__(self, key: Hashable, expect: Wanted, signal: Signal) -> None:
        self.key = key
        self.expect = expect
        self.signal = signal
        self.reply: Reply | None = None

    def settle(self, reply: Reply) -> None:
        """Tell who waits."""
        self.reply = reply
        self.signal.set()


class _Sent(NamedTuple):
    due_ns: int
    sent_ns: int
    sent_bytes: int
    tag: int
    ticket: Ticket | None = None


class InFlight:
    """Messages without a reply yet, oldest first: replies come in their order.

    Those that failed are kept too until whoever fetches replies one by one asks for them: they have their
    turn before whatever was sent later, also on another connection.
    """

    __slots__ = ("_lost", "_meter", "_sent", "received")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        # Made when first needed: an empty deque takes as much as the rest of a connection.
        self._sent: deque[_Sent] | tuple[()] = ()
        # Bytes that came since the last booking: they belong to the oldest.
        self.received = 0
        self._lost: deque[Outcome] | tuple[()] = ()

    def __len__(self) -> int:
        return len(self._sent)

    def tell(self, meter: Meter) -> None:
        """From now on, tell this one."""
        self._meter = meter

    def add(self, due_ns: int, sent_ns: int, sent_bytes: int, tag: int, ticket: Ticket | None = None) -> None:
        """A message was written, or at least begun. due_ns: ABSENT where nobody said."""
        if isinstance(self._sent, tuple):
            self._sent = deque()
        self._sent.append(_Sent(due_ns, sent_ns, sent_bytes, tag, ticket))

    @property
    def tickets(self) -> list[Ticket]:
        """Of those that somebody waits for, oldest first."""
        return [sent.ticket for sent in self._sent if sent.ticket is not None]

    def bring_forward(self, ticket: Ticket) -> None:
        """What happens next to the oldest happens to this one."""
        if isinstance(self._sent, deque):
            (sent,) = (each for each in self._sent if each.ticket is ticket)
            self._sent.remove(sent)
            self._sent.appendleft(sent)

    def answered(self, end_ns: int, reply: Reply, checked: bool) -> int:
        """The oldest has its reply, which was looked at or not; when it was sent is returned."""
        due_ns, sent_ns, sent_bytes, tag, ticket = self._oldest()
        received, self.received = self.received, 0
        wait_ns = ABSENT if reply.wait_ns is None else reply.wait_ns
        service_ns = ABSENT if reply.service_ns is None else reply.service_ns
        tag = tag & ~UNCHECKED if checked else tag
        row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, sent_bytes, received, tag)
        if ticket is not None:
            ticket.settle(reply)
        self._meter.message(row, reply)
        return sent_ns

    def older_than(self, moment_ns: int) -> bool:
        """Whether one of them was sent before this."""
        return not isinstance(self._sent, tuple) and bool(self._sent) and self._sent[0].sent_ns < moment_ns

    def failed(
        self, outcome: Outcome, detail: str, end_ns: int, stopped: bool, payload: bytes | None = None
    ) -> None:
        """The oldest will never have its reply, or had a wrong one. payload: as far as that came."""
        _, sent_ns, sent_bytes, tag, ticket = self._oldest()
        received, self.received = self.received, 0
        if ticket is None:
            self.lose(outcome)
        else:
            ticket.settle(Reply(outcome, payload or None))
        self._meter.failure(
            Sample(
                Phase.MESSAGE,
                outcome,
                sent_ns,
                end_ns,
                sent_bytes=sent_bytes,
                received_bytes=received,
                detail=detail,
                stopped=stopped,
                name=name_of(tag),
                reply=Reply(outcome, payload or None),
            )
        )

    def lost(
        self,
        outcome: Outcome,
        detail: str,
        end_ns: int,
        stopped: bool,
        others: Outcome | None,
        payload: bytes | None = None,
    ) -> None:
        """The oldest has failed, and the rest is lost with it.

        others: how the rest has failed; None where all failed alike, and for the same reason. payload: what
        came of the oldest's reply.
        """
        try:
            if self._sent:
                self.failed(outcome, detail, end_ns, stopped, payload)
        finally:
            self.all_failed(others or outcome, LOST_WITH_IT if others else detail, end_ns, stopped)

    def all_failed(self, outcome: Outcome, detail: str, end_ns: int, stopped: bool) -> None:
        """None of them will have its reply. Each is booked, whatever the one before has raised."""
        raised: BaseException | None = None
        while self._sent:
            try:
                self.failed(outcome, detail, end_ns, stopped)
            except BaseException as error:  # noqa: BLE001 - raised again, once all are booked
                raised = raised or error
        if raised is not None:
            raise raised

    def forget(self) -> None:
        """Begin with a new connection."""
        self._sent = ()
        self.received = 0

    def lose(self, outcome: Outcome) -> None:
        """One has failed, and nobody has asked for it yet."""
        if isinstance(self._lost, tuple):
            self._lost = deque(maxlen=MAX_LOST)
        self._lost.append(outcome)

    def next_lost(self) -> Outcome | None:
        """How the oldest of these failed; it is then no longer kept. None where there is none."""
        return self._lost.popleft() if self._lost else None

    def forget_lost(self) -> None:
        """Whoever sent them knows, or asks for something else now."""
        self._lost = ()

    def _oldest(self) -> _Sent:
        assert not isinstance(self._sent, tuple), "a reply to be booked, and no message sent"
        return self._sent.popleft()
