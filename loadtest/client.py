"""One TCP connection from the client's side: bytes in and out, every phase timed, every failure named.

Knows no Locust. A failed exchange is data: methods return an Outcome or a Reply and hand a Sample to
`record`; they raise only where the harness itself is at fault (HarnessError) or is being torn down.
"""

from __future__ import annotations

import errno
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from loadtest.moments import Moments
from loadtest.reply_buffer import reply_buffer
from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Reply, Sample
from loadtest.socket_errors import HarnessError, outcome_of, resolve
from wire.errors import FrameTooLong, HeaderMissing
from wire.framing import Framing, get_framing

RECEIVE_BYTES = 65536
NO_TIMING = "the reply has no timing header: is the server's --timing on?"


class _Pending(NamedTuple):
    """A message whose reply is still to come."""

    start_ns: int
    sent_bytes: int


class _CutShortError(Exception):
    """The peer closed while a reply was due."""


class TcpClient:
    """A connection that can be opened, used and closed again and again.

    host, port: the target. framing: `raw`, `line` or `length`.
    timing: the server puts wait and service time before its replies.
    timeout_s: bound of every single wait for the peer, in seconds. record: takes each finished Sample.
    record_connection: takes (`ip:port` of this end, ClientView) when a connection is over.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        framing: str = "raw",
        timing: bool = False,
        timeout_s: float = 10.0,
        max_frame: int = 1 << 20,
        record: Callable[[Sample], None],
        record_connection: Callable[[str, ClientView], None] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.timeout_s = timeout_s
        self._framing: Framing = get_framing(framing)
        self._timing = timing
        self._max_frame = max_frame
        self._record = record
        self._record_connection = record_connection
        self._socket: socket.socket | None = None
        self._pending: deque[_Pending] = deque()
        self._begin_anew()

    @property
    def connected(self) -> bool:
        """Whether there is a connection to send on."""
        return self._socket is not None

    def connect(self) -> Outcome:
        """Open the connection and time the handshake; a connection that is still open is closed first."""
        self.close()
        family, address = resolve(self.host, self.port)
        self._begin_anew()
        try:
            connection = self._socket = socket.socket(family, socket.SOCK_STREAM)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(self.timeout_s)
            connection.connect(address)
        except OSError as error:
            return self._give_up(Phase.CONNECT, self._moments.connect_start_ns, *self._explain(error))
        except BaseException:
            self._give_up(
                Phase.CONNECT, self._moments.connect_start_ns, Outcome.ABORTED, "stopped while connecting"
            )
            raise
        self._moments.connected_ns = time.monotonic_ns()
        ip, port = connection.getsockname()[:2]
        self._address = f"{ip}:{port}"
        self._sample(
            Phase.CONNECT, Outcome.ANSWERED, self._moments.connect_start_ns, self._moments.connected_ns
        )
        return Outcome.ANSWERED

    def _begin_anew(self) -> None:
        self._moments = Moments(time.monotonic_ns())
        self._address = ""
        self._aborting = False
        self._pending.clear()
        self._replies = reply_buffer(self._framing, self._max_frame)
        self._received = 0

    def request(self, payload: bytes, expect: bytes | None = None) -> Reply:
        """Send one message and wait for its reply; with `expect` the reply's bytes are checked.

        With raw framing and no `expect`, whatever one receive brings is the reply.
        """
        outcome = self.send(payload)
        if outcome is not Outcome.ANSWERED:
            return Reply(outcome)
        return self.receive(expect)

    def send(self, payload: bytes) -> Outcome:
        """Write one message without waiting for its reply.

        Its time runs from here until `receive` has the reply.
        """
        connection = self._need_connection()
        frame = self._framing.encode(payload)
        start_ns = time.monotonic_ns()
        if self._moments.first_sent_ns is None:
            self._moments.first_sent_ns = start_ns
        self._pending.append(_Pending(start_ns, len(frame)))
        try:
            connection.sendall(frame)
        except OSError as error:
            return self._fail(*self._explain(error)).outcome
        except BaseException:
            self._fail(Outcome.ABORTED, "stopped while sending")
            raise
        return Outcome.ANSWERED

    def receive(self, expect: bytes | None = None) -> Reply:
        """Wait for the reply to the oldest message that has none yet."""
        connection = self._need_connection()
        if not self._pending:
            raise HarnessError("receive() without a message sent: call send() or request() first")
        try:
            payload = self._next_reply(connection, expect)
        except FrameTooLong as error:
            return self._fail(Outcome.MISMATCH, str(error))
        except _CutShortError:
            return self._fail(*self._explain_end())
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
        connection = self._socket
        if connection is None:
            return Outcome.ANSWERED
        if self._pending:
            return self._fail(Outcome.ABORTED, "closed before the reply").outcome
        start_ns = self._moments.close_start_ns = time.monotonic_ns()
        outcome, detail = Outcome.ANSWERED, ""
        try:
            connection.shutdown(socket.SHUT_WR)
            if not self._replies.empty or connection.recv(RECEIVE_BYTES):
                outcome, detail = Outcome.MISMATCH, "bytes that nobody asked for"
        except OSError as error:
            outcome, detail = self._explain(error)
        except BaseException:
            self._give_up(Phase.CLOSE, start_ns, Outcome.ABORTED, "stopped while closing")
            raise
        return self._give_up(Phase.CLOSE, start_ns, outcome, detail)

    def abort(self) -> None:
        """Wake whoever waits on this connection; what it waits for is booked as aborted.

        To be called from another greenlet or thread.
        """
        self._aborting = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError as error:
                if error.errno not in (errno.ENOTCONN, errno.EBADF):
                    raise

    def _need_connection(self) -> socket.socket:
        if self._socket is None:
            raise HarnessError("no connection: call connect() first and look at what it returns")
        return self._socket

    def _next_reply(self, connection: socket.socket, expect: bytes | None) -> bytes:
        """The next reply's payload, timing header included."""
        size = None if expect is None else len(expect) + (self._framing.timing.size if self._timing else 0)
        while (reply := self._replies.take(size)) is None:
            data = connection.recv(RECEIVE_BYTES)
            if not data:
                raise _CutShortError
            self._received += len(data)
            self._replies.feed(data)
        return reply

    def _book(self, payload: bytes, expect: bytes | None) -> Reply:
        """Check a whole reply and record it."""
        end_ns = time.monotonic_ns()
        wait_ns = service_ns = None
        outcome, detail = Outcome.ANSWERED, ""
        if self._timing:
            try:
                wait_ns, service_ns, payload = self._framing.timing.unpack(payload)
            except HeaderMissing:
                outcome, detail = Outcome.MISMATCH, NO_TIMING
        if outcome is Outcome.ANSWERED and expect is not None and payload != expect:
            outcome, detail = Outcome.MISMATCH, "the reply is not what was expected"
        sample = self._book_message(outcome, detail, end_ns, wait_ns, service_ns)
        first = self._moments.first_reply_ns is None
        if first:
            self._moments.first_reply_ns = end_ns
        if outcome is Outcome.ANSWERED:
            self._moments.answered += 1
            if first:
                self._record(Sample(Phase.FIRST_REPLY, outcome, sample.start_ns, end_ns, wait_ns, service_ns))
        return Reply(outcome, payload, wait_ns, service_ns)

    def _book_message(
        self,
        outcome: Outcome,
        detail: str,
        end_ns: int,
        wait_ns: int | None = None,
        service_ns: int | None = None,
    ) -> Sample:
        """Record how the oldest pending message ended; what was received since the one before is its own."""
        start_ns, sent_bytes = self._pending.popleft()
        received, self._received = self._received, 0
        sample = Sample(
            Phase.MESSAGE, outcome, start_ns, end_ns, wait_ns, service_ns, sent_bytes, received, detail
        )
        self._record(sample)
        return sample

    def _explain_end(self) -> tuple[Outcome, str]:
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
        end_ns = time.monotonic_ns()
        while self._pending:
            self._book_message(outcome, detail, end_ns)
        self._leave(outcome)
        return Reply(outcome)

    def _sample(
        self, phase: Phase, outcome: Outcome, start_ns: int, end_ns: int | None = None, detail: str = ""
    ) -> None:
        self._record(Sample(phase, outcome, start_ns, end_ns or time.monotonic_ns(), detail=detail))

    def _give_up(self, phase: Phase, start_ns: int, outcome: Outcome, detail: str) -> Outcome:
        """Book the connection's last step, and let the connection go."""
        self._sample(phase, outcome, start_ns, detail=detail)
        self._leave(outcome)
        return outcome

    def _leave(self, outcome: Outcome) -> None:
        """Close the socket and tell how the connection went."""
        self._drop()
        if self._record_connection is not None and self._address:
            self._record_connection(self._address, self._moments.view(time.monotonic_ns(), outcome))

    def _drop(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()
