"""A server of known behaviour, as a program: PORT PROCESSES. It echoes what it was sent.

Each process serves its connections one message at a time, with three milliseconds of processor time for one.

All processes accept at one port, whoever comes first; who is sent something while others compute waits.
"""

from __future__ import annotations

import os
import selectors
import socket
import sys
import time

COMPUTES_S = 0.003


def serve(listening: socket.socket) -> None:
    """For ever."""
    ready = selectors.DefaultSelector()
    ready.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in ready.select():
            if key.fileobj is listening:
                accept(listening, ready)
                continue
            link = key.fileobj
            assert isinstance(link, socket.socket)
            if message := received(link):
                end_s = time.process_time() + COMPUTES_S
                while time.process_time() < end_s:
                    pass
                link.sendall(message)
            else:
                ready.unregister(link)
                link.close()


def accept(listening: socket.socket, ready: selectors.BaseSelector) -> None:
    """Unless another process was there before."""
    try:
        link, _ = listening.accept()
    except BlockingIOError:
        return
    link.setblocking(True)
    ready.register(link, selectors.EVENT_READ)


def received(link: socket.socket) -> bytes:
    """A message; nothing where its sender has gone, in whatever way."""
    try:
        return link.recv(65_536)
    except ConnectionResetError:
        return b""


def main(port: int, processes: int) -> None:
    """The parent serves nobody where it has children."""
    listening = socket.create_server(("127.0.0.1", port))
    listening.setblocking(False)
    if processes == 1:
        serve(listening)
    for _ in range(processes):
        if os.fork() == 0:
            serve(listening)
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
