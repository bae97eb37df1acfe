"""Request and reply over kept connections, as plain as Python can: one epoll loop, nothing recorded.

`python bench/epoll_load.py PORT CONNECTIONS` prints its port once all are connected and loads until stdin
closes. Every line on stdin is answered by one line of counts, `{"bytes": …, "opened": …}`. The bytes counted
are those sent and answered: `FRAME` for each message.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys
from collections.abc import Iterable

CONTROL = 0
FRAME = (64).to_bytes(4, "big") + b"x" * 64
RECEIVE_BYTES = 4096
EVENTS_A_TURN = 256


def connected(port: int, connections: int) -> list[socket.socket]:
    """Sockets to a port of loopback."""
    links = []
    for _ in range(connections):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        links.append(link)
    return links


def load(links: Iterable[socket.socket]) -> None:
    """Keep one message in flight on every connection until the control channel closes."""
    numbers = [link.fileno() for link in links]
    epoll = select.epoll()
    epoll.register(CONTROL, select.EPOLLIN)
    for number in numbers:
        epoll.register(number, select.EPOLLIN)
        os.write(number, FRAME)
    answered = 0
    read, write, poll = os.read, os.write, epoll.poll
    while True:
        for number, _ in poll(-1, EVENTS_A_TURN):
            if number == CONTROL:
                if not read(CONTROL, RECEIVE_BYTES):
                    return
                counts = {"bytes": answered * len(FRAME), "opened": len(numbers)}
                print(json.dumps(counts), flush=True)
            elif read(number, RECEIVE_BYTES):
                answered += 1
                write(number, FRAME)
            else:
                raise SystemExit("epoll_load: the server closed a connection")


def main() -> None:
    """Connect, say so, load."""
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    links = connected(port, connections)
    print(port, flush=True)
    load(links)
    for link in links:
        link.recv(RECEIVE_BYTES)  # the reply in flight: a socket closed with bytes unread resets its peer
        link.close()


if __name__ == "__main__":
    main()
