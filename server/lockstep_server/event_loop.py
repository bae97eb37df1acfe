"""Sessions as coroutines of one event loop, in one thread: who runs them, and how they wait.

Loaded only where a listener asks for it. Framings, replies, records and causes are those of every session;
what is here is how a coroutine receives, works and sends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from socket import socket
from typing import TypeVar

from lockstep_server.conversation import ENDINGS, SlowReaderError, SlowSenderError, ending_of
from lockstep_server.dispatch import Task, thread_each
from lockstep_server.exchange import told_in_log
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_server.session import Service, Session
from lockstep_server.work import Work
from lockstep_wire.framing import Decoder
from lockstep_wire.push import push_payload

AwaitedWork = Callable[[], Coroutine[None, None, int]]
"""Does the work of one message and returns how long it took, in nanoseconds."""

_T = TypeVar("_T")

_PIECE_BYTES = 65_536

_now_ns = time.monotonic_ns


class EventLoop:
    """A thread with an event loop; each task begins in that thread, in the order of arrival.

    Costs no thread for a connection, but turns of the loop and timers for each message, and a wake of it for
    each connection accepted. It fails where anything computes or blocks: nobody else gets on meanwhile.
    """

    def __init__(self) -> None:
        """RuntimeError if the system gives no thread."""
        self._loop = asyncio.new_event_loop()
        thread_each(self._loop.run_forever)

    def __call__(self, task: Task) -> None:
        """Begin the task in the loop's thread."""
        self._loop.call_soon_threadsafe(task)


class CoroutineSession(Session):
    """Serves one accepted connection as a coroutine: the same conversation, with waits that are awaited."""

    __slots__ = ("_task",)

    def run(self) -> None:
        """Begin to serve, in the loop's thread; returns at once."""
        self._link.setblocking(False)
        self._service.occupancy.enter(self._record)
        # The loop itself would forget a task that nobody holds.
        self._task = asyncio.get_running_loop().create_task(self._serve_awaited())

    async def _serve_awaited(self) -> None:
        cause, detail = Cause.RESET, "broken off"
        try:
            if gone := self._gone():
                detail = gone
            elif not self._cut:
                service = self._service
                decoder = service.framing.decoder(service.max_frame)
                conversation = Conversation(self._link, self._record, service, self._told_in_log())
                cause, detail = await _converse(conversation.hold(decoder), decoder)
        finally:
            self._leave()
            self._close(cause, detail)

    def _told_in_log(self) -> Callable[[bytes], None] | None:
        return told_in_log(self._who) if self._watched() else None


async def _converse(talk: Awaitable[None], decoder: Decoder) -> tuple[Cause, str]:
    try:
        await talk
    except ENDINGS as error:
        return ending_of(error, decoder)
    return ending_of(None, decoder)


class Conversation:
    """Receive, cut into messages, answer each, until something ends it; or push, until the peer leaves."""

    def __init__(
        self, link: socket, record: ConnectionRecord, service: Service, tell: Callable[[bytes], None] | None
    ) -> None:
        """tell: called with each message, for people who watch."""
        self._loop = asyncio.get_running_loop()
        self._link, self._record, self._service, self._tell = link, record, service, tell
        self._patience_s = service.idle_timeout_ns / 1e9 or None

    async def hold(self, decoder: Decoder) -> None:
        """Goes on until the peer leaves. One of ENDINGS if something else ends it."""
        await (self._push() if self._service.push_ns else self._answer(decoder))

    async def _answer(self, decoder: Decoder) -> None:
        record, service = self._record, self._service
        work, reply, wait_ns = awaited(service.work, service.sleep_ns), service.reply, record.wait_ns or 0
        begun_ns: int | None = None
        while data := await self._receive_more(begun_ns):
            record.bytes_received += len(data)
            payloads = decoder.feed(data)
            for payload in payloads:
                record.received += 1
                if self._tell:
                    self._tell(payload)
                await self._send(reply(payload, wait_ns, await work()))
                wait_ns = 0
            if not decoder.pending:
                begun_ns = None
            elif payloads or begun_ns is None:
                begun_ns = _now_ns()
            # What is there already is received without a wait: who always has more would never let others in.
            await asyncio.sleep(0)

    async def _receive_more(self, begun_ns: int | None) -> bytes:
        """begun_ns: when the first byte of a message came that is not whole yet."""
        limit_ns = self._service.message_timeout_ns
        if not limit_ns or begun_ns is None:
            return await self._receive(self._patience_s)
        left_s = max(0, begun_ns + limit_ns - _now_ns()) / 1e9
        patience_s = min(left_s, self._patience_s or left_s)
        try:
            return await self._receive(patience_s)
        except BlockingIOError as error:
            if patience_s < left_s:
                raise
            raise SlowSenderError from error

    async def _push(self) -> None:
        """A loop's timers are whole milliseconds, rounded up, so a tick may be late by one; where somebody
        computes, by more."""
        interval_ns = self._service.push_ns
        while True:
            number = _now_ns() // interval_ns + 1
            if not await self._stays_until(number * interval_ns):
                return
            await self._send(self._service.framing.encode(push_payload(number, number * interval_ns)))

    async def _stays_until(self, due_ns: int) -> bool:
        while (left_ns := due_ns - _now_ns()) > 0:
            try:
                data = await self._receive(left_ns / 1e9)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._record.bytes_received += len(data)
        return True

    async def _receive(self, patience_s: float | None) -> bytes:
        return await _in_time(self._loop.sock_recv(self._link, _PIECE_BYTES), patience_s)

    async def _send(self, frame: bytes) -> None:
        """In pieces, each of which the peer has to make room for in time, and for all of them too."""
        whole = memoryview(frame)
        limit_ns = self._service.message_timeout_ns
        patience_s = self._patience_s or limit_ns / 1e9 or None
        end_ns = _now_ns() + limit_ns if limit_ns and len(frame) > _PIECE_BYTES else None
        try:
            for start in range(0, len(frame), _PIECE_BYTES):
                piece = whole[start : start + _PIECE_BYTES]
                await _in_time(self._loop.sock_sendall(self._link, piece), patience_s)
                if end_ns and _now_ns() >= end_ns:
                    raise BlockingIOError
        except BlockingIOError as error:
            raise SlowReaderError from error
        self._record.answered += 1
        self._record.bytes_sent += len(frame)


def awaited(work: Work, sleep_ns: int) -> AwaitedWork:
    """The same work for a coroutine. What sleeps is awaited; what computes keeps everybody waiting."""

    async def at_once() -> int:
        return work()

    async def sleeping() -> int:
        start_ns = _now_ns()
        await asyncio.sleep(sleep_ns / 1e9)
        return _now_ns() - start_ns

    return sleeping if sleep_ns else at_once


async def _in_time(step: Awaitable[_T], patience_s: float | None) -> _T:
    """BlockingIOError if it takes too long, as a blocking socket says it of the kernel's own timeout."""
    try:
        async with asyncio.timeout(patience_s) as limit:
            return await step
    except TimeoutError as error:
        if limit.expired():
            raise BlockingIOError from error
        raise  # the network's own
