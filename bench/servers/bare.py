"""The least a threaded TCP server can be: a thread each, receive, send the same reply.

`python -m bench.servers.bare`
"""

from __future__ import annotations

import socket
import threading

from bench.servers.reply import BACKLOG, RECEIVE_BYTES, REPLY


def serve(link: socket.socket) -> None:
    """One connection, bare."""
    with link:
        while link.recv(RECEIVE_BYTES):
            link.sendall(REPLY)


def main() -> None:
    """Accept for ever."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    print(listening.getsockname()[1], flush=True)
    while True:
        link, _ = listening.accept()
        threading.Thread(target=serve, args=(link,), daemon=True).start()


if __name__ == "__main__":
    main()
