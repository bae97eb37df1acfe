"""Receive, cut into messages, answer each, until something ends it; and say what did."""

from __future__ import annotations

from socket import socket

from server.exchange import Exchange
from server.records import Cause, ConnectionRecord
from wire.errors import FrameTooLong
from wire.framing import Decoder, RawDecoder

_RECEIVE_BYTES = 65_536


class _SlowReaderError(Exception):
    """The peer did not take its reply in time."""


def converse(
    link: socket, record: ConnectionRecord, decoder: Decoder, exchange: Exchange
) -> tuple[Cause, str]:
    """Talk until the peer leaves or misbehaves. Returns the cause, and a few words of detail.

    The socket is blocking with the kernel's own timeouts set on it: when one strikes, receive or send fails
    with EAGAIN, which costs nothing as long as it does not.
    """
    try:
        if isinstance(decoder, RawDecoder):
            _talk_unframed(link, record, exchange)
        else:
            _talk(link, record, decoder, exchange)
    except _SlowReaderError:
        return Cause.SLOW_READER, "did not take its reply in time"
    except BlockingIOError:
        return Cause.IDLE, "in mid-frame" if decoder.pending else ""
    except OSError as error:
        return Cause.RESET, error.strerror or str(error)
    except FrameTooLong as error:
        return Cause.TOO_LONG, str(error)
    return (Cause.SHORT, "left in mid-frame") if decoder.pending else (Cause.PEER, "")


def _talk(link: socket, record: ConnectionRecord, decoder: Decoder, exchange: Exchange) -> None:
    receive, feed = link.recv, decoder.feed
    while data := receive(_RECEIVE_BYTES):
        record.bytes_received += len(data)
        for payload in feed(data):
            record.received += 1
            try:
                exchange(payload)
            except BlockingIOError as error:
                raise _SlowReaderError from error


def _talk_unframed(link: socket, record: ConnectionRecord, exchange: Exchange) -> None:
    """The same where one receive is one message: in a loop this short a call saved can be measured."""
    receive = link.recv
    while data := receive(_RECEIVE_BYTES):
        record.bytes_received += len(data)
        record.received += 1
        try:
            exchange(data)
        except BlockingIOError as error:
            raise _SlowReaderError from error
