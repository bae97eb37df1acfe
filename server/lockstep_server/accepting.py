"""The accept loop, in blocking and in non-blocking form."""

from __future__ import annotations

import errno
import logging
import select
import time
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any

log = logging.getLogger("lockstep.server")

Accepted = Callable[[socket, Any], None]

_OVERLOAD = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_OVERLOAD_PAUSE_S = 0.05
_GONE_ALREADY = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM}
_SHUT = errno.EINVAL
_CONSOLE = "%s: cannot accept (%s); raise the limit on open files (ulimit -n) or send fewer connections"


class AcceptLoop:
    """Accepts until stopped and hands every connection on. Only named errors are retried."""

    def __init__(self, sock: socket, name: str, blocking: bool, accepted: Accepted) -> None:
        """sock: already listening. accepted: called with each connection and its peer's address."""
        self._sock = sock
        self._name = name
        self._accepted = accepted
        self._stopped = False
        self._overloaded = False
        self._poll: select.poll | None = None
        sock.setblocking(blocking)
        if not blocking:
            self._poll = select.poll()
            self._poll.register(sock, select.POLLIN)

    def run(self) -> None:
        """Accept until stop is called, then close the listening socket."""
        with self._sock:
            while not self._stopped:
                self._accept()

    def stop(self) -> None:
        """Accept no more, from another thread. Shutting down a listening socket wakes whoever waits on it."""
        self._stopped = True
        with suppress(OSError):  # closed already
            self._sock.shutdown(SHUT_RDWR)

    def _accept(self) -> None:
        try:
            link, address = self._sock.accept()
        except BlockingIOError:
            assert self._poll is not None, "only a non-blocking accept would block"
            self._poll.poll()
        except OSError as error:
            self._survive(error)
        else:
            self._overloaded = False
            if self._stopped:
                link.close()
            else:
                self._accepted(link, address)

    def _survive(self, error: OSError) -> None:
        if error.errno == _SHUT:
            self._stopped = True  # perhaps by another process that shares the socket
        if self._stopped or error.errno in _GONE_ALREADY:
            return
        if error.errno not in _OVERLOAD:
            raise error
        if not self._overloaded:
            log.error(_CONSOLE, self._name, error.strerror)
        self._overloaded = True
        time.sleep(_OVERLOAD_PAUSE_S)
