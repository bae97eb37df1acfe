"""A server that speaks unasked, or answers nothing."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from lockstep_server.pushes import serve_pushes
from lockstep_server.records import ConnectionRecord
from lockstep_server.replies import get_constant_reply, get_reply
from lockstep_wire import push
from lockstep_wire.framing import framing_of
from lockstep_wire.push import push_payload, pushed_ns

LENGTH = framing_of("length")
INTERVAL_NS = 5_000_000


def pushed_to(peers: int, seconds: float) -> list[list[bytes]]:
    """What each of so many peers was pushed within so many seconds."""
    ends = [socket.socketpair() for _ in range(peers)]
    records = [ConnectionRecord(id=number, peer="peer", arrival_ns=0) for number in range(len(ends))]
    threads = [
        threading.Thread(target=serve_pushes, args=(ours, record, INTERVAL_NS, LENGTH.encode))
        for (ours, _), record in zip(ends, records, strict=True)
    ]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    found = []
    for (ours, theirs), record, thread in zip(ends, records, threads, strict=True):
        theirs.shutdown(socket.SHUT_WR)
        thread.join(5)
        assert not thread.is_alive()
        ours.close()
        data = b""
        while more := theirs.recv(65536):
            data += more
        theirs.close()
        payloads = LENGTH.decoder(1 << 20).feed(data)
        assert record.answered == len(payloads)
        assert record.bytes_sent == len(data)
        found.append(payloads)
    return found


def test_every_connection_is_pushed_the_same_ticks_until_its_peer_leaves() -> None:
    first, second = pushed_to(2, 0.1)
    assert len(first) >= 2
    ticks = [{int(payload.split()[1]) for payload in each} for each in (first, second)]
    assert ticks[0] & ticks[1]
    due = [pushed_ns(payload) for payload in first]
    assert all(each is not None and each % INTERVAL_NS == 0 for each in due)
    assert due == sorted(set(due), key=lambda each: each or 0)


def test_a_push_says_when_it_was_due_to_who_reads_the_same_clock() -> None:
    assert pushed_ns(push_payload(7, 123_456)) == 123_456


@pytest.mark.parametrize(
    "payload",
    [b"", b"news", b"push 1 2", b"push 1 2 elsewhere", b"push 1 x " + push.clock_name(), bytes(200)],
)
def test_what_is_no_push_of_this_machine_says_nothing(payload: bytes) -> None:
    assert pushed_ns(payload) is None


@pytest.mark.parametrize("timing", [False, True])
def test_no_reply_is_no_bytes_whatever_the_timing(timing: bool) -> None:
    assert get_reply("none", LENGTH, timing)(b"hello", 1, 2) == b""
    assert get_constant_reply("none", LENGTH, timing) == b""
