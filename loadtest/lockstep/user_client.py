"""The client of a TcpUser: misuse ends its user, in one line, and greenlets that share it take turns."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from gevent import GreenletExit
from gevent.event import Event
from greenlet import getcurrent

from lockstep.errors import HarnessError
from lockstep.tcp.client import TcpClient
from lockstep.tcp.replies import RawEnd, Wanted, whatever
from lockstep.tcp.state import InUseError, Line

_P = ParamSpec("_P")
_T = TypeVar("_T")


def ending_the_user(
    method: Callable[Concatenate[UserClient, _P], _T],
) -> Callable[Concatenate[UserClient, _P], _T]:
    """A client's method that ends its user where the harness is misused, or cannot go on."""

    @wraps(method)
    def wrapped(self: UserClient, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return method(self, *args, **kwargs)
        except HarnessError as error:
            raise self.ended_by(error) from error
        finally:
            self.free_for_others()

    return wrapped


class UserClient(TcpClient):
    """A TcpUser's client: a TcpClient whose misuse ends its user, in one line.

    One greenlet at a time is in a step; others whose step is a whole request, or a pipeline, wait their turn.
    """

    __slots__ = ("_line", "end_user", "on_first_bytes")

    end_user: Callable[[HarnessError], None]
    """takes what Locust would else log at every task, with its trace"""
    on_first_bytes: Callable[[], None]
    """called for each reply of which nobody can say where it ends"""

    connect = ending_the_user(TcpClient.connect)
    send = ending_the_user(TcpClient.send)
    receive = ending_the_user(TcpClient.receive)
    close = ending_the_user(TcpClient.close)
    shutdown = ending_the_user(TcpClient.shutdown)
    reset = ending_the_user(TcpClient.reset)
    _listen = ending_the_user(TcpClient._listen)

    def __init__(self, *args: Any, **settings: Any) -> None:
        """See TcpClient."""
        super().__init__(*args, **settings)
        # Made when a second greenlet comes: most clients never see one.
        self._line: Line | None = None

    # The signatures are inherited. Without the wrapper of the others: it takes as long as a tenth of all else
    # that is ours.
    if not TYPE_CHECKING:

        def request(self, payload, expect=None, *, end=None, name=None, timeout=None, replies=1, catch=False):
            """See TcpClient.request."""
            how = payload, expect, end, name, timeout, replies, catch
            try:
                if self._line is None and self._greeter is None:
                    return self._request(*how)
                return self._in_turn(partial(self._request, *how))
            except InUseError:
                return self._in_turn(partial(self._request, *how), busy=True)
            except HarnessError as error:
                raise self.ended_by(error) from error
            finally:
                if self._line:
                    self.free_for_others()

        def pipeline(self, payloads, **how):
            """See TcpClient.pipeline."""
            payloads = list(payloads)
            return self._in_turn(lambda: TcpClient.pipeline(self, payloads, **how))

    @property
    def in_use(self) -> bool:
        """Whether a greenlet is in a step, or waits for one."""
        waiting = self._link is not None and self._link.waiting
        return waiting or bool(self._line) or self._greeter is not None

    def ended_by(self, error: HarnessError) -> GreenletExit:
        """The user is at its end: what to raise. That ends a greenlet of its own quietly too."""
        self.end_user(error)
        return GreenletExit()

    def free_for_others(self) -> None:
        """A step is over; but a greeting is one with all of its steps."""
        if self._line and self._greeter is None:
            self._line.next_one()

    def _in_turn(self, call: Callable[[], _T], *, busy: bool = False) -> _T:
        """The call, once nobody else is in a step. busy: somebody is."""
        greeting = self._greeter is not None
        if greeting and self._greeter is getcurrent():
            return call()
        line = self._line = self._line or Line(Event)
        try:
            if busy or greeting or line:
                line.wait(self._timeout_s)
            while True:
                try:
                    return call()
                except InUseError:
                    line.wait(self._timeout_s)
        except HarnessError as error:
            raise self.ended_by(error) from error
        finally:
            self.free_for_others()

    def _rule(self, expect: Wanted, end: RawEnd | None) -> RawEnd:
        rule = super()._rule(expect, end)
        if rule is whatever and not self._framing.cuts:
            self.on_first_bytes()
        return rule
