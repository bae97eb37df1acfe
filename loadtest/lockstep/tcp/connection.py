"""One TCP connection's life: opened, bounded, given up or closed, and each step in the meter once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from greenlet import getcurrent, greenlet

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import ADDRESS_BOOK, Address, AddressBook
from lockstep.tcp.blocking_link import BlockingLink
from lockstep.tcp.closing import CLOSED_UNANSWERED, Closing
from lockstep.tcp.dialling import DialError, Route, dial, links_to, next_source
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.link import LinkMaker, check_bound
from lockstep.tcp.samples import ANSWERED, STOPPED, Meter, Outcome, Phase
from lockstep.tcp.state import OPENING, Event, Timestamps

_now_ns = time.monotonic_ns
CONNECTING_STILL = "on_connect() is called on a connection that is open: it need not connect()"
GREETED_BY_HALF = "on_connect() leaves replies due: call receive() for each message of send()"
REFUSED_IN_GREETING = "a step of on_connect() failed"


class Connection(Closing):
    """What can be opened and closed again and again, by one greenlet or thread at a time."""

    __slots__ = (
        "_greeter",
        "_make_link",
        "_source",
        "address",
        "endpoint",
        "on_connect",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        meter: Meter,
        *,
        timeout_s: float | None = 10.0,
        close_timeout_s: float | None = None,
        link: LinkMaker = BlockingLink,
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
        at any time. link: what waits, a thread or a greenlet.
        source: a local IP address to connect from; where it is None, one of the endpoint's if it has any.
        user: whose connections these are, in the record of each.
        patient, addresses, sleep: as for Route.
        """
        route = Route(endpoint, addresses, sleep, patient=patient)
        super().__init__(meter, route, timeout_s, close_timeout_s, user)
        self.endpoint = endpoint
        # Where the last connection went to, as `ip:port`.
        self.address: str | None = None
        # Called on every connection as soon as it is open, for what its user says and hears first.
        self.on_connect: Callable[[], None] | None = None
        # Who is in on_connect.
        self._greeter: greenlet | None = None
        self._make_link = links_to(endpoint, link)
        self._source = next_source(endpoint) if source is None else source

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
            if timestamps.refusal is not None or timestamps.ended is not None:
                self._route.failed()
        if timestamps.ended is not None:
            return timestamps.ended
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
            outcome, reason = self._explain(error)
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
            raise ConnectionAbortedError(STOPPED)
        if timeout_s != self._timeout_s:
            link.bound(self._timeout_s)
