"""The standard library's own threaded server, with a backlog that fits.

`python -m bench.servers.threading_tcp`
"""

from __future__ import annotations

import socketserver

from bench.servers.reply import BACKLOG, RECEIVE_BYTES, REPLY


class Handler(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Receive, reply, until the peer is done."""
        while self.request.recv(RECEIVE_BYTES):
            self.request.sendall(REPLY)


class Server(socketserver.ThreadingTCPServer):
    """A thread each; daemonic, so that ending the process ends them."""

    daemon_threads = True
    request_queue_size = BACKLOG


def main() -> None:
    """Serve for ever."""
    with Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
