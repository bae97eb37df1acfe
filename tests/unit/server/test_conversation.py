"""The loop that answers without looking, on a link that follows a script: it still counts everything."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from functools import partial
from socket import socket
from typing import cast

import pytest

from lockstep_server.conversation import converse, serve_constant
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_wire.framing import RawDecoder

FRAME = b"noted"
SILENCE = BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
RESET = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

Step = int | Exception


class Link:
    """A socket that receives, and sends, as the script says: sizes, or what goes wrong."""

    def __init__(self, received: list[Step], sent: list[Step]) -> None:
        self._received, self._sent = iter(received), iter(sent)

    def recv_into(self, buffer: bytearray) -> int:
        size = self._next(self._received)
        assert size <= len(buffer)
        return size

    def sendall(self, data: bytes) -> None:
        assert self._next(self._sent) == len(data)

    def _next(self, script: Iterator[Step]) -> int:
        step = next(script)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.mark.parametrize(
    ("received", "sent", "cause", "counts"),
    [
        ([3, 4, 0], [5, 5], Cause.PEER, (2, 2, 7, 10)),
        ([0], [], Cause.PEER, (0, 0, 0, 0)),
        ([3, SILENCE], [5], Cause.IDLE, (1, 1, 3, 5)),
        ([3, 4], [5, SILENCE], Cause.SLOW_READER, (2, 1, 7, 5)),
        ([3, RESET], [5], Cause.RESET, (1, 1, 3, 5)),
        ([3], [RESET], Cause.RESET, (1, 0, 3, 0)),
    ],
)
def test_what_is_answered_blindly_is_counted_up_to_what_ends_it(
    received: list[Step], sent: list[Step], cause: Cause, counts: tuple[int, int, int, int]
) -> None:
    record = ConnectionRecord(1, "peer:1", 0)
    link = cast("socket", Link(received, sent))
    ended, _ = converse(partial(serve_constant, link, record, FRAME), RawDecoder())
    assert ended is cause
    assert (record.received, record.answered, record.bytes_received, record.bytes_sent) == counts
