"""Answers after exactly known times, and logs the times that it really took.

`python tests/truth/timed_server.py length 1 5 20` gives each of these milliseconds a port of its own; `mixed`
is one too: of a hundred answers 60 take 1 ms, 20 take 5, 17 take 20 and 3 take 100, well shuffled. Prints its
ports as a JSON object. Every line on stdin is answered by its log since the last one, as JSON: port's name ->
rows of when the request was there, how long until just before its answer was sent (nanoseconds), and how many
connections the port had. It ends when stdin does.
One thread, one heap; it imports nothing of Lockstep, and echoes frames as they come.
"""

from __future__ import annotations

import heapq
import json
import os
import random
import select
import socket
import sys
import time
from itertools import cycle

CONTROL = 0
RECEIVE_BYTES = 1 << 16
MS = 1_000_000
MIXED = "mixed"
_MIXTURE = [1] * 60 + [5] * 20 + [20] * 17 + [100] * 3
_now_ns = time.monotonic_ns


class Port:
    """One listener and its log. name: its milliseconds, or `mixed`."""

    def __init__(self, name: str) -> None:
        self.name = name
        delays = random.Random(1).sample(_MIXTURE, len(_MIXTURE)) if name == MIXED else [float(name)]
        self.delays_ns = cycle([round(ms * MS) for ms in delays])
        self.log: list[tuple[int, int, int]] = []
        self.connections = 0
        self.entrance = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.entrance.setblocking(False)
        self.entrance.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class TimedServer:
    """The loop. framing: `line` or `length`."""

    def __init__(self, framing: str, names: list[str]) -> None:
        self._framing = framing
        self._epoll = select.epoll()
        self._epoll.register(CONTROL, select.EPOLLIN)
        self.ports = [Port(name) for name in names]
        self._entrances = {port.entrance.fileno(): port for port in self.ports}
        for number in self._entrances:
            self._epoll.register(number, select.EPOLLIN)
        self._links: dict[int, tuple[socket.socket, Port, bytearray]] = {}
        # When it is due, when its request was there, the link and the answer.
        self._heap: list[tuple[int, int, int, bytes]] = []

    def serve(self) -> None:
        """Until stdin is closed."""
        while True:
            # Epoll's own bound is in whole milliseconds, select's in microseconds.
            pause_s = max(0.0, (self._heap[0][0] - _now_ns()) / 1e9) if self._heap else None
            if select.select([self._epoll.fileno()], [], [], pause_s)[0]:
                for number, _ in self._epoll.poll(0, 512):
                    if number == CONTROL and not self._tell():
                        return
                    if number in self._entrances:
                        self._accept(self._entrances[number])
                    elif number in self._links:
                        self._read(number)
            self._answer_due()

    def _tell(self) -> bool:
        if not os.read(CONTROL, 4096):
            return False
        print(json.dumps({port.name: port.log for port in self.ports}), flush=True)
        for port in self.ports:
            port.log = []
        return True

    def _accept(self, port: Port) -> None:
        link, _ = port.entrance.accept()
        link.setblocking(False)
        self._links[link.fileno()] = (link, port, bytearray())
        self._epoll.register(link.fileno(), select.EPOLLIN)
        port.connections += 1

    def _read(self, number: int) -> None:
        link, port, held = self._links[number]
        try:
            data = link.recv(RECEIVE_BYTES)
        except ConnectionResetError:
            data = b""
        now_ns = _now_ns()
        if not data:
            del self._links[number]
            self._epoll.unregister(number)
            link.close()
            port.connections -= 1
            return
        held += data
        while (end := self._end(held)) is not None:
            heapq.heappush(self._heap, (now_ns + next(port.delays_ns), now_ns, number, bytes(held[:end])))
            del held[:end]

    def _end(self, held: bytearray) -> int | None:
        if self._framing == "line":
            return held.find(b"\n") + 1 or None
        end = 4 + int.from_bytes(held[:4], "big")
        return end if len(held) >= max(4, end) else None

    def _answer_due(self) -> None:
        while self._heap and self._heap[0][0] <= _now_ns():
            _, there_ns, number, answer = heapq.heappop(self._heap)
            if number in self._links:
                link, port, _ = self._links[number]
                port.log.append((there_ns, _now_ns() - there_ns, port.connections))
                link.send(answer)


def main() -> None:
    """As the command line says."""
    server = TimedServer(sys.argv[1], sys.argv[2:])
    print(json.dumps({port.name: port.entrance.getsockname()[1] for port in server.ports}), flush=True)
    server.serve()


if __name__ == "__main__":
    main()
