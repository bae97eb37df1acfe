"""A link for plain threads: a blocking socket with Python's own timeout."""

from __future__ import annotations

import socket

from loadtest.connection.links import RECEIVE_BYTES
from loadtest.connection.links.socket_link import SocketLink


class BlockingLink(SocketLink[socket.socket]):
    """Costs a poll before every receive, as Python's timeouts do; whoever waits blocks its thread."""

    def __init__(self, family: socket.AddressFamily, timeout_s: float) -> None:
        super().__init__(socket.socket(family, socket.SOCK_STREAM))
        self._socket.settimeout(timeout_s)
        self.send = self._socket.sendall
        self.close = self._socket.close

    def connect(self, address: tuple[str, int], source: str | None) -> None:
        """See Link.connect."""
        if source is not None:
            self._bind(source)
        self._socket.connect(address)

    def receive(self) -> bytes:
        """See Link.receive."""
        return self._socket.recv(RECEIVE_BYTES)
