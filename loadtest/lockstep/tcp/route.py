"""One user's way to its target: which addresses there are, and when the next try may begin."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable, Sequence

from lockstep.tcp.addresses import Address, AddressBook
from lockstep.tcp.backoff import BackOff, tell_once
from lockstep.tcp.dialling import from_source
from lockstep.tcp.samples import Outcome
from lockstep.tcp.socket_errors import HarnessError

# Linux keeps a port in TIME_WAIT for 60 s.
PORTLESS_NS = 65_000_000_000
PORT_STEP_S = 0.05

_now_ns = time.monotonic_ns


class Route:
    """patient: whether to wait before another try after the peer did not take a connection; backoff.py says
    how long. addresses: finds those of the target. sleep: waits, in seconds."""

    __slots__ = ("_addresses", "_back_off", "_portless_ns", "_sleep")

    def __init__(self, addresses: AddressBook, sleep: Callable[[float], None], *, patient: bool) -> None:
        self._addresses = addresses
        self._back_off = BackOff() if patient else None
        self._sleep = sleep
        # Since when there has been no local port; None while there is one.
        self._portless_ns: int | None = None

    @property
    def back_off_s(self) -> float:
        """How long is still to be waited before the next try, in seconds."""
        return 0.0 if self._back_off is None else self._back_off.left_ns(_now_ns()) / 1e9

    def await_addresses(self, host: str, port: int, source: str | None) -> Sequence[Address]:
        """Wait until the next try may begin: where it may lead. HarnessError where it leads nowhere."""
        if (wait_s := self.back_off_s) > 0:
            self._sleep(wait_s)
        try:
            return from_source(self._addresses.find(host, port), source)
        except HarnessError:
            self.failed(host, port)
            raise

    def may_await_port(self, error: OSError) -> bool:
        """Whether a connect failed for want of a local port, and one may still come free.

        A closed connection holds its port for a minute (TIME_WAIT): users wait for their turn at the ports
        there are. Whoever waits longer finds them held by something else.
        """
        if error.errno != errno.EADDRNOTAVAIL:
            return False
        now_ns = _now_ns()
        if self._portless_ns is None:
            self._portless_ns = now_ns
            self._addresses.port_waits += 1
        return now_ns - self._portless_ns < PORTLESS_NS

    def await_port(self) -> None:
        """Wait a little for a local port."""
        self._sleep(PORT_STEP_S * (0.5 + random.random()))

    def connected(self, address: Address) -> str:
        """A connection was opened to this address: its text."""
        self._portless_ns = None
        self._addresses.used[address.text] += 1
        return address.text

    def failed(self, host: str, port: int) -> None:
        """None could be opened: the next try is to wait."""
        if self._back_off is not None:
            self._back_off.failed(_now_ns(), random.random())
            if self._back_off.longest:
                tell_once(f"{host}:{port}", "cannot be connected to")

    def ended(self, outcome: Outcome, answered: int) -> None:
        """A connection is over. answered: how many of its messages were."""
        if self._back_off is not None:
            self._back_off.ended(outcome, answered, _now_ns(), random.random())
