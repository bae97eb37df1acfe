"""The least a threaded TCP server can be: a thread each, receive, send the same reply. Prints its port.

`python bench/bare_server.py`
"""

from __future__ import annotations

import socket
import threading

REPLY = "收到客户端信息".encode()


def serve(link: socket.socket) -> None:
    """One connection, bare."""
    with link:
        while link.recv(65536):
            link.sendall(REPLY)


def main() -> None:
    """Accept for ever."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)
    while True:
        link, _ = listening.accept()
        threading.Thread(target=serve, args=(link,), daemon=True).start()


if __name__ == "__main__":
    main()
