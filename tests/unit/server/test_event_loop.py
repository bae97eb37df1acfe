"""Sessions as coroutines: they wait side by side in one thread, and who computes keeps all waiting."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from lockstep_server import event_loop
from lockstep_server.event_loop import AwaitedWork, CoroutineSession, EventLoop, awaited
from lockstep_server.records import Cause
from lockstep_server.session import Service
from lockstep_wire.framing import framing_of
from tests.factories.sessions import PATIENCE_S, Books, make_service

LENGTH = framing_of("length")
HELLO = LENGTH.encode(b"hello")


class Peer:
    """A client in the loop's own thread."""

    def __init__(self, link: socket.socket) -> None:
        link.setblocking(False)
        self._link = link

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._link, data)

    async def take(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._link, 65536)

    def leave(self) -> None:
        self._link.close()


@asynccontextmanager
async def visit(service: Service) -> AsyncIterator[Peer]:
    """A peer that is served; it leaves at the end, and its session ends before this does."""
    ours, theirs = socket.socketpair()
    session = CoroutineSession(ours, service.ledger.arrive("peer:1", 1), service)
    session.run()
    peer = Peer(theirs)
    async with asyncio.timeout(PATIENCE_S):
        yield peer
        peer.leave()
        while session in service.sessions:
            await asyncio.sleep(0.001)


def meeting(of: int) -> Callable[[object, int], AwaitedWork]:
    """In the place of `awaited`: work that ends only when so many are at it."""

    def make(_work: object, _sleep_ns: int) -> AwaitedWork:
        return together

    async def together() -> int:
        await barrier.wait()
        return 0

    barrier = asyncio.Barrier(of)
    return make


def test_coroutines_wait_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    books = Books()
    service = make_service(books, "length", "echo", idle_timeout_ns=0)

    async def play() -> None:
        monkeypatch.setattr(event_loop, "awaited", meeting(of=2))
        async with visit(service) as one, visit(service) as other:
            await one.send(HELLO)
            await other.send(HELLO)
            assert [await one.take(), await other.take()] == [HELLO, HELLO]

    asyncio.run(play())
    totals, occupied = books.totals(), books.occupied()
    assert (totals.open, totals.received, totals.answered, totals.causes[Cause.PEER]) == (0, 2, 2, 2)
    assert (occupied.max_in_service, occupied.in_service, occupied.waiting) == (2, 0, 0)
    assert occupied.in_service_ns == occupied.held_ns


@pytest.mark.parametrize(
    ("sleep_ns", "order"),
    [(0, ["begins", "works", "ends"] * 2), (1_000_000, ["begins", "begins", "ends", "ends"])],
)
def test_work_that_sleeps_lets_others_begin_and_work_that_computes_does_not(
    sleep_ns: int, order: list[str]
) -> None:
    events = list[str]()

    def compute() -> int:
        events.append("works")
        return 7

    async def message() -> None:
        events.append("begins")
        service_ns = await awaited(compute, sleep_ns)()
        assert service_ns == 7 or service_ns >= sleep_ns > 0
        events.append("ends")

    async def play() -> None:
        await asyncio.gather(message(), message())

    asyncio.run(play())
    assert events == order


def test_who_always_has_more_to_say_lets_others_in_after_each_receive() -> None:
    heard = list[bytes]()

    def hear(payload: bytes, _wait_ns: int, _service_ns: int) -> bytes:
        heard.append(payload[:1])
        return b""

    service = make_service(Books(), "raw", idle_timeout_ns=0)
    service = replace(service, reply=hear)

    async def play() -> None:
        async with visit(service) as one, visit(service) as other:
            await one.send(b"a" * 70_000)
            await other.send(b"b")

    asyncio.run(play())
    assert heard == [b"a", b"b", b"a"]


def test_all_tasks_of_an_event_loop_begin_in_its_one_thread_in_order() -> None:
    dispatch, begun, done = EventLoop(), list[tuple[int, int]](), threading.Event()
    for number in range(20):
        dispatch(lambda number=number: begun.append((number, threading.get_ident())))  # type: ignore[misc]
    dispatch(done.set)
    assert done.wait(PATIENCE_S)
    assert [number for number, _ in begun] == list(range(20))
    assert len({thread for _, thread in begun}) == 1
