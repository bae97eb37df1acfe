"""The counting server's loop for sockperf, which takes an echo for a reply only if one bit of it is cleared.

`python -m bench.servers.sockperf_echo` prints its port. A message begins with its number (8 bytes) and its
flags (2 bytes), whose lowest bit says that a client sent it.
"""

from __future__ import annotations

import os
import select
import socket

from bench.counting_server import RECEIVE_BYTES

FLAGS_AT, FROM_CLIENT = 9, 0x01


def serve(listening: socket.socket) -> None:
    """One connection after another, each watched by epoll as the counting server watches many."""
    while True:
        link, _ = listening.accept()
        with link, select.epoll() as epoll:
            number = link.fileno()
            epoll.register(number, select.EPOLLIN)
            while True:
                epoll.poll(-1, 1)
                try:
                    message = bytearray(os.read(number, RECEIVE_BYTES))
                    if len(message) <= FLAGS_AT:
                        break
                    message[FLAGS_AT] &= ~FROM_CLIENT
                    os.write(number, message)
                except (ConnectionResetError, BrokenPipeError):
                    break


def main() -> None:
    """Listen on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        print(listening.getsockname()[1], flush=True)
        serve(listening)


if __name__ == "__main__":
    main()
