"""An echo server that counts, and costs as little as Python can: one epoll loop, no object for a connection.

`python bench/counting_server.py [PORT]` prints its port as a JSON number: a free one, or the one it is told.
Processes that are told the same one share it, and the kernel spreads the connections over them. Every line on
stdin is answered by one line of counts, `{"bytes": …, "opened": …, "closed": …, "sessions": …}`; it ends when
stdin does. A session is a connection that was closed after it had said something. Whatever is received goes
back as it is, so that raw and length-framed clients find their echo here.

It reads and writes the bare descriptors: looking up a socket object for every message would cost more than
all else that Python does here. Bytes are counted, not receives: a message stays one message however TCP cuts
it.
"""

from __future__ import annotations

import json
import os
import select
import socket
import sys

CONTROL = 0
RECEIVE_BYTES = 4096
EVENTS_A_TURN = 256
BACKLOG = 4096


def serve(listening: socket.socket) -> None:
    """Echo and count until the control channel closes."""
    listening.setblocking(False)
    entrance = listening.fileno()
    epoll = select.epoll()
    epoll.register(entrance, select.EPOLLIN)
    epoll.register(CONTROL, select.EPOLLIN)
    received = opened = closed = sessions = 0
    silent: set[int] = set()
    read, write, poll = os.read, os.write, epoll.poll
    while True:
        for number, _ in poll(-1, EVENTS_A_TURN):
            if number == entrance:
                newcomers = _accept_all(listening, epoll)
                silent.update(newcomers)
                opened += len(newcomers)
                continue
            if number == CONTROL:
                if not read(CONTROL, RECEIVE_BYTES):
                    return
                counts = {"bytes": received, "opened": opened, "closed": closed, "sessions": sessions}
                print(json.dumps(counts), flush=True)
                continue
            try:
                data = read(number, RECEIVE_BYTES)
                write(number, data)
            except (ConnectionResetError, BrokenPipeError):
                data = b""
            if data:
                received += len(data)
                if silent:
                    silent.discard(number)
            else:
                os.close(number)
                closed += 1
                sessions += number not in silent
                silent.discard(number)


def _accept_all(listening: socket.socket, epoll: select.epoll) -> list[int]:
    """Descriptors of everybody who stands at the door, watched from now on."""
    numbers: list[int] = []
    while True:
        try:
            link, _ = listening.accept()
        except BlockingIOError:
            return numbers
        number = link.detach()
        epoll.register(number, select.EPOLLIN)
        numbers.append(number)


def main() -> None:
    """Listen on loopback."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with socket.create_server(("127.0.0.1", port), backlog=BACKLOG, reuse_port=port > 0) as listening:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        serve(listening)


if __name__ == "__main__":
    main()
