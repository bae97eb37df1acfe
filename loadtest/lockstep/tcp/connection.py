"""One TCP connection's life: opened, bounded, closed, given up or lost, and each step in the meter once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

from greenlet import getcurrent, greenlet

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import ADDRESS_BOOK, Address, AddressBook
from lockstep.tcp.dialling import DialError, Route, dial, links_to, next_source
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.link import Link, LinkMaker, check_bound
from lockstep.tcp.messages import InFlight
from lockstep.tcp.replies import ReplyBuffer
from lockstep.tcp.samples import (
    ABORTED_BY_USER,
    ABSENT,
    ANSWERED,
    LOST_WITH_IT,
    NO_HANDSHAKE,
    STOPPED,
    TOO_LATE,
    UNASKED,
    Meter,
    Outcome,
    Phase,
    Sample,
    explain,
    interruption,
    name_of,
    with_bytes,
)
from lockstep.tcp.state import LISTENS, OPENING, Event, State, Stateful, Timestamps

_now_ns = time.monotonic_ns


CLOSED_UNANSWERED = "closed before the reply came; to a message that gets none say send(..., reply=False)"
RESET_BY_USER = "reset() was called before the reply came"
STAYED_OPEN = "the peer did not close within {timeout_s:g} s"
CONNECTING_STILL = "on_connect() is called on a connection that is open: it need not connect()"
GREETED_BY_HALF = "on_connect() leaves replies due: call receive() for each message of send()"
CLOSED_IN_GREETING = (
    "on_connect() calls close() or shutdown(), so nothing can be said afterwards: do that in a task"
)
REFUSED_IN_GREETING = "a step of on_connect() failed"


class _Carried(TypedDict, total=False):
    """What a step had to do with: bytes on the socket, and the tag of its message."""

    sent: int
    received: int
    tag: int


class Connection(Stateful):
    """What can be opened and closed again and again, by one greenlet or thread at a time."""

    # Of these there are as many as connections: every kilobyte is ten megabytes.
    __slots__ = (
        "_greeter",
        "_in_flight",
        "_link",
        "_make_link",
        "_meter",
        "_replies",
        "_route",
        "_source",
        "_stopped",
        "_timeout_s",
        "_timestamps",
        "_user",
        "address",
        "close_timeout_s",
        "endpoint",
        "free_ns",
        "on_connect",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        meter: Meter,
        *,
        timeout_s: float | None = 10.0,
        close_timeout_s: float | None = None,
        link: LinkMaker | None = None,
        source: str | None = None,
        user: str | None = None,
        patient: bool = True,
        addresses: AddressBook = ADDRESS_BOOK,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Nothing is opened yet.

        endpoint: the target. meter: told of every step.
        timeout_s: within how many seconds a step must be over (a connect, or a message with its reply); None
        waits for ever. close_timeout_s: the same for closing, timeout_s where it is None. Both may be changed
        at any time. link: what waits, a greenlet or, where it is None, a thread.
        source: a local IP address to connect from; where it is None, one of the endpoint's if it has any.
        user: whose connections these are, in the record of each.
        patient, addresses, sleep: as for Route.
        """
        super().__init__()
        self.endpoint = endpoint
        self.close_timeout_s = close_timeout_s
        # Where the last connection went to, as `ip:port`.
        self.address: str | None = None
        # Called on every connection as soon as it is open, for what its user says and hears first.
        self.on_connect: Callable[[], None] | None = None
        # Who is in on_connect.
        self._greeter: greenlet | None = None
        self._source = next_source(endpoint) if source is None else source
        self._make_link = links_to(endpoint, link)
        self._route = Route(endpoint, addresses, sleep, patient=patient)
        self._meter = meter
        self._timeout_s = timeout_s
        self._user = user
        self._link: Link | None = None
        # When the last step was over, monotonic nanoseconds.
        self.free_ns = ABSENT
        self._in_flight = InFlight(meter)
        # Whether who aborted was not the user's own code.
        self._stopped = False
        # Made when a reply is not whole at the first receive: most connections never need one.
        self._replies: ReplyBuffer | None = None
        self._timestamps = Timestamps(_now_ns())

    @property
    def timeout_s(self) -> float | None:
        """The bound of a step, in seconds; None where there is none. HarnessError for what is no bound."""
        return self._timeout_s

    @timeout_s.setter
    def timeout_s(self, timeout_s: float | None) -> None:
        check_bound("timeout_s", timeout_s)
        self._timeout_s = timeout_s
        if self._link is not None:
            self._link.bound(timeout_s)

    @property
    def back_off_s(self) -> float:
        """How long `connect` would wait now before it tries again, in seconds."""
        return self._route.back_off_s

    def connect(self) -> Outcome:
        """Open the connection, time that, and the TLS handshake apart; one that is open is closed first.

        All addresses of the host are tried in their order, within timeout_s together. Where the peer did not
        take the last connection, this waits first (back_off_s), and that is no part of the connect's time.
        Returns ANSWERED, REFUSED, RESET, TIMEOUT, or ABORTED; after it messages are sent again that abort()
        had forbidden. HarnessError where the host is unknown, or this machine has no file or port left.
        """
        self._in_flight.forget_lost()
        return self._open()

    def _open(self) -> Outcome:
        """As connect; messages that are lost are kept for who still asks for their replies."""
        if self._greeter is not None:
            raise HarnessError(CONNECTING_STILL)
        self._close()
        self._move(Event.CONNECT)
        self._timestamps = Timestamps(_now_ns())
        self._stopped = False
        self._in_flight.forget()
        try:
            addresses = self._route.await_addresses(self._source)
            while (outcome := self._try(addresses)) is None:
                self._route.await_port()
            return outcome if outcome is not ANSWERED or self.on_connect is None else self._greet()
        finally:
            if self.state in OPENING:
                self._leave(Outcome.ABORTED)

    def _try(self, addresses: Sequence[Address]) -> Outcome | None:
        """None where this machine has no local port left now, which is nobody's failure yet."""
        start_ns = self._timestamps.connect_start_ns = _now_ns()
        try:
            address = dial(addresses, self._timeout_s, self._attempt, lambda: self._aborted)
        except DialError as failure:
            if not self._aborted:
                if self._route.may_await_port(failure.error):
                    return None
                self._route.failed()
            outcome, reason = self._explain(failure.error)
            return self._lose(Phase.CONNECT, start_ns, outcome, f"{reason} ({failure.where})")
        except BaseException as error:
            self._break_off(error, Phase.CONNECT, start_ns)
            raise
        self._timestamps.connected_ns = end_ns = _now_ns()
        self._timestamps.peer = self.address = self._route.connected(address)
        self._meter.step(Phase.CONNECT, start_ns, end_ns)
        outcome = self._shake_hands() if self.endpoint.scheme is Scheme.TLS else ANSWERED
        if outcome is ANSWERED:
            self._move(Event.CONNECTED)
        return outcome

    def _greet(self) -> Outcome:
        """Let the user say and hear what comes first: where a step of that fails, so has the connect.

        The step has told of itself, under its own name: nothing more is told here.
        """
        timestamps, on_connect = self._timestamps, self.on_connect
        assert on_connect is not None, "nobody greets"
        self._greeter = getcurrent()
        try:
            on_connect()
        except BaseException as error:
            self._give_up(Outcome.ABORTED, self._interruption(error))
            raise
        finally:
            self._greeter = None
            if timestamps.refusal is not None or timestamps.ended is not None or self._aborted:
                self._route.failed()
        if timestamps.ended is ANSWERED:
            raise HarnessError(CLOSED_IN_GREETING)
        if timestamps.ended is not None:
            return timestamps.ended
        if self._aborted:
            self._give_up(Outcome.ABORTED, self._why_aborted)
            return Outcome.ABORTED
        if self.state is State.HALF_CLOSED:
            self._give_up(Outcome.ABORTED, CLOSED_IN_GREETING)
            raise HarnessError(CLOSED_IN_GREETING)
        if timestamps.refusal is not None:
            self._give_up(timestamps.refusal, REFUSED_IN_GREETING)
            return timestamps.refusal
        if self._in_flight:
            self._give_up(Outcome.ABORTED, CLOSED_UNANSWERED)
            raise HarnessError(GREETED_BY_HALF)
        return ANSWERED

    def _shake_hands(self) -> Outcome:
        """Agree on keys with whom it has connected to, within timeout_s, and time that."""
        start_ns = _now_ns()
        try:
            assert self._link is not None, "no connection"
            resumed = self._link.handshake()
        except OSError as error:
            outcome, reason = self._explain(error, NO_HANDSHAKE)
            return self._lose(Phase.HANDSHAKE, start_ns, outcome, f"{reason} ({self.address})")
        except BaseException as error:
            self._break_off(error, Phase.HANDSHAKE, start_ns)
            raise
        end_ns = _now_ns()
        self._route.shaken(resumed=resumed)
        self._meter.step(Phase.HANDSHAKE, start_ns, end_ns)
        return ANSWERED

    def _attempt(self, address: Address, timeout_s: float | None) -> None:
        if self._link is not None:
            self._link.close()
        link = self._link = self._make_link(address.family, timeout_s)
        if self.endpoint.options.of_the_socket:
            link.tune(self.endpoint.options)
        if not self._aborted:
            link.connect(address.sockaddr, self._source)
        if self._aborted:
            raise ConnectionAbortedError(self._why_aborted)
        if timeout_s != self._timeout_s:
            link.bound(self._timeout_s)

    def close(self) -> Outcome:
        """Say goodbye, wait until the peer has closed too, within close_timeout_s, and time that.

        Returns ANSWERED, also where there is no connection; TIMEOUT or RESET by the peer; MISMATCH where it
        says something still; ABORTED where replies were due, which all fail so. Nothing is open after it.
        """
        outcome = self._close()
        self._in_flight.forget_lost()
        return outcome

    def _close(self) -> Outcome:
        link = self._link
        if link is not None:
            link.begin()
        if link is None or self.state in OPENING:
            return ANSWERED
        if self._aborted:
            return self._lose_all(Outcome.ABORTED, self._why_aborted)
        if self._in_flight:
            return self._lose_all(Outcome.ABORTED, CLOSED_UNANSWERED)
        return self._say_goodbye(link)

    def _say_goodbye(self, link: Link) -> Outcome:
        # Whoever listens, or has said that it will send no more, asks for whatever comes.
        asked, half_closed = self._asks_for_more, self.state is State.HALF_CLOSED
        self._move(Event.FINISH)
        start_ns = self._timestamps.close_start_ns = _now_ns()
        bound_s = self._timeout_s if self.close_timeout_s is None else self.close_timeout_s
        if bound_s != self._timeout_s:
            link.bound(bound_s)
        try:
            if not half_closed:
                link.finish()
            while (unasked := link.receive()) and asked:
                pass
        except OSError as error:
            return self._lose(Phase.CLOSE, start_ns, *self._explain(error, STAYED_OPEN, bound_s))
        except BaseException as error:
            self._break_off(error, Phase.CLOSE, start_ns)
            raise
        if unasked:
            detail = with_bytes(UNASKED, unasked)
            return self._lose(Phase.CLOSE, start_ns, Outcome.MISMATCH, detail, received=len(unasked))
        self._leave(ANSWERED)
        self._meter.step(Phase.CLOSE, start_ns, self.free_ns)
        return ANSWERED

    @property
    def _asks_for_more(self) -> bool:
        """Whether what the peer says before it closes is asked for."""
        return self.state in LISTENS

    def shutdown(self) -> Outcome:
        """Say that nothing more will be sent, and go on listening: half-close.

        `receive` then gives what the peer still says, and once it has closed too a Reply without payload:
        that is the end of the step `close`, which begins here. No message can be sent before.

        Returns ANSWERED, also where there is no connection, else how it failed.
        """
        link = self._link
        if link is not None:
            link.begin()
        if link is None or self.state in OPENING or self.state is State.HALF_CLOSED:
            return ANSWERED
        if self._aborted:
            return self._lose_all(Outcome.ABORTED, self._why_aborted)
        self._move(Event.SHUTDOWN)
        start_ns = self._timestamps.close_start_ns = _now_ns()
        try:
            link.finish()
        except OSError as error:
            return self._lose(Phase.CLOSE, start_ns, *self._explain(error))
        return ANSWERED

    def reset(self) -> None:
        """Close at once, by a reset: the peer is not asked. What is in flight fails as ABORTED.

        It is no failure, and no step. The next message opens another connection.
        """
        if self._link is not None:
            self._link.begin()
            if self.state not in OPENING:
                self._give_up(Outcome.ABORTED, RESET_BY_USER)
        self._in_flight.forget_lost()

    def _ended_by_peer(self) -> None:
        """After shutdown() the peer has closed too."""
        start_ns = self._timestamps.close_start_ns
        self._leave(ANSWERED)
        self._meter.step(Phase.CLOSE, self.free_ns if start_ns is None else start_ns, self.free_ns)

    def abort(self, *, stopped: bool = False) -> None:
        """Give the connection up, from another greenlet or thread too, and wake who waits on it.

        What is in flight fails as ABORTED, and so does every message from now on, until `connect`.
        stopped: not the user's own code does so, but whoever ends the user.
        """
        self._stopped = self._stopped or stopped
        self._move(Event.ABORT)
        if self._link is not None:
            self._link.abort()

    @property
    def _why_aborted(self) -> str:
        return STOPPED if self._stopped else ABORTED_BY_USER

    def _give_up(self, outcome: Outcome, detail: str) -> None:
        """Reset the connection; what is in flight on it fails so."""
        if self._link is not None:
            self._link.reset()
            self._lose_all(outcome, detail)

    def _explain(
        self, error: OSError, too_late: str = TOO_LATE, bound_s: float | None = None
    ) -> tuple[Outcome, str]:
        """Outcome and reason; HarnessError, and no connection left, where the fault is this machine's own.

        too_late: what to say of a missed deadline; bound_s: which, where it is not timeout_s.
        """
        if self._aborted:
            return Outcome.ABORTED, self._why_aborted
        try:
            return explain(error, too_late, self._timeout_s if bound_s is None else bound_s)
        except HarnessError:
            self._leave(Outcome.ABORTED)
            raise

    def _failure(
        self,
        phase: Phase,
        start_ns: int,
        outcome: Outcome,
        detail: str,
        **carried: Unpack[_Carried],
    ) -> Sample:
        """A step that is no message in flight has failed just now."""
        return Sample(
            phase,
            outcome,
            start_ns,
            _now_ns(),
            sent_bytes=carried.get("sent", 0),
            received_bytes=carried.get("received", 0),
            detail=detail,
            stopped=self._stopped,
            name=name_of(carried.get("tag", 0)),
        )

    def _lose(
        self,
        phase: Phase,
        start_ns: int,
        outcome: Outcome,
        detail: str,
        **carried: Unpack[_Carried],
    ) -> Outcome:
        """A step fails, and the connection is given up: what waited for a reply on it is lost with it."""
        sample = self._failure(phase, start_ns, outcome, detail, **carried)
        # First of all: whoever is told of a failure may raise.
        self._leave(outcome)
        try:
            self._meter.failure(sample)
        finally:
            others = Outcome.ABORTED if outcome is Outcome.TIMEOUT else outcome
            self._in_flight.all_failed(others, LOST_WITH_IT, sample.end_ns, self._stopped)
        return outcome

    def _lose_all(
        self, outcome: Outcome, detail: str, others: Outcome | None = None, payload: bytes | None = None
    ) -> Outcome:
        """Every message in flight fails, and the connection is given up. The rest as for InFlight.lost."""
        now_ns = _now_ns()
        self._leave(outcome)
        self._in_flight.lost(outcome, detail, now_ns, self._stopped, others, payload)
        return outcome

    def _break_off(self, error: BaseException, phase: Phase, start_ns: int) -> None:
        """Who used the connection is interrupted in the middle of a step that is no message in flight."""
        self._lose(phase, start_ns, Outcome.ABORTED, self._interruption(error))

    def _interruption(self, error: BaseException) -> str:
        """What interrupted a step, in words: whoever ends its user, or a bound of the user's own."""
        detail, self._stopped = interruption(error)
        return detail

    def _leave(self, outcome: Outcome) -> None:
        """Close the socket and record how the connection went."""
        link, self._link = self._link, None
        self._move(Event.LEFT)
        self._replies = None
        if link is None:
            return
        kept = self._meter.wants_connections and self._timestamps.connected_ns is not None
        address = link.address if kept else ""
        link.close()
        self.free_ns = _now_ns()
        timestamps = self._timestamps
        timestamps.ended = outcome
        if timestamps.connected_ns is not None:
            self._route.ended(outcome, timestamps.answered)
        if kept:
            self._meter.connection(address, self._timestamps.view(self.free_ns, outcome, self._user))
