"""What both kinds of link do alike with their socket: everything that does not wait."""

from __future__ import annotations

import _socket
import errno
import socket
from typing import Generic, TypeVar

from loadtest.connection.socket_errors import no_such_source

_S = TypeVar("_S", bound=_socket.socket)


class SocketLink(Generic[_S]):
    """The half of a Link that never waits. _socket: what the other half waits on."""

    __slots__ = ("_socket",)

    def __init__(self, link: _S) -> None:
        self._socket = link

    @property
    def address(self) -> str:
        """See Link.address."""
        ip, port = self._socket.getsockname()[:2]
        return f"{ip}:{port}"

    def send_soon(self) -> None:
        """See Link.send_soon."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def finish(self) -> None:
        """See Link.finish."""
        self._socket.shutdown(socket.SHUT_WR)

    def abort(self) -> None:
        """See Link.abort: shutting down wakes who waits to receive or to send, where it is connected."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError as error:
            if error.errno not in (errno.ENOTCONN, errno.EBADF):
                raise

    def _bind(self, source: str) -> None:
        try:
            self._socket.bind((source, 0))
        except OSError as refused:
            raise no_such_source(source, refused) from refused
