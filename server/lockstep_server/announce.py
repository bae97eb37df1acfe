"""Broadcasts the listeners by UDP, so that a load generator on the same network finds the server."""

from __future__ import annotations

import json
import logging
import socket
import threading
from typing import Any

log = logging.getLogger("lockstep.server")

INTERVAL_S = 1.0


class Announcer:
    """Sends one datagram a second until stopped; a network that refuses it is told once and tried again."""

    def __init__(self, view: dict[str, Any], target: tuple[str, int]) -> None:
        """view: what to say, as JSON. target: host and UDP port, usually a broadcast address."""
        self._datagram = json.dumps({"service": "lockstep", **view}).encode()
        self._target = target
        self._stopped = threading.Event()
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)

    def start(self) -> None:
        """Begin, in a daemon thread."""
        threading.Thread(target=self._run, name="announce", daemon=True).start()

    def stop(self) -> None:
        """Say no more."""
        self._stopped.set()

    def _run(self) -> None:
        failing = False
        with self.sock:
            while True:
                try:
                    self.sock.sendto(self._datagram, self._target)
                    failing = False
                except OSError as error:
                    if not failing:
                        log.warning(
                            "cannot announce to %s:%d: %s; set --announce-to", *self._target, error.strerror
                        )
                    failing = True
                if self._stopped.wait(INTERVAL_S):
                    return
