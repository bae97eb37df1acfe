"""One message: work, reply, count. The hot path.

An exchange is a closure over locals because attribute look-ups would be most of what the server adds to the
system calls. What it counts goes to the record of its own connection, which no other thread writes.
"""

from __future__ import annotations

import codecs
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from socket import socket

from lockstep_server.modes import Admission
from lockstep_server.occupancy import Turnstile
from lockstep_server.records import ConnectionRecord
from lockstep_server.replies import Reply
from lockstep_server.work import Work

Exchange = Callable[[bytes], None]
"""Answers one payload. OSError if the peer cannot be answered."""

Send = Callable[[bytes], None]
"""Sends a whole frame. OSError if the peer does not take it."""

log = logging.getLogger("lockstep.server")

_now_ns = time.monotonic_ns
# Characters of a message that its line in the log shows.
_SHOWN = 80


@dataclass(slots=True)
class Turn:
    """A message's stay at its admission, in monotonic nanoseconds; a connection has one at a time."""

    admission_ns: int | None = None
    release_ns: int | None = None


def unvarying(link: socket, record: ConnectionRecord, frame: bytes) -> Exchange:
    """No work and the same reply for everybody: nothing is left to do but to send it."""
    sendall, size = link.sendall, len(frame)

    def exchange(_: bytes) -> None:
        sendall(frame)
        record.answered += 1
        record.bytes_sent += size

    return exchange


def whole_sender(link: socket, limit_ns: int) -> Send:
    """Sends whole frames; BlockingIOError if one takes longer than the limit (0: none).

    A blocking send returns early only once the kernel's own timeout is over: until then no clock is read.
    """
    if not limit_ns:
        return link.sendall
    send = link.send

    def send_whole(frame: bytes) -> None:
        sent = send(frame)
        if sent < len(frame):
            end_ns = _now_ns() + limit_ns
            rest = memoryview(frame)[sent:]
            while rest := rest[send(rest) :]:
                if _now_ns() >= end_ns:
                    raise BlockingIOError

    return send_whole


def within_connection(sendall: Send, record: ConnectionRecord, work: Work, reply: Reply) -> Exchange:
    """The connection was admitted as a whole: its first message tells how long that took."""
    wait_ns = record.wait_ns or 0

    def exchange(payload: bytes) -> None:
        nonlocal wait_ns
        service_ns = work()
        frame = reply(payload, wait_ns, service_ns)
        wait_ns = 0
        sendall(frame)
        record.answered += 1
        record.bytes_sent += len(frame)

    return exchange


def message_by_message(
    sendall: Send,
    record: ConnectionRecord,
    work: Work,
    reply: Reply,
    admission: Admission,
    occupancy: Turnstile,
) -> Exchange:
    """Every message passes the admission, which is held for its work and its reply."""
    turn = Turn()
    waited_ns = held_ns = record.waited_ns = record.held_ns = 0
    acquire, release = admission.acquire, admission.release

    def exchange(payload: bytes) -> None:
        nonlocal waited_ns, held_ns
        asked_ns = _now_ns()
        occupancy.line_up()
        acquire()
        admitted_ns = occupancy.enter(turn)
        wait_ns = admitted_ns - asked_ns
        try:
            frame = reply(payload, wait_ns, work())
            sendall(frame)
        finally:
            released_ns = occupancy.leave(turn)
            release()
            waited_ns += wait_ns
            held_ns += released_ns - admitted_ns
            record.waited_ns, record.held_ns = waited_ns, held_ns
        record.answered += 1
        record.bytes_sent += len(frame)

    return exchange


def logged(exchange: Exchange, who: str) -> Exchange:
    """The same exchange, and a line in the log for every message: for people who watch at debug level."""
    tell = told_in_log(who)

    def tell_and_exchange(payload: bytes) -> None:
        tell(payload)
        exchange(payload)

    return tell_and_exchange


def told_in_log(who: str) -> Callable[[bytes], None]:
    """Writes a line for every payload it is called with.

    Text is decoded piece by piece: a character that a segment boundary cut appears with its second half.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def tell(payload: bytes) -> None:
        text = decode(payload)
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        log.debug("%s says %r (%d bytes)", who, shown, len(payload))

    return tell
