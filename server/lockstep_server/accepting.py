"""The accept loop, in blocking and in non-blocking form, and what it does where there is no room for more."""

from __future__ import annotations

import errno
import logging
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from typing import Any, Generic, Protocol, TypeVar

from lockstep_server.records import Cause
from lockstep_server.socket_options import keep_out

log = logging.getLogger("lockstep.server")

_OUT_OF_FILES = {errno.EMFILE, errno.ENFILE}
_OVERLOAD = _OUT_OF_FILES | {errno.ENOBUFS, errno.ENOMEM}
_OVERLOAD_PAUSE_S = 0.05
_GONE_ALREADY = {errno.ECONNABORTED, errno.EPROTO, errno.EPERM}
_SHUT = errno.EINVAL
_ONE_AT_A_TIME = threading.Lock()
"""Held by who gives its spare file away for a moment: another loop would take it, and keep it."""


class RefusedError(Exception):
    """There is no room for a connection: what that is to be called, why, and the remedy."""

    def __init__(self, cause: Cause, why: str, remedy: str) -> None:
        super().__init__(f"cannot accept ({why}); {remedy} or send fewer connections")
        self.cause = cause
        self.why = why


class Guest(Protocol):
    """A connection that was accepted, and is booked as that."""

    def refuse(self, refusal: RefusedError) -> None:
        """Close it without serving it."""


_STOPPING = RefusedError(Cause.DRAINED, "the server is stopping", "try again later")

_G = TypeVar("_G", bound=Guest)


class AcceptLoop(Generic[_G]):
    """Accepts until stopped and hands every connection on. Only named errors are retried.

    Where files run out, one that was kept back for this lets the next connection in, to be refused at once:
    in the backlog it would keep the loop awake, and its peer waiting without a word.
    """

    def __init__(
        self,
        sock: socket,
        name: str,
        blocking: bool,
        arrive: Callable[[socket, Any], _G],
        serve: Callable[[_G], None],
    ) -> None:
        """sock: already listening. arrive: books a connection, given its peer's address. serve: sees to it,
        or raises RefusedError."""
        self._sock = sock
        self._name = name
        self._arrive = arrive
        self._serve = serve
        self._stopped = self._shut = self._taking = False
        self._spare = _Spare()
        self._refused = 0
        sock.setblocking(blocking)
        # One for the loop, one for who stops it: two threads may not wait on the same.
        self._poll, self._backlog = select.poll(), select.poll()
        for poll in (self._poll, self._backlog):
            poll.register(sock, select.POLLIN)

    def run(self) -> None:
        """Accept until there is nobody left, or abandon is called; then close the listening socket."""
        with self._sock, self._spare:
            while not self._stopped:
                self._accept()

    def stop(self) -> None:
        """Let nobody in who is not in the backlog yet; those are still accepted, until `is_over`."""
        try:
            keep_out(self._sock)
        except OSError as error:
            log.warning("%s: newcomers are still let in (%s)", self._name, error.strerror)

    def is_over(self) -> bool:
        """Whether, after stop, the backlog is empty and all who were in it are booked. If so, run ends."""
        if not self._shut and self._backlog.poll(0):
            return False
        self._shut_down()
        return not self._taking

    def abandon(self) -> None:
        """Refuse whoever is in the backlog, and accept no more."""
        if self._shut:
            return
        self._stopped = True
        os.set_blocking(self._sock.fileno(), False)
        with suppress(OSError):  # once nobody is left
            while True:
                self._arrive(*self._sock.accept()).refuse(_STOPPING)
        self._shut_down()

    def _shut_down(self) -> None:
        """Shutting down a listening socket wakes whoever waits on it; who is in its backlog is reset."""
        self._shut = True
        with suppress(OSError):  # closed already
            self._sock.shutdown(SHUT_RDWR)

    def _accept(self) -> None:
        self._taking = True
        try:
            link, address = self._sock.accept()
            guest = self._arrive(link, address)
        except BlockingIOError:
            self._poll.poll()
        except OSError as error:
            self._survive(error)
        else:
            self._taking = False
            if self._stopped:
                guest.refuse(_STOPPING)
            else:
                self._see_to(guest)
        finally:
            self._taking = False

    def _see_to(self, guest: _G) -> None:
        try:
            self._serve(guest)
        except RefusedError as refusal:
            self._refuse(guest, refusal)
        else:
            if self._refused:
                log.warning("%s: accepts again; %d connections were refused", self._name, self._refused)
                self._refused = 0

    def _refuse(self, guest: _G, refusal: RefusedError) -> None:
        guest.refuse(refusal)
        if not self._refused:
            log.error("%s: %s", self._name, refusal)
        self._refused += 1

    def _survive(self, error: OSError) -> None:
        if error.errno == _SHUT:
            self._stopped = True  # perhaps by another process that shares the socket
        if self._stopped or error.errno in _GONE_ALREADY:
            return
        if error.errno not in _OVERLOAD:
            raise error
        if not (error.errno in _OUT_OF_FILES and self._accept_without_room(str(error.strerror))):
            time.sleep(_OVERLOAD_PAUSE_S)

    def _accept_without_room(self, why: str) -> bool:
        """Let the next one in by the spare file, to refuse it, unless there is room again by then. Whether
        there was a spare one."""
        self._poll.poll()  # an accept wants its file before anybody has come
        with _ONE_AT_A_TIME:
            if not self._spare.give():
                return self._spare.keep()
            try:
                link, address = self._sock.accept()
            except OSError:
                return self._spare.keep()  # the next accept meets it too
            guest = self._arrive(link, address)
            if not self._spare.keep():
                remedy = "raise the limit on open files (ulimit -n)"
                self._refuse(guest, RefusedError(Cause.OVERLOAD, why, remedy))
                self._spare.keep()
                return True
        self._see_to(guest)
        return True


class _Spare:
    """A file descriptor that is kept back, as long as there is one to be had."""

    def __init__(self) -> None:
        self._number: int | None = None
        self.keep()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.give()

    def keep(self) -> bool:
        """Whether there is one to keep."""
        if self._number is None:
            try:
                self._number = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            except OSError as error:
                if error.errno not in _OUT_OF_FILES:
                    raise
        return self._number is not None

    def give(self) -> bool:
        """Give it back to whoever is next to open one; whether there was one."""
        number, self._number = self._number, None
        if number is not None:
            os.close(number)
        return number is not None
