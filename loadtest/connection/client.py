"""One TCP connection from the client's side: bytes in and out, every phase timed, every failure named.

Knows no Locust. A failed exchange is data: methods return an Outcome or a Reply and tell the meter; they
raise only where the harness itself is at fault (HarnessError) or is being torn down.
"""

from __future__ import annotations

import time

from loadtest.connection.in_flight import InFlight
from loadtest.connection.inspection import get_glance, inspect
from loadtest.connection.links import Link, LinkMaker
from loadtest.connection.links.blocking import BlockingLink
from loadtest.connection.messages import Message
from loadtest.connection.meters import ABSENT, Meter
from loadtest.connection.moments import Moments
from loadtest.connection.reply_buffer import ReplyBuffer, reply_buffer
from loadtest.connection.samples import ANSWERED, Outcome, Phase, Reply, Sample
from loadtest.connection.socket_errors import HarnessError, outcome_of, resolve
from wire.errors import FrameTooLong
from wire.framing import Framing, get_framing

UNASKED = "bytes that nobody asked for"

_CONNECT, _FIRST_REPLY, _CLOSE = Phase.CONNECT, Phase.FIRST_REPLY, Phase.CLOSE
_now_ns = time.monotonic_ns


class _CutShortError(Exception):
    """The peer closed while a reply was due."""


class TcpClient:
    """A connection that can be opened, used and closed again and again.

    host, port: the target. meter: told of every step. framing: `raw`, `line` or `length`.
    timing: the server puts wait and service time before its replies.
    timeout_s: bound of every single wait for the peer, in seconds. link: what waits, a thread or a greenlet.
    source: a local IP address to connect from. user: whose connections these are, told with each kept.
    """

    # Of these there are as many as connections: every kilobyte is ten megabytes.
    __slots__ = (
        "_aborting",
        "_clean",
        "_framing",
        "_glance",
        "_in_flight",
        "_link",
        "_make_link",
        "_max_frame",
        "_meter",
        "_moments",
        "_replies",
        "_source",
        "_timing",
        "_user",
        "connected",
        "free_ns",
        "host",
        "port",
        "timeout_s",
    )

    def __init__(
        self,
        host: str,
        port: int,
        meter: Meter,
        *,
        framing: str = "raw",
        timing: bool = False,
        timeout_s: float = 10.0,
        max_frame: int = 1 << 20,
        link: LinkMaker = BlockingLink,
        source: str | None = None,
        user: str | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.timeout_s = timeout_s
        self._meter = meter
        self._framing: Framing = get_framing(framing)
        self._timing = timing
        self._glance = get_glance(self._framing, timing)
        self._max_frame = max_frame
        self._make_link = link
        self._source = source
        self._user = user
        self._link: Link | None = None
        # Whether there is a connection to send on. An attribute, for it is asked before every message.
        self.connected = False
        # When the last step was over, monotonic nanoseconds.
        self.free_ns = ABSENT
        self._in_flight = InFlight(meter)
        self._begin_anew()

    def connect(self) -> Outcome:
        """Open the connection and time the handshake; a connection that is still open is closed first."""
        self.close()
        family, address = resolve(self.host, self.port)
        self._begin_anew()
        start_ns = self._moments.connect_start_ns
        try:
            link = self._link = self._make_link(family, self.timeout_s)
            self.connected = True
            link.connect(address, self._source)
        except OSError as error:
            return self._give_up(Phase.CONNECT, start_ns, *self._explain(error))
        except BaseException:
            self._give_up(Phase.CONNECT, start_ns, Outcome.ABORTED, "stopped while connecting")
            raise
        self._moments.connected_ns = end_ns = _now_ns()
        self._meter.step(_CONNECT, start_ns, end_ns)
        return ANSWERED

    def _begin_anew(self) -> None:
        self._moments = Moments(_now_ns())
        self._aborting = False
        self._in_flight.forget()
        # Made when a reply is not whole at a glance: most connections never need one.
        self._replies: ReplyBuffer | None = None
        # Nothing is in flight, and nothing came that nobody asked for: the next receive brings the next
        # reply.
        self._clean = True

    def request(self, payload: bytes, expect: bytes | None = None) -> Reply:
        """Send one message and wait for its reply; with `expect` the reply's bytes are checked.

        With raw framing and no `expect`, whatever one receive brings is the reply.
        """
        outcome = self.send(payload)
        if outcome is not ANSWERED:
            return Reply(outcome)
        return self.receive(expect)

    def exchange(self, message: Message, due_ns: int = ABSENT) -> Outcome:
        """As `request`, for a message that was made ready: the short way, taken 100,000 times a second.

        due_ns: when it should have been sent, monotonic nanoseconds; ABSENT where nobody can say.
        """
        link, wanted = self._link, message.reply
        if link is None or wanted is None or not self._clean:
            outcome = self._send(message.frame, due_ns)
            return self.receive(message.expect).outcome if outcome is ANSWERED else outcome
        sent_ns = _now_ns()
        try:
            link.send(message.frame)
            data = link.receive()
        except OSError as error:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            return self._fail(*self._explain(error)).outcome
        except BaseException:
            self._in_flight.add(due_ns, sent_ns, len(message.frame))
            self._fail(Outcome.ABORTED, "stopped while waiting for a reply")
            raise
        self.free_ns = end_ns = _now_ns()
        told = self._glance(data, wanted)
        if told is None:
            return self._look_closer(message, due_ns, sent_ns, data)
        wait_ns, service_ns = told
        row = (due_ns, sent_ns, end_ns, wait_ns, service_ns, len(message.frame), len(data))
        self._meter.message(row)
        moments = self._moments
        moments.answered += 1
        if moments.first_reply_ns is None:
            moments.first_sent_ns, moments.first_reply_ns = sent_ns, end_ns
            self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        return ANSWERED

    def _look_closer(self, message: Message, due_ns: int, sent_ns: int, data: bytes) -> Outcome:
        """What came is not, at a glance, the reply that was hoped for: it may be a part of it, or wrong."""
        if self._moments.first_sent_ns is None:
            self._moments.first_sent_ns = sent_ns
        self._clean = False
        self._in_flight.add(due_ns, sent_ns, len(message.frame))
        try:
            self._take_in(data)
        except (FrameTooLong, _CutShortError) as error:
            return self._fail(*self._explain_peer(error)).outcome
        return self.receive(message.expect).outcome

    def send(self, payload: bytes) -> Outcome:
        """Write one message without waiting for its reply.

        Its time runs from here until `receive` has the reply.
        """
        return self._send(self._framing.encode(payload), ABSENT)

    def _send(self, frame: bytes, due_ns: int) -> Outcome:
        link = self._need_link()
        start_ns = _now_ns()
        if self._moments.first_sent_ns is None:
            self._moments.first_sent_ns = start_ns
        elif self._in_flight:
            # Only a second message in flight could be held back for the first one's acknowledgement.
            link.send_soon()
        self._clean = False
        self._in_flight.add(due_ns, start_ns, len(frame))
        try:
            link.send(frame)
        except OSError as error:
            return self._fail(*self._explain(error)).outcome
        except BaseException:
            self._fail(Outcome.ABORTED, "stopped while sending")
            raise
        return ANSWERED

    def receive(self, expect: bytes | None = None) -> Reply:
        """Wait for the reply to the oldest message that has none yet."""
        link = self._need_link()
        if not self._in_flight:
            raise HarnessError("receive() without a message sent: call send() or request() first")
        try:
            payload = self._next_reply(link, expect)
        except (FrameTooLong, _CutShortError) as error:
            return self._fail(*self._explain_peer(error))
        except OSError as error:
            return self._fail(*self._explain(error))
        except BaseException:
            self._fail(Outcome.ABORTED, "stopped while waiting for a reply")
            raise
        return self._book(payload, expect)

    def close(self) -> Outcome:
        """Say goodbye, wait until the peer has closed too, and time that.

        Nothing happens where there is no connection.
        """
        link = self._link
        if link is None:
            return ANSWERED
        if self._in_flight:
            return self._fail(Outcome.ABORTED, "closed before the reply").outcome
        start_ns = self._moments.close_start_ns = _now_ns()
        try:
            link.finish()
            unasked = not self._clean or link.receive()
        except OSError as error:
            return self._give_up(Phase.CLOSE, start_ns, *self._explain(error))
        except BaseException:
            self._give_up(Phase.CLOSE, start_ns, Outcome.ABORTED, "stopped while closing")
            raise
        if unasked:
            return self._give_up(Phase.CLOSE, start_ns, Outcome.MISMATCH, UNASKED)
        self._leave(ANSWERED)
        self._meter.step(_CLOSE, start_ns, self.free_ns)
        return ANSWERED

    def abort(self) -> None:
        """Wake whoever waits on this connection; what it waits for is booked as aborted.

        To be called from another greenlet or thread.
        """
        self._aborting = True
        if self._link is not None:
            self._link.abort()

    def _need_link(self) -> Link:
        if self._link is None:
            raise HarnessError("no connection: call connect() first and look at what it returns")
        return self._link

    def _next_reply(self, link: Link, expect: bytes | None) -> bytes:
        """The next reply's payload, timing header included."""
        size = None if expect is None else len(expect) + (self._framing.timing.size if self._timing else 0)
        replies = self._held_replies()
        while (reply := replies.take(size)) is None:
            self._take_in(link.receive())
        return reply

    def _held_replies(self) -> ReplyBuffer:
        if self._replies is None:
            self._replies = reply_buffer(self._framing, self._max_frame)
        return self._replies

    def _take_in(self, data: bytes) -> None:
        if not data:
            raise _CutShortError
        self._in_flight.received += len(data)
        self._held_replies().feed(data)

    def _book(self, payload: bytes, expect: bytes | None) -> Reply:
        """Check a whole reply and tell of it."""
        self.free_ns = end_ns = _now_ns()
        found = inspect(payload, expect, self._framing.timing if self._timing else None)
        moments = self._moments
        first = moments.first_reply_ns is None
        if first:
            moments.first_reply_ns = end_ns
        if found.outcome is ANSWERED:
            moments.answered += 1
            sent_ns = self._in_flight.answered(end_ns, found.wait_ns, found.service_ns)
            if first:
                self._meter.step(_FIRST_REPLY, sent_ns, end_ns)
        else:
            self._in_flight.failed(found.outcome, found.detail, end_ns)
        self._clean = not self._in_flight and self._held_replies().empty
        return Reply(found.outcome, found.payload, found.wait_ns, found.service_ns)

    def _explain_peer(self, error: FrameTooLong | _CutShortError) -> tuple[Outcome, str]:
        if isinstance(error, FrameTooLong):
            return Outcome.MISMATCH, str(error)
        if self._aborting:
            return Outcome.ABORTED, "stopped while waiting for a reply"
        return Outcome.SHORT, "the peer closed before the reply was whole"

    def _explain(self, error: OSError) -> tuple[Outcome, str]:
        """Outcome and reason; HarnessError, and no connection left, where the fault is this machine's own."""
        if self._aborting:
            return Outcome.ABORTED, "stopped in flight"
        try:
            outcome = outcome_of(error)
        except HarnessError:
            self._leave(Outcome.ABORTED)
            raise
        if outcome is Outcome.TIMEOUT:
            return outcome, f"nothing within {self.timeout_s:g} s"
        return outcome, error.strerror or str(error)

    def _fail(self, outcome: Outcome, detail: str) -> Reply:
        """Book every message that is still without a reply, and give the connection up."""
        self._in_flight.all_failed(outcome, detail, _now_ns())
        self._leave(outcome)
        return Reply(outcome)

    def _give_up(self, phase: Phase, start_ns: int, outcome: Outcome, detail: str) -> Outcome:
        """Book how the connection's last step failed, and let the connection go."""
        self._meter.failure(Sample(phase, outcome, start_ns, _now_ns(), detail=detail))
        self._leave(outcome)
        return outcome

    def _leave(self, outcome: Outcome) -> None:
        """Close the socket and tell how the connection went."""
        link, self._link = self._link, None
        self.connected = False
        if link is None:
            return
        told = self._meter.wants_connections and self._moments.connected_ns is not None
        address = link.address if told else ""
        link.close()
        self.free_ns = _now_ns()
        if told:
            self._meter.connection(address, self._moments.view(self.free_ns, outcome, self._user))
