"""The server's own counts for whoever looks at the page.

It is asked once a second at most, and only while somebody looks. A server that cannot be asked is unknown: no
count is shown longer than it is true.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lockstep.errors import ServerUnreachableError
from lockstep.master.live import HISTORY_S
from lockstep.target.admin import Listener, ServerView

# Pages ask once a second, and come a little early at times.
ASK_EVERY_NS = 900_000_000
# A page that is redrawn each second cannot wait for longer.
PATIENCE_S = 1.0


@dataclass(frozen=True, slots=True)
class ServerNow:
    """listeners: by mode; None where the server cannot be asked. admin: whether it has a port to be asked at.

    in_service: of the last minute, when it was asked (monotonic nanoseconds), and how many were in service on
    average since it was asked before, over all modes.
    """

    admin: bool
    listeners: Mapping[str, Listener] | None = None
    in_service: tuple[tuple[int, float], ...] = ()


class ServerWatch:
    """Asks for all who look. clock_ns: monotonic."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        # Whoever comes while another asks has the other's answer.
        self._asking = threading.Lock()
        self._asked_ns: int | None = None
        self._admin = ""
        self._listeners: Mapping[str, Listener] | None = None
        self._in_service: deque[tuple[int, float]] = deque(maxlen=HISTORY_S)

    def look(self, server: ServerView | None) -> ServerNow:
        """What this server counts now, at most a second old."""
        if server is None:
            return ServerNow(admin=False)
        with self._asking:
            now_ns = self._clock_ns()
            fresh = self._asked_ns is not None and now_ns - self._asked_ns < ASK_EVERY_NS
            if server.admin != self._admin or not fresh:
                self._ask(server)
            return ServerNow(True, self._listeners, tuple(self._in_service))

    def _ask(self, server: ServerView) -> None:
        if server.admin != self._admin:
            self._in_service.clear()
            self._listeners = None
        before, self._admin = self._listeners, server.admin
        try:
            self._listeners = server.within(PATIENCE_S).snapshot().listeners
        except ServerUnreachableError:
            self._listeners = None
        self._asked_ns = self._clock_ns()
        mean = mean_in_service(before, self._listeners)
        if mean is not None:
            self._in_service.append((self._asked_ns, mean))


def mean_in_service(
    before: Mapping[str, Listener] | None, after: Mapping[str, Listener] | None
) -> float | None:
    """How many were in service on average between two answers, over all modes, by the server's own integral.

    None where either is missing, or the server was started anew in between.
    """
    if before is None or after is None or before.keys() != after.keys():
        return None
    pairs = [(before[name], after[name]) for name in after]
    if any(was.at_ns >= now.at_ns or was.in_service_ns > now.in_service_ns for was, now in pairs):
        return None
    return sum((now.in_service_ns - was.in_service_ns) / (now.at_ns - was.at_ns) for was, now in pairs)
