"""An echo server that is reached in each of the ways there are: TCP, TLS, and a unix socket."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.certificates import Authority
from tests.support.peers import LOOPBACK, echoes


@contextmanager
def echo_in_each_way(trusted: Authority, path: Path) -> Iterator[dict[str, str]]:
    """Gives the URL of each way, by its scheme. path: of the unix socket."""
    with (
        socket.create_server((LOOPBACK, 0)) as tcp,
        socket.create_server((LOOPBACK, 0)) as tls,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        unix.bind(str(path))
        unix.listen(100)
        for listener, context in ((tcp, None), (tls, trusted.server()), (unix, None)):
            threading.Thread(target=_serve, args=(listener, context), daemon=True).start()
        try:
            yield {
                "tcp": f"tcp://{LOOPBACK}:{tcp.getsockname()[1]}",
                "tls": f"tls://{LOOPBACK}:{tls.getsockname()[1]}",
                "unix": f"unix://{path}",
            }
        finally:
            for listener in (tcp, tls, unix):
                with suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, context: ssl.SSLContext | None) -> None:
    def serve(link: socket.socket) -> None:
        # Its users are ended in the middle, and leave by a reset.
        with suppress(OSError), link:
            if context is None:
                echoes(link)
            else:
                with context.wrap_socket(link, server_side=True) as secure:
                    echoes(secure)

    with suppress(OSError):
        while True:
            link, _ = listener.accept()
            threading.Thread(target=serve, args=(link,), daemon=True).start()
