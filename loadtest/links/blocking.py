"""A link for plain threads: a blocking socket with Python's own timeout."""

from __future__ import annotations

import errno
import socket

from loadtest.links import RECEIVE_BYTES
from loadtest.socket_errors import no_such_source


class BlockingLink:
    """Costs a poll before every receive, as Python's timeouts do; whoever waits blocks its thread."""

    def __init__(self, family: socket.AddressFamily, timeout_s: float) -> None:
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        self.send = self._socket.sendall
        self.close = self._socket.close

    @property
    def address(self) -> str:
        """See Link.address."""
        ip, port = self._socket.getsockname()[:2]
        return f"{ip}:{port}"

    def connect(self, address: tuple[str, int], source: str | None) -> None:
        """See Link.connect."""
        if source is not None:
            try:
                self._socket.bind((source, 0))
            except OSError as refused:
                raise no_such_source(source, refused) from refused
        self._socket.connect(address)

    def receive(self) -> bytes:
        """See Link.receive."""
        return self._socket.recv(RECEIVE_BYTES)

    def send_soon(self) -> None:
        """See Link.send_soon."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        """See Link.finish."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """See Link.abort: shutting down wakes a thread that waits, where there is a connection."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise
