"""A link for greenlets: a non-blocking socket and one io watcher that is kept as long as the connection.

gevent's own sockets try a receive that cannot succeed yet, then set a timer and register with the loop anew,
for every message. Here a receive is one switch to the hub and one call that finds its data. One timer bounds
the steps of many links, so that no wait has to set, or even read, a clock.
"""

from __future__ import annotations

import errno
import math
import socket
from functools import lru_cache
from types import MethodType
from typing import Any, Protocol

import gevent
from greenlet import getcurrent, greenlet

from lockstep.tcp.link import READ, RECEIVE_BYTES, WRITE, Answer, SocketAddress, SocketLink, no_room
from lockstep.tcp.state import in_use

# A step ends at most three ticks late, and never early. A tick is a tenth of the bound, but no more than a
# quarter of a second, and no less than the loop's timers can tell apart.
LONGEST_TICK_S = 0.25
SHORTEST_TICK_S = 0.001


class CooperativeLink(SocketLink):
    """Blocks one greenlet and never the process."""

    __slots__ = (
        "_answer",
        "_hub_switch",
        "_loop",
        "_reader",
        "_waiter",
        "_watchdog",
        "_watching",
        "ticks",
    )

    def __init__(self, family: socket.AddressFamily, timeout_s: float | None) -> None:
        super().__init__(family)
        hub = gevent.get_hub()
        self._loop = hub.loop
        # Past gevent's own switch, whose bookkeeping is for greenlets that are not ours to resume.
        self._hub_switch = MethodType(greenlet.switch, hub)
        self._reader: Any = None
        self._watching = False
        self._waiter: Any = None
        self._answer: Answer | None = None
        # How many of the watchdog's ticks the step has seen.
        self.ticks = 0
        self._watchdog: Watchdog | None = None
        self.bound(timeout_s)

    @property
    def waiting(self) -> bool:
        """See Link.waiting."""
        return self._waiter is not None

    def bound(self, timeout_s: float | None) -> None:
        """See Link.bound."""
        if self._watchdog is not None:
            self._watchdog.forget(self)
        self._watchdog = None if timeout_s is None else watchdog_for(timeout_s)
        if self._watchdog is not None:
            self._watchdog.watch(self)

    def begin(self) -> None:
        """See Link.begin."""
        if self._waiter is not None:
            raise in_use()
        self.ticks = 0

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """See Link.connect."""
        super().connect(address, source)
        self._reader = self._loop.io(self._socket.fileno(), READ)

    def ask(self, frame: bytes) -> bytes:
        """See Link.ask: as `send` and `receive` do, whose calls alone could be measured here."""
        if self._waiter is not None:
            raise in_use()
        self.ticks = 0
        try:
            sent = self._send(frame)
        except BlockingIOError:
            sent = 0
        if sent != len(frame):
            self._send_rest(memoryview(frame)[sent:])
        if self._early or not self._watching:
            return self.receive()
        self._waiter = getcurrent()
        try:
            self._hub_switch()
        except BaseException:
            self._waiter = None
            raise
        return self._receive(RECEIVE_BYTES)

    def relay(self, frame: bytes, answer: Answer) -> None:
        """See Link.relay: in the loop's callback, as long as frames go out whole; nobody is switched to."""
        following: bytes | None = frame
        self._answer = answer
        try:
            while following is not None:
                self.send(following)
                following = answer(self._early.popleft()) if self._early else self._be_relayed()
        finally:
            self._answer = None

    def send_beside(self, frame: bytes) -> None:
        """See Link.send_beside."""
        rest = memoryview(frame)
        while self._send is no_room:
            self._await_room()
        write = self._send
        # Whoever wants to write meanwhile finds no room: frames must not be mixed.
        self._send = no_room
        try:
            while rest:
                try:
                    rest = rest[write(rest) :]
                except BlockingIOError:
                    self._await_room()
        finally:
            self._send = write

    def _await_room(self) -> None:
        """Beside whoever is in a step; TimeoutError where there is none within its bound."""
        watcher = self._loop.io(self._socket.fileno(), WRITE)
        bound_s = None if self._watchdog is None else self._watchdog.timeout_s
        try:
            with gevent.Timeout(bound_s, TimeoutError(errno.ETIMEDOUT, "timed out")):
                gevent.get_hub().wait(watcher)
        finally:
            watcher.close()

    def receive(self) -> bytes:
        """See Link.receive."""
        if self._early:
            return self._early.popleft()
        if not self._watching:
            self._reader.start(self._on_readable)
            self._watching = True
        self._pause()
        return self._receive(RECEIVE_BYTES)

    def abort(self) -> None:
        """See Link.abort; who waits to be connected is woken too."""
        super().abort()
        self._interrupt(ConnectionAbortedError(errno.ECONNABORTED, "stopped"))

    def expire(self) -> None:
        """See Watched.expire."""
        self._interrupt(TimeoutError(errno.ETIMEDOUT, "timed out"))

    def close(self) -> None:
        """See Link.close."""
        self.bound(None)
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()
        self._socket.close()

    def nap(self, seconds: float) -> None:
        """See SocketLink.nap; who is aborted meanwhile is woken."""
        timer = self._loop.timer(seconds)
        timer.start(self._on_ready, 0)
        try:
            self._pause()
        finally:
            timer.close()

    def _pause(self) -> Any:
        """Let others run until this greenlet is switched to: with what, is returned."""
        self._waiter = getcurrent()
        try:
            return self._hub_switch()
        except BaseException:
            self._waiter = None
            raise

    def _on_readable(self) -> None:
        waiter = self._waiter
        if waiter is None:
            # Nobody asks for what has come; the loop would call again and again.
            self._reader.stop()
            self._watching = False
        else:
            self._waiter = None
            waiter.switch()

    def _be_relayed(self) -> bytes | None:
        """Rest while the loop answers: what is to be sent here, because the loop cannot; None at the end."""
        reader = self._reader
        if self._watching:
            reader.callback = self._on_relayed
        else:
            reader.start(self._on_relayed)
            self._watching = True
        try:
            rest: bytes | None = self._pause()
        finally:
            reader.callback = self._on_readable
        return rest

    def _on_relayed(self) -> None:
        waiter, answer = self._waiter, self._answer
        if waiter is None or answer is None:
            self._on_readable()
            return
        try:
            rest = answer(self._receive(RECEIVE_BYTES))
            if rest is not None:
                self.ticks = 0
                sent = self._send(rest)
                if sent == len(rest):
                    return
                rest = rest[sent:]
        except BlockingIOError:
            # There was no room: all of it is still to be sent.
            pass
        except BaseException as error:  # noqa: BLE001 - it belongs to who waits
            self._waiter = None
            waiter.throw(error)
            return
        self._waiter = None
        waiter.switch(rest)

    def _interrupt(self, error: OSError) -> None:
        # From the hub: whoever ends a wait goes on at once and is not itself switched away from.
        waiter = self._waiter
        if waiter is not None:
            self._loop.run_callback(self._throw, waiter, error)

    def _throw(self, waiter: Any, error: OSError) -> None:
        # Woken in time after all, it may be in its next step by now: that has seen no tick.
        in_time = isinstance(error, TimeoutError) and not self.ticks
        if self._waiter is waiter and not in_time:
            self._waiter = None
            waiter.throw(error)

    def _await(self, events: int) -> int:
        if self._watching:
            # Two watchers would each wake who waits for one.
            self._reader.stop()
            self._watching = False
        watcher = self._loop.io(self._socket.fileno(), events)
        watcher.start(self._on_ready, pass_events=True)
        try:
            ready: int = self._pause()
        finally:
            watcher.close()
        return ready

    def _on_ready(self, events: int) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter.switch(events)


class Watched(Protocol):
    """Whose steps are bounded. ticks: what the present step has seen; 0 when another begins."""

    ticks: int

    @property
    def waiting(self) -> bool:
        """Whether it waits now."""

    def expire(self) -> None:
        """The bound is reached: end the step with a TimeoutError."""


class Watchdog:
    """Expires the watched whose step lasts longer than timeout_s. One for each bound in a process."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._tick_s = max(min(timeout_s / 10, LONGEST_TICK_S), SHORTEST_TICK_S)
        self._max_ticks = math.ceil(timeout_s / self._tick_s)
        self._watched: set[Watched] = set()
        # Not a reason to keep the loop alive.
        self._timer = gevent.get_hub().loop.timer(self._tick_s, self._tick_s, ref=False)

    def watch(self, one: Watched) -> None:
        """Begin to watch."""
        if not self._watched:
            self._timer.start(self._tick)
        self._watched.add(one)

    def forget(self, one: Watched) -> None:
        """Watch no longer; nothing happens where it was not watched."""
        self._watched.discard(one)
        if not self._watched:
            self._timer.stop()

    def _tick(self) -> None:
        for one in list(self._watched):
            if one.waiting:
                one.ticks += 1
                # The first tick may come at once, and after one that is late the next comes all the sooner:
                # hence two more than fit the bound.
                if one.ticks > self._max_ticks + 1:
                    one.expire()


@lru_cache(maxsize=16)
def watchdog_for(timeout_s: float) -> Watchdog:
    """The process's watchdog for this bound."""
    return Watchdog(timeout_s)
