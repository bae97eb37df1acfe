"""Plays the servers of random cases and says exactly what it did: `python -m tests.truth.random_server SEED`.

One epoll loop. Prints its port; the case of a connection is in the address it comes from, see `address_of`.
For every line on stdin it waits until no connection is left and answers with one pickle: case number ->
ConnectionLogs in the order of their arrival. Then its log is empty again. It ends when stdin does.
"""

from __future__ import annotations

import heapq
import os
import pickle
import select
import socket
import struct
import sys
import time
from collections import deque

from tests.truth.account import ConnectionLog
from tests.truth.cases import Case, Step, next_request
from tests.truth.random_cases import make_case

CONTROL = 0
RECEIVE_BYTES = 1 << 16
_now_ns = time.monotonic_ns
_NOW_GONE = struct.pack("ii", 1, 0)


def address_of(number: int) -> str:
    """The loopback address from which a case's client connects."""
    return f"127.{16 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def number_of(address: str) -> int:
    """The case of a client's address."""
    _, high, middle, low = map(int, address.split("."))
    return (high - 16) << 16 | middle << 8 | low


class _Connection:
    __slots__ = ("busy", "case", "held", "leaving", "link", "log", "mask", "out", "steps")

    def __init__(self, link: socket.socket, case: Case, log: ConnectionLog) -> None:
        self.link = link
        self.case = case
        self.log = log
        self.held = bytearray()
        self.steps: deque[Step] = deque(case.greets)
        self.out = b""
        self.busy = False  # a step of it is on the heap, or half sent
        self.leaving = False  # said fin: listens, and does nothing more
        self.mask = select.EPOLLIN


class RandomServer:
    """The loop. seed: of the cases."""

    def __init__(self, seed: int, entrance: socket.socket) -> None:
        self._seed = seed
        self._entrance = entrance
        self._epoll = select.epoll()
        self._epoll.register(entrance, select.EPOLLIN)
        self._epoll.register(CONTROL, select.EPOLLIN)
        self._open: dict[int, _Connection] = {}
        self._heap: list[tuple[int, int, _Connection]] = []
        self._count = 0
        self._logs: dict[int, list[ConnectionLog]] = {}
        self._asked = self._over = False

    def serve(self) -> None:
        """Until stdin is closed."""
        while not self._over:
            for number, events in self._epoll.poll(self._pause_s(), 256):
                self._wake(number, events)
            now_ns = _now_ns()
            while self._heap and self._heap[0][0] <= now_ns:
                _, _, one = heapq.heappop(self._heap)
                if one.link.fileno() >= 0:
                    self._do(one)
            if self._asked and not self._open:
                self._asked = False
                sys.stdout.buffer.write(pickle.dumps(self._logs))
                sys.stdout.buffer.flush()
                self._logs = {}

    def _wake(self, number: int, events: int) -> None:
        if number == self._entrance.fileno():
            self._accept()
        elif number == CONTROL:
            self._over = not os.read(CONTROL, 4096)
            self._asked = True
        elif (one := self._open.get(number)) is not None:
            if events & select.EPOLLOUT:
                self._flush(one)
            if events & ~select.EPOLLOUT and one.link.fileno() >= 0:
                self._read(one)

    def _pause_s(self) -> float:
        return max(0.0, (self._heap[0][0] - _now_ns()) / 1e9) if self._heap else -1

    def _accept(self) -> None:
        while True:
            try:
                link, (address, _) = self._entrance.accept()
            except BlockingIOError:
                return
            link.setblocking(False)
            case = make_case(self._seed, number_of(address))
            log = ConnectionLog(_now_ns())
            self._logs.setdefault(case.number, []).append(log)
            one = self._open[link.fileno()] = _Connection(link, case, log)
            self._epoll.register(link.fileno(), select.EPOLLIN)
            self._go_on(one)

    def _read(self, one: _Connection) -> None:
        try:
            data = one.link.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            self._peer_left(one, "reset")
            return
        if not data:
            self._peer_left(one, "fin")
            return
        one.log.received_bytes += len(data)
        if one.leaving:
            return
        one.held += data
        # A server reads on only when it has answered: requests that came together are played in turn.
        self._go_on(one)

    def _peer_left(self, one: _Connection, how: str) -> None:
        one.log.peer_end = (how, _now_ns())
        if how == "fin" and (one.busy or one.out):
            self._watch(one, 0)  # finish what was begun, as a server would that does not look
            return
        self._drop(one)

    def _go_on(self, one: _Connection) -> None:
        """Schedule the next step, of the next request if need be."""
        while not one.busy:
            if not one.steps:
                index = next_request(one.case.framing, one.held)
                if index is None:
                    break
                one.log.requests.append((index, _now_ns()))
                one.steps.extend(one.case.asked[index].steps)
                continue
            one.busy = True
            self._count += 1
            if one.steps[0].after_ns:
                heapq.heappush(self._heap, (_now_ns() + one.steps[0].after_ns, self._count, one))
            else:
                self._do(one)
        if not one.busy and one.log.peer_end is not None:
            self._drop(one)

    def _do(self, one: _Connection) -> None:
        step = one.steps.popleft()
        if step.data:
            one.out = step.data
            self._flush(one, step)
        elif step.end:
            self._leave(one, step.end)
        else:
            one.busy = False
            self._go_on(one)

    def _flush(self, one: _Connection, step: Step | None = None) -> None:
        before_ns = _now_ns()
        try:
            sent = one.link.send(one.out)
        except BlockingIOError:
            sent = 0
        except OSError:
            one.log.peer_end = one.log.peer_end or ("reset", _now_ns())
            self._drop(one)
            return
        if sent:
            one.log.said.append((before_ns, _now_ns(), one.out[:sent]))
        one.out = one.out[sent:]
        if one.out:
            self._watch(one, select.EPOLLOUT)
            return
        self._watch(one, 0 if one.log.peer_end else select.EPOLLIN)
        one.busy = False
        if step is None or one.link.fileno() >= 0:
            self._go_on(one)

    def _watch(self, one: _Connection, mask: int) -> None:
        if mask != one.mask:
            one.mask = mask
            self._epoll.modify(one.link.fileno(), mask)

    def _leave(self, one: _Connection, end: str) -> None:
        one.log.end = (end, _now_ns())
        if end == "fin":
            one.leaving, one.busy = True, False
            one.steps.clear()
            one.held.clear()
            try:
                one.link.shutdown(socket.SHUT_WR)
            except OSError:
                self._drop(one)
                return
            if one.log.peer_end is not None:
                self._drop(one)
            return
        if end == "reset":
            one.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NOW_GONE)
        self._drop(one)

    def _drop(self, one: _Connection) -> None:
        number = one.link.fileno()
        if number >= 0:
            del self._open[number]
            self._epoll.unregister(number)
            one.link.close()


def main() -> None:
    """Listen on every address of loopback."""
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as entrance:
        entrance.setblocking(False)
        entrance.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        print(entrance.getsockname()[1], flush=True)
        RandomServer(int(sys.argv[1]), entrance).serve()


if __name__ == "__main__":
    main()
