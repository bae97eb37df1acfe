"""What a server says unasked: the same tick to every connection that is served, at the same moments."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from socket import socket

from lockstep_server.conversation import SlowReaderError
from lockstep_server.records import ConnectionRecord
from lockstep_wire.push import push_payload

_RECEIVE_BYTES = 65_536
_NS_PER_MS = 1_000_000

_now_ns = time.monotonic_ns


def serve_pushes(
    link: socket, record: ConnectionRecord, interval_ns: int, encode: Callable[[bytes], bytes]
) -> None:
    """Push at every multiple of the interval, until the peer leaves; what it says is counted as bytes.

    A tick that comes while the last one is still being written is left out: nobody is pushed what is old.
    """
    poll = select.poll()
    poll.register(link, select.POLLIN)
    while True:
        number = _now_ns() // interval_ns + 1
        due_ns = number * interval_ns
        if not _await(link, record, poll, due_ns):
            return
        frame = encode(push_payload(number, due_ns))
        try:
            link.sendall(frame)
        except BlockingIOError as error:
            raise SlowReaderError from error
        record.answered += 1
        record.bytes_sent += len(frame)


def _await(link: socket, record: ConnectionRecord, poll: select.poll, due_ns: int) -> bool:
    """Whether the peer is still there when a tick is due."""
    while (left_ns := due_ns - _now_ns()) > 0:
        if poll.poll(left_ns // _NS_PER_MS):
            data = link.recv(_RECEIVE_BYTES)
            if not data:
                return False
            record.bytes_received += len(data)
        elif (left_ns := due_ns - _now_ns()) > 0:
            # What a poll cannot tell apart.
            time.sleep(min(left_ns, _NS_PER_MS) / 1e9)
    return True
