"""Receive, cut into messages, answer each, until something ends it; and say what did."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from socket import socket

from lockstep_server.exchange import Exchange
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_wire.framing import Decoder, FrameTooLong

Talk = Callable[[], None]
"""Goes on until the peer leaves. BlockingIOError, OSError or FrameTooLong if something else ends it."""

_RECEIVE_BYTES = 65_536
_NS_PER_MS = 1_000_000
_UNREAD = bytearray(_RECEIVE_BYTES)
"""All who answer without looking receive into this, at the same time: what is in it means nothing."""


_now_ns = time.monotonic_ns


class SlowReaderError(Exception):
    """The peer did not take its reply in time."""


class SlowSenderError(Exception):
    """The peer did not say all of a message in time."""


ENDINGS = (SlowReaderError, SlowSenderError, OSError, FrameTooLong)
"""What ends a conversation, other than that the peer leaves."""


def converse(talk: Talk, decoder: Decoder) -> tuple[Cause, str]:
    """Talk until the peer leaves or misbehaves. Returns the cause, and a few words of detail.

    The socket is blocking with the kernel's own timeouts set on it: when one strikes, receive or send fails
    with EAGAIN, which costs nothing as long as it does not.
    """
    try:
        talk()
    except ENDINGS as error:
        return ending_of(error, decoder)
    return ending_of(None, decoder)


def ending_of(error: Exception | None, decoder: Decoder) -> tuple[Cause, str]:
    """The cause and a few words of detail: one of ENDINGS struck, or None where the peer left."""
    match error:
        case None:
            return (Cause.SHORT, "left in mid-frame") if decoder.pending else (Cause.PEER, "")
        case SlowReaderError():
            return Cause.SLOW_READER, "did not take its reply in time"
        case SlowSenderError():
            return Cause.SLOW_SENDER, "took too long over one message"
        case BlockingIOError():
            return Cause.IDLE, "in mid-frame" if decoder.pending else ""
        case OSError():
            return Cause.RESET, error.strerror or str(error)
        case _:
            return Cause.TOO_LONG, str(error)


def serve_framed(
    link: socket,
    record: ConnectionRecord,
    decoder: Decoder,
    exchange: Exchange,
    message_ns: int = 0,
    idle_ns: int = 0,
) -> None:
    """One receive may hold many messages, or a part of one.

    message_ns: how long all parts of one may take; idle_ns: how long each wait for more; 0 for ever. Where
    messages come whole, no clock is read.
    """
    receive, feed, begun_ns = link.recv, decoder.feed, None
    while data := receive(_RECEIVE_BYTES):
        record.bytes_received += len(data)
        payloads = feed(data)
        for payload in payloads:
            record.received += 1
            try:
                exchange(payload)
            except BlockingIOError as error:
                raise SlowReaderError from error
        if message_ns and decoder.pending:
            if payloads or begun_ns is None:
                begun_ns = _now_ns()
            _await_more(link, begun_ns + message_ns, idle_ns)
        else:
            begun_ns = None


def _await_more(link: socket, end_ns: int, idle_ns: int) -> None:
    """Return when there is more to receive. SlowSenderError at end_ns, BlockingIOError after idle_ns."""
    left_ns = end_ns - _now_ns()
    if left_ns <= 0:
        raise SlowSenderError
    patience_ns = min(left_ns, idle_ns or left_ns)
    poll = select.poll()
    poll.register(link, select.POLLIN)
    if not poll.poll(-(-patience_ns // _NS_PER_MS)):
        raise SlowSenderError if patience_ns == left_ns else BlockingIOError


def serve_raw(link: socket, record: ConnectionRecord, exchange: Exchange) -> None:
    """One receive is one message."""
    receive = link.recv
    while data := receive(_RECEIVE_BYTES):
        record.bytes_received += len(data)
        record.received += 1
        try:
            exchange(data)
        except BlockingIOError as error:
            raise SlowReaderError from error


def serve_constant(link: socket, record: ConnectionRecord, frame: bytes) -> None:
    """One receive is one message, and the answer to it is always the same: nothing is looked at, or kept.

    Receiving into memory that is there saves more than the counting costs.
    """
    receive_into, sendall, frame_bytes = link.recv_into, link.sendall, len(frame)
    while received_bytes := receive_into(_UNREAD):
        record.bytes_received += received_bytes
        record.received += 1
        try:
            sendall(frame)
        except BlockingIOError as error:
            raise SlowReaderError from error
        record.answered += 1
        record.bytes_sent += frame_bytes
