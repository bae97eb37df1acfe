"""One connection from admission to release."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from socket import SHUT_RDWR, SO_ERROR, SOL_SOCKET, socket

from lockstep_server.accepting import RefusedError
from lockstep_server.conversation import Talk, converse, serve_constant, serve_framed, serve_raw
from lockstep_server.exchange import (
    Exchange,
    logged,
    message_by_message,
    unvarying,
    whole_sender,
    within_connection,
)
from lockstep_server.ledger import Accounts
from lockstep_server.modes import Admission
from lockstep_server.occupancy import Turnstile
from lockstep_server.pushes import serve_pushes
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_server.replies import Reply
from lockstep_server.socket_options import turn_away
from lockstep_server.threads import gil_enabled
from lockstep_server.work import Work, no_work
from lockstep_wire.framing import Decoder, Framing, RawDecoder

log = logging.getLogger("lockstep.server")

_now_ns = time.monotonic_ns
# Who leaves in peace is no matter for the log; of those refused, whoever refuses them tells once for all.
_TOLD_OTHERWISE = (Cause.PEER, Cause.FULL, Cause.OVERLOAD)
# What serve_constant receives into is everybody's: without the global lock its count of users would be torn.
_GIL = gil_enabled()


@dataclass(frozen=True, slots=True)
class Service:
    """What all sessions of a listener share. Durations in nanoseconds.

    sleep_ns: how much of the work is sleep, for those who can await it. sessions: those that are open.
    """

    name: str
    admission: Admission
    by_message: bool
    limited: bool
    pause_ns: int
    framing: Framing
    max_frame: int
    work: Work
    reply: Reply
    constant_reply: bytes | None
    ledger: Accounts
    occupancy: Turnstile
    push_ns: int = 0
    sleep_ns: int = 0
    idle_timeout_ns: int = 0
    message_timeout_ns: int = 0
    sessions: set[Session] = field(default_factory=set)

    @property
    def unvarying_frame(self) -> bytes | None:
        """What answers every message, whatever it says and whenever it comes; None where that depends."""
        return self.constant_reply if self.work is no_work and not self.by_message else None


class Session:
    """Serves one accepted connection. Whatever happens, its socket is closed and its permit comes back."""

    __slots__ = ("_cut", "_link", "_record", "_service")

    def __init__(self, link: socket, record: ConnectionRecord, service: Service) -> None:
        self._link = link
        self._record = record
        self._service = service
        self._cut = False
        service.sessions.add(self)
        if not service.by_message:
            service.occupancy.line_up()

    def run(self) -> None:
        """Serve the connection to its end. Blocks; the dispatch decides in which thread."""
        if self._service.by_message:
            self._record.admission_ns = _now_ns()
            self._serve(before_close=self._note_release)
        elif self._service.limited:
            self._serve_holding_permit()
        else:
            # Out of service before the peer sees the close: its next connection never overlaps this one.
            self._service.occupancy.enter(self._record)
            self._serve(before_close=self._leave)

    def refuse(self, refusal: RefusedError) -> None:
        """Close without serving."""
        turn_away(self._link)
        self._close(refusal.cause, refusal.why)
        if not self._service.by_message:
            self._service.occupancy.give_up()

    def cut(self) -> None:
        """Break the conversation off, from another thread: the time to drain is over."""
        self._cut = True
        with suppress(OSError):  # it may have ended this very moment
            self._link.shutdown(SHUT_RDWR)

    def _serve_holding_permit(self) -> None:
        """Close, pause and only then release: the next one is admitted when this one is gone."""
        admission = self._service.admission
        admission.acquire()
        self._service.occupancy.enter(self._record)
        try:
            self._serve()
            if self._service.pause_ns:
                time.sleep(self._service.pause_ns / 1e9)
        finally:
            self._leave()
            admission.release()

    def _leave(self) -> None:
        self._service.occupancy.leave(self._record)

    def _note_release(self) -> None:
        self._record.release_ns = _now_ns()

    def _serve(self, before_close: Callable[[], None] | None = None) -> None:
        cause, detail = Cause.RESET, "broken off"
        try:
            if gone := self._gone():
                detail = gone
            elif not self._cut:
                decoder = self._service.framing.decoder(self._service.max_frame)
                cause, detail = converse(self._talk(decoder), decoder)
        finally:
            if before_close is not None:
                before_close()
            self._close(cause, detail)

    def _gone(self) -> str:
        """Why, if the peer went away while it waited: what it sent before is not worth the work."""
        error = self._link.getsockopt(SOL_SOCKET, SO_ERROR)
        return os.strerror(error) if error else ""

    def _watched(self) -> bool:
        """Whether people watch; they are told that it begins."""
        if not log.isEnabledFor(logging.DEBUG):
            return False
        log.debug("%s: %s connected", self._service.name, self._record.peer)
        return True

    @property
    def _who(self) -> str:
        return f"{self._service.name}: {self._record.peer}"

    def _talk(self, decoder: Decoder) -> Talk:
        """The shortest loop that does what is asked of this connection."""
        link, record, service = self._link, self._record, self._service
        if service.push_ns:
            return partial(serve_pushes, link, record, service.push_ns, service.framing.encode)
        raw, watched = isinstance(decoder, RawDecoder), self._watched()
        frame = service.unvarying_frame
        if raw and frame is not None and not watched and _GIL:
            return partial(serve_constant, link, record, frame)
        exchange = self._exchange(frame)
        if watched:
            exchange = logged(exchange, self._who)
        if raw:
            return partial(serve_raw, link, record, exchange)
        patience = (service.message_timeout_ns, service.idle_timeout_ns)
        return partial(serve_framed, link, record, decoder, exchange, *patience)

    def _exchange(self, unvarying_frame: bytes | None) -> Exchange:
        link, record, service = self._link, self._record, self._service
        work, reply = service.work, service.reply
        send = whole_sender(link, service.message_timeout_ns)
        if service.by_message:
            return message_by_message(send, record, work, reply, service.admission, service.occupancy)
        if unvarying_frame is not None:
            return unvarying(link, record, unvarying_frame)
        return within_connection(send, record, work, reply)

    def _close(self, cause: Cause, detail: str) -> None:
        if self._cut:
            cause, detail = Cause.DRAINED, "the server is stopping"
            turn_away(self._link)
        self._link.close()
        self._service.sessions.discard(self)
        self._service.ledger.close(self._record, cause, _now_ns())
        level = logging.DEBUG if cause in _TOLD_OTHERWISE else logging.WARNING
        text = "%s: %s disconnected after %d messages: %s%s"
        about = f" ({detail})" if detail else ""
        log.log(level, text, self._service.name, self._record.peer, self._record.answered, cause, about)
