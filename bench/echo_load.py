"""Request and reply over kept connections, as plain as Python can: one epoll loop, no recording.

`python bench/echo_load.py PORT CONNECTIONS SECONDS` prints the messages answered per second.
"""

from __future__ import annotations

import select
import socket
import sys
import time

MESSAGE = b"x" * 64


def load(port: int, connections: int, seconds: float) -> float:
    """Messages per second on loopback; every connection has one message in flight."""
    poll = select.epoll()
    links: dict[int, socket.socket] = {}
    for _ in range(connections):
        link = socket.create_connection(("127.0.0.1", port))
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        links[link.fileno()] = link
        poll.register(link, select.EPOLLIN)
    for link in links.values():
        link.sendall(MESSAGE)
    answered = 0
    start = time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        for number, _ in poll.poll(1):
            link = links[number]
            if not link.recv(4096):
                raise SystemExit("the server closed a connection")
            answered += 1
            link.sendall(MESSAGE)
    for link in links.values():
        link.recv(4096)  # the reply in flight: a socket closed with bytes unread resets its peer
        link.close()
    return answered / elapsed


if __name__ == "__main__":
    print(load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
