"""The whole server: all listeners, the admin port and the announcer, from start to drained."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from lockstep_server.admin import Admin
from lockstep_server.admin_port import AdminServer
from lockstep_server.announce import Announcer
from lockstep_server.grammar import ListenerSpec
from lockstep_server.listener import Listener
from lockstep_server.modes import MODES
from lockstep_server.settings import Settings, SettingsError
from lockstep_server.views import ready_view

log = logging.getLogger("lockstep.server")

_CUT_GRACE_S = 1.0
_LOOK_EVERY_S = 0.002
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Server:
    """Everything bound on construction, serving from start to drain."""

    def __init__(self, settings: Settings) -> None:
        """SettingsError if a port cannot be had."""
        self._settings = settings
        self.listeners = [_make_listener(spec, settings) for spec in settings.listeners]
        admin = Admin(self.listeners, settings)
        self._admin = AdminServer(admin, settings.admin_host, settings.admin_port)
        self.ready: dict[str, Any] = ready_view(self.listeners, self._admin.port)
        self._announcer = Announcer(self.ready, settings.announce_to) if settings.announce_to else None

    def start(self) -> None:
        """Begin to accept. SettingsError if the system gives too few threads."""
        for listener in self.listeners:
            listener.start()
        threading.Thread(target=self._admin.run, name="admin", daemon=True).start()
        if self._announcer:
            self._announcer.start()
            if self._settings.admin_host in _LOOPBACK:
                log.warning(
                    "announcing to others, but only this machine reaches the admin port; set --admin-host"
                )

    def drain(self) -> None:
        """Let nobody new in, let who is here end within the time that is set, then break off the rest."""
        if self._announcer:
            self._announcer.stop()
        for listener in self.listeners:
            listener.stop()
        if not self._wait_until_quiet(self._settings.drain_ns):
            cut = sum(listener.cut() for listener in self.listeners)
            if cut:
                log.warning("drained: %d connections were still open and are cut", cut)
            self._wait_until_quiet(int(_CUT_GRACE_S * 1e9))

    def _wait_until_quiet(self, timeout_ns: int) -> bool:
        end_ns = time.monotonic_ns() + timeout_ns
        busy = self.listeners
        while busy := [listener for listener in busy if not listener.is_quiet()]:
            if time.monotonic_ns() >= end_ns:
                return False
            time.sleep(_LOOK_EVERY_S)
        return True


def _make_listener(spec: ListenerSpec, settings: Settings) -> Listener:
    if not MODES[spec.mode].processes:
        return Listener(spec, settings)
    try:
        from lockstep_server.prefork.listener import PreforkedListener
    except (ImportError, AttributeError) as error:
        raise SettingsError(
            f"--listen {spec} needs Linux, and a Python with ctypes: its processes must end with the server"
        ) from error
    return PreforkedListener(spec, settings)
