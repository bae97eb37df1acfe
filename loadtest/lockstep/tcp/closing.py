"""How a connection is ended by its own user: closed in peace, by half, reset or aborted."""

from __future__ import annotations

import time

from lockstep.tcp.dialling import Route
from lockstep.tcp.link import Link
from lockstep.tcp.losses import Losing
from lockstep.tcp.samples import ANSWERED, STOPPED, UNASKED, Meter, Outcome, Phase, with_bytes
from lockstep.tcp.state import LISTENS, OPENING, Event, State

_now_ns = time.monotonic_ns
CLOSED_UNANSWERED = "closed before the reply came; to a message that gets none say send(..., reply=False)"
RESET_BY_USER = "reset() was called before the reply came"
STAYED_OPEN = "the peer did not close within {timeout_s:g} s"


class Closing(Losing):
    """What can be done with a connection to be rid of it."""

    __slots__ = ("close_timeout_s",)

    def __init__(
        self,
        meter: Meter,
        route: Route,
        timeout_s: float | None,
        close_timeout_s: float | None,
        user: str | None,
    ) -> None:
        """As Connection has them."""
        super().__init__(meter, route, timeout_s, user)
        self.close_timeout_s = close_timeout_s

    def close(self) -> Outcome:
        """Say goodbye, wait until the peer has closed too, within close_timeout_s, and time that.

        Returns ANSWERED, also where there is no connection; TIMEOUT or RESET by the peer; MISMATCH where it
        says something still; ABORTED where replies were due, which all fail so. Nothing is open after it.
        """
        outcome = self._close()
        self._in_flight.forget_lost()
        return outcome

    def _close(self) -> Outcome:
        link = self._link
        if link is not None:
            link.begin()
        if link is None or self.state in OPENING:
            return ANSWERED
        if self._aborted:
            return self._lose_all(Outcome.ABORTED, STOPPED)
        if self._in_flight:
            return self._lose_all(Outcome.ABORTED, CLOSED_UNANSWERED)
        return self._say_goodbye(link)

    def _say_goodbye(self, link: Link) -> Outcome:
        # Whoever listens, or has said that it will send no more, asks for whatever comes.
        asked, half_closed = self._asks_for_more, self.state is State.HALF_CLOSED
        self._move(Event.FINISH)
        start_ns = self._timestamps.close_start_ns = _now_ns()
        bound_s = self._timeout_s if self.close_timeout_s is None else self.close_timeout_s
        if bound_s != self._timeout_s:
            link.bound(bound_s)
        try:
            if not half_closed:
                link.finish()
            while (unasked := link.receive()) and asked:
                pass
        except OSError as error:
            return self._lose(Phase.CLOSE, start_ns, *self._explain(error, STAYED_OPEN, bound_s))
        except BaseException as error:
            self._break_off(error, Phase.CLOSE, start_ns)
            raise
        if unasked:
            detail = with_bytes(UNASKED, unasked)
            return self._lose(Phase.CLOSE, start_ns, Outcome.MISMATCH, detail, received=len(unasked))
        self._leave(ANSWERED)
        self._meter.step(Phase.CLOSE, start_ns, self.free_ns)
        return ANSWERED

    @property
    def _asks_for_more(self) -> bool:
        """Whether what the peer says before it closes is asked for."""
        return self.state in LISTENS

    def shutdown(self) -> Outcome:
        """Say that nothing more will be sent, and go on listening: half-close.

        `receive` then gives what the peer still says, and once it has closed too a Reply without payload:
        that is the end of the step `close`, which begins here. No message can be sent before.

        Returns ANSWERED, also where there is no connection, else how it failed.
        """
        link = self._link
        if link is not None:
            link.begin()
        if link is None or self.state in OPENING or self.state is State.HALF_CLOSED:
            return ANSWERED
        if self._aborted:
            return self._lose_all(Outcome.ABORTED, STOPPED)
        self._move(Event.SHUTDOWN)
        start_ns = self._timestamps.close_start_ns = _now_ns()
        try:
            link.finish()
        except OSError as error:
            return self._lose(Phase.CLOSE, start_ns, *self._explain(error))
        return ANSWERED

    def reset(self) -> None:
        """Close at once, by a reset: the peer is not asked. What is in flight fails as ABORTED.

        It is no failure, and no step. The next message opens another connection.
        """
        if self._link is not None:
            self._link.begin()
            if self.state not in OPENING:
                self._give_up(Outcome.ABORTED, RESET_BY_USER)
        self._in_flight.forget_lost()

    def _ended_by_peer(self) -> None:
        """After shutdown() the peer has closed too."""
        start_ns = self._timestamps.close_start_ns
        self._leave(ANSWERED)
        self._meter.step(Phase.CLOSE, self.free_ns if start_ns is None else start_ns, self.free_ns)

    def abort(self, *, stopped: bool = False) -> None:
        """Give the connection up, from another greenlet or thread too, and wake who waits on it.

        What is in flight fails as ABORTED, and so does every message from now on, until `connect`.
        stopped: not the user's own code does so, but whoever ends the user.
        """
        self._stopped = self._stopped or stopped
        self._move(Event.ABORT)
        if self._link is not None:
            self._link.abort()

    def _give_up(self, outcome: Outcome, detail: str) -> None:
        """Reset the connection; what is in flight on it fails so."""
        if self._link is not None:
            self._link.reset()
            self._lose_all(outcome, detail)
