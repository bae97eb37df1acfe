"""A link for greenlets: every wait can be ended, nobody spins the loop, and what was killed can be closed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest
from gevent.event import Event

from lockstep.tcp.gevent_link import CooperativeLink, watchdog_for
from tests.support.clients import PATIENCE_S
from tests.support.peers import LOOPBACK, Peer, echoes, stays_silent, until_closed

SHORT_S = 0.05
# More than the kernel buffers on both ends of a loopback connection.
LARGE = 32 << 20


@contextmanager
def linked(timeout_s: float = PATIENCE_S) -> Iterator[tuple[CooperativeLink, socket.socket]]:
    """A connected link, and the socket at its other end."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        link = CooperativeLink(socket.AF_INET, timeout_s)
        link.connect((LOOPBACK, listener.getsockname()[1]), None)
        far, _ = listener.accept()
        try:
            with far:
                yield link, far
        finally:
            link.close()


@contextmanager
def full_backlog() -> Iterator[tuple[str, int]]:
    """An address whose listener accepts nobody and has no place left to wait in."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(2)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            yield listener.getsockname()
        finally:
            for one in waiting:
                one.close()


def waits(link: CooperativeLink, action: Callable[[], Any]) -> gevent.Greenlet:
    """A greenlet that waits in this already."""
    greenlet = gevent.spawn(action)
    with gevent.Timeout(PATIENCE_S):
        while not link.waiting:
            gevent.sleep(0)
    return greenlet


Wait = tuple[CooperativeLink, Callable[[], Any]]


@contextmanager
def receiving(timeout_s: float) -> Iterator[Wait]:
    with linked(timeout_s) as (link, _):
        yield link, link.receive


@contextmanager
def sending(timeout_s: float) -> Iterator[Wait]:
    with linked(timeout_s) as (link, _):
        yield link, lambda: link.send(bytes(LARGE))


@contextmanager
def connecting(timeout_s: float) -> Iterator[Wait]:
    with full_backlog() as address:
        link = CooperativeLink(socket.AF_INET, timeout_s)
        try:
            yield link, lambda: link.connect(address, None)
        finally:
            link.close()


each_wait = pytest.mark.parametrize("wait", [receiving, sending, connecting])


@each_wait
def test_a_wait_that_takes_too_long_is_ended(wait: Any) -> None:
    with wait(SHORT_S) as (_, action), pytest.raises(TimeoutError):
        action()


@each_wait
def test_abort_wakes_whoever_waits(wait: Any) -> None:
    with wait(PATIENCE_S) as (link, action):
        greenlet = waits(link, action)
        link.abort()
        greenlet.join(PATIENCE_S)
        # Whichever comes first: the loop sees the end of the stream, or that somebody has ended the wait.
        assert greenlet.value == b"" or isinstance(greenlet.exception, ConnectionError)


@each_wait
def test_who_is_killed_while_it_waits_leaves_a_link_that_can_be_closed(wait: Any) -> None:
    with wait(PATIENCE_S) as (link, action):
        greenlet = waits(link, action)
        greenlet.kill(timeout=PATIENCE_S)
        assert greenlet.dead
        assert not link.waiting
        link.abort()
        link.close()


def test_after_a_killed_wait_the_link_goes_on() -> None:
    with linked() as (link, far):
        waits(link, link.receive).kill()
        far.sendall(b"late")
        assert link.receive() == b"late"


def test_a_step_is_not_charged_with_the_time_of_the_one_before() -> None:
    with Peer(echoes) as peer:
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        link.connect((LOOPBACK, peer.port), None)
        link.ticks = 10
        link.send(b"ping")
        assert link.receive() == b"ping"
        assert link.ticks < 10
        link.close()


def test_a_step_that_began_as_the_last_one_was_to_be_ended_is_left_alone() -> None:
    """A reply and the deadline of its step come in one turn of the loop; whoever had it begins another."""
    with linked() as (link, far):

        def twice() -> tuple[bytes, bytes]:
            first = link.receive()
            link.begin()
            return first, link.receive()

        greenlet = waits(link, twice)
        far.sendall(b"at last")

        def both_at_once() -> None:
            link.ticks = 99
            link.expire()
            link._on_readable()

        gevent.get_hub().loop.run_callback(both_at_once)
        gevent.sleep(0)
        gevent.sleep(0)
        far.sendall(b"soon")
        assert greenlet.get(timeout=PATIENCE_S) == (b"at last", b"soon")


class Silent:
    """Watched, and always waiting."""

    def __init__(self) -> None:
        self.ticks = 0
        self.waiting = True
        self.expired = Event()

    def expire(self) -> None:
        self.waiting = False
        self.expired.set()


def test_the_watchdog_leaves_alone_who_does_not_wait_or_is_forgotten() -> None:
    watchdog = watchdog_for(SHORT_S)
    waiting, idle, gone = Silent(), Silent(), Silent()
    idle.waiting = False
    for one in (waiting, idle, gone):
        watchdog.watch(one)
    watchdog.forget(gone)
    assert waiting.expired.wait(PATIENCE_S)
    assert not idle.expired.is_set()
    assert not gone.expired.is_set()
    for one in (waiting, idle, gone):
        watchdog.forget(one)


def test_there_is_one_watchdog_for_a_bound() -> None:
    assert watchdog_for(1.25) is watchdog_for(1.25)
    assert watchdog_for(1.25) is not watchdog_for(1.5)


def turns_of_the_loop(during_s: float) -> int:
    """How often the loop finds something to do while everybody sleeps."""
    loop = gevent.get_hub().loop
    count = [0]

    def one_more() -> None:
        count[0] += 1

    watcher = loop.check()
    watcher.start(one_more)
    try:
        gevent.sleep(during_s)
    finally:
        watcher.stop()
        watcher.close()
    return count[0]


@pytest.mark.parametrize("what", ["sends", "closes", "resets"])
def test_a_link_that_nobody_waits_on_does_not_turn_the_loop_whatever_the_peer_does(what: str) -> None:
    with linked() as (link, far):
        # It has been waited on before: the loop watches it.
        far.sendall(b"first")
        assert link.receive() == b"first"
        if what == "sends":
            far.sendall(b"unasked")
        elif what == "closes":
            far.close()
        else:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            far.close()
        # A loop that spins turns tens of thousands of times in this time.
        assert turns_of_the_loop(0.1) < 100
        if what == "sends":
            assert link.receive() == b"unasked"


def test_what_the_peer_sends_does_not_turn_the_loop_while_somebody_waits_to_write() -> None:
    with linked() as (link, far):
        far.sendall(b"first")
        assert link.receive() == b"first"
        greenlet = waits(link, lambda: link.send(bytes(LARGE)))
        far.sendall(b"unasked")
        assert turns_of_the_loop(0.1) < 100
        greenlet.kill()
        assert link.receive() == b"unasked"


@pytest.mark.parametrize("size", [1, 65536, 5 << 20])
def test_large_frames_go_both_ways(size: int) -> None:
    frame = bytes(range(256)) * (size // 256) or b"!"
    received = bytearray()

    def takes_all_then_echoes(link: socket.socket) -> None:
        link.sendall(read_all(link, len(frame)))
        until_closed(link)

    with Peer(takes_all_then_echoes) as peer:
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        link.connect((LOOPBACK, peer.port), None)
        link.send(frame)
        while len(received) < len(frame):
            received += link.receive()
        link.finish()
        assert link.receive() == b""
        link.close()
    assert bytes(received) == frame


def read_all(link: socket.socket, size: int) -> bytes:
    """As `read`, for what is large."""
    data = bytearray()
    while len(data) < size:
        data += link.recv(1 << 20)
    return bytes(data)


def test_others_run_while_one_waits_in_a_receive_or_a_send() -> None:
    for begin in (receiving, sending):
        with begin(PATIENCE_S) as (link, action):
            greenlet = waits(link, action)
            assert gevent.spawn(lambda: 7).get(timeout=PATIENCE_S) == 7
            greenlet.kill()


def test_many_links_wait_side_by_side_and_each_gets_its_own() -> None:
    def talk(number: int) -> list[bytes]:
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        link.connect(address, None)
        heard = []
        for turn in range(5):
            link.send(b"%d.%d" % (number, turn))
            heard.append(link.receive())
        link.close()
        return heard

    with socket.create_server((LOOPBACK, 0)) as listener:
        address = listener.getsockname()
        server = threading.Thread(target=serve_side_by_side, args=(listener, 20))
        server.start()
        greenlets = [gevent.spawn(talk, number) for number in range(20)]
        gevent.joinall(greenlets, timeout=PATIENCE_S, raise_error=True)
        server.join(PATIENCE_S)
    for number, greenlet in enumerate(greenlets):
        assert greenlet.value == [b"%d.%d" % (number, turn) for turn in range(5)]


def serve_side_by_side(listener: socket.socket, count: int) -> None:
    """Echo on so many connections at once."""

    def serve(far: socket.socket) -> None:
        with far:
            echoes(far)

    threads = []
    for _ in range(count):
        far, _ = listener.accept()
        threads.append(threading.Thread(target=serve, args=(far,)))
        threads[-1].start()
    for thread in threads:
        thread.join(PATIENCE_S)


def test_a_link_comes_from_the_address_that_it_is_given() -> None:
    seen: list[str] = []

    def notes_the_address(far: socket.socket) -> None:
        seen.append("{}:{}".format(*far.getpeername()))
        stays_silent(far)

    with Peer(notes_the_address) as peer:
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        link.connect((LOOPBACK, peer.port), "127.0.0.2")
        address = link.address
        link.close()
    assert seen == [address]
    assert address.startswith("127.0.0.2:")


def test_a_refused_connect_is_an_error_at_once() -> None:
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        with pytest.raises(ConnectionRefusedError):
            link.connect(holder.getsockname(), None)
        link.close()


def test_closing_again_does_nothing() -> None:
    with linked() as (link, far):
        link.close()
        link.close()
        far.settimeout(PATIENCE_S)
        assert until_closed(far) == b""


def test_the_peer_may_send_while_a_large_frame_is_being_sent() -> None:
    """What can be read meanwhile is not lost."""

    def speaks_first(link: socket.socket) -> None:
        link.sendall(b"early")
        read_all(link, LARGE)
        link.sendall(b"late!")
        until_closed(link)

    with Peer(speaks_first) as peer:
        link = CooperativeLink(socket.AF_INET, PATIENCE_S)
        link.connect((LOOPBACK, peer.port), None)
        link.send(bytes(LARGE))
        heard = b""
        while len(heard) < 10:
            heard += link.receive()
        link.close()
    assert heard == b"earlylate!"
