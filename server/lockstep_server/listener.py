"""A mode on a port: binds, accepts, and turns every connection into a session."""

from __future__ import annotations

import logging
import socket
import threading
import time
from typing import Any

from lockstep_server.accepting import AcceptLoop, RefusedError
from lockstep_server.binding import bind
from lockstep_server.grammar import ListenerSpec
from lockstep_server.ledger import Ledger
from lockstep_server.modes import MODES, Mode
from lockstep_server.occupancy import Occupancy
from lockstep_server.records import Cause
from lockstep_server.replies import get_constant_reply, get_reply
from lockstep_server.session import Service, Session
from lockstep_server.settings import Settings, SettingsError
from lockstep_server.socket_options import tune_connection
from lockstep_server.work import get_work
from lockstep_wire import address_text
from lockstep_wire.framing import framing_of

log = logging.getLogger("lockstep.server")


class Listener:
    """One listener. Its port is bound and connections queue in the backlog once it is made."""

    def __init__(self, spec: ListenerSpec, settings: Settings) -> None:
        """SettingsError if the port cannot be had."""
        self.spec = spec
        self._ledger = Ledger(settings.records)
        self._occupancy = Occupancy()
        self._settings = settings
        self._sock = bind(settings.bind, spec.port, settings.backlog, f"--listen {spec}")
        self.port: int = self._sock.getsockname()[1]
        self._service = self._make_service()
        self._session = _session_class(MODES[spec.mode])
        self._loop = AcceptLoop(
            self._sock, spec.name, settings.accept == "blocking", self._arrive, self._serve
        )

    @property
    def ledger(self) -> Ledger:
        """Its connections, as they are now."""
        return self._ledger

    @property
    def occupancy(self) -> Occupancy:
        """Who waits and who is in service, as it is now."""
        return self._occupancy

    def start(self) -> None:
        """Begin to accept, in a daemon thread. SettingsError if the system gives no thread."""
        try:
            self._dispatch = MODES[self.spec.mode].dispatch(self.spec.n)
            threading.Thread(target=self._loop.run, name=f"accept {self.spec.name}", daemon=True).start()
        except RuntimeError as error:
            raise SettingsError(f"--listen {self.spec}: {error}; ask for fewer workers") from error

    def stop(self) -> None:
        """Let nobody in any more who is not in the backlog yet; sessions go on."""
        self._loop.stop()

    def is_quiet(self) -> bool:
        """Whether, after stop, nobody is left, in the backlog neither."""
        return self._loop.is_over() and self.ledger.is_quiet()

    def cut(self) -> int:
        """Refuse the backlog and break off every session; returns how many sessions there were."""
        self._loop.abandon()
        sessions = list(self._service.sessions)
        for session in sessions:
            session.cut()
        return len(sessions)

    def _make_service(self) -> Service:
        spec, settings = self.spec, self._settings
        framing = framing_of(settings.framing)
        return Service(
            name=spec.name,
            admission=MODES[spec.mode].admission(spec.n),
            by_message=spec.scope == "message",
            limited=spec.permits is not None,
            pause_ns=settings.pause_ns if spec.permits else 0,
            framing=framing,
            max_frame=settings.max_frame,
            work=get_work(settings.work, settings.hold_ns),
            reply=get_reply(settings.reply, framing, settings.timing),
            constant_reply=get_constant_reply(settings.reply, framing, settings.timing),
            ledger=self._ledger,
            occupancy=self._occupancy,
            push_ns=settings.push_ns,
            sleep_ns=settings.hold_ns if settings.work == "sleep" else 0,
            idle_timeout_ns=settings.idle_timeout_ns,
            message_timeout_ns=settings.message_timeout_ns,
        )

    def _arrive(self, link: socket.socket, address: Any) -> Session:
        arrival_ns = time.monotonic_ns()
        tune_connection(link, self._settings)
        record = self._service.ledger.arrive(address_text(*address[:2]), arrival_ns)
        return self._session(link, record, self._service)

    def _serve(self, session: Session) -> None:
        most = self._settings.max_connections
        if most and len(self._service.sessions) > most:
            raise RefusedError(Cause.FULL, f"{most} are open", "raise --max-connections")
        try:
            self._dispatch(session.run)
        except RuntimeError as error:
            raise RefusedError(
                Cause.OVERLOAD, str(error), "raise the limit on threads (ulimit -u)"
            ) from error


def _session_class(mode: Mode) -> type[Session]:
    if not mode.coroutines:
        return Session
    from lockstep_server.event_loop import CoroutineSession  # and with it asyncio, which nobody else needs

    return CoroutineSession
