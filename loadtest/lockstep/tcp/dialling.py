"""One user's way to its target: which address, within what time, and how long after a failure.

At a closed port a connect fails in a tenth of a millisecond: users that tried again at once would be a flood
that measures nothing. After the first failure 5 to 10 ms, then twice as long after each, up to half a second
to a second: where a whole crowd was turned away together, chance keeps it from coming back together. A peer
that took a connection and let it end in peace, or answered on it, is tried again at once.
"""

from __future__ import annotations

import errno
import logging
import math
import random
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address
from itertools import count
from socket import AF_INET, AF_INET6, AF_UNIX

from lockstep.errors import HarnessError
from lockstep.tcp.addresses import ADDRESS_BOOK, Address, AddressBook
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.link import LinkMaker
from lockstep.tcp.samples import Outcome

logger = logging.getLogger(__name__)

FIRST_NS = 10_000_000
LONGEST_NS = 1_000_000_000
# Doubling this often leads from the first to beyond the longest.
_MAX_DOUBLINGS = (LONGEST_NS // FIRST_NS).bit_length()

# How a connection ends that its peer broke off.
_BROKEN_OFF = frozenset({Outcome.RESET, Outcome.SHORT, Outcome.REFUSED})
_now_ns = time.monotonic_ns
_TURNS = count()
# Linux keeps a port in TIME_WAIT for 60 s.
PORTLESS_NS = 65_000_000_000
PORT_STEP_S = 0.05


class BackOff:
    """How long one user waits before it tries one peer again.

    It decides, and neither waits nor reads a clock. Times are monotonic nanoseconds.
    """

    __slots__ = ("_failures", "_until_ns")

    def __init__(self) -> None:
        self._failures = 0
        self._until_ns = 0

    @property
    def longest(self) -> bool:
        """Whether it does not grow any more."""
        return self._failures > _MAX_DOUBLINGS

    def left_ns(self, now_ns: int) -> int:
        """How long to wait still before the next try."""
        return max(self._until_ns - now_ns, 0) if self._failures else 0

    def failed(self, now_ns: int, chance: float) -> None:
        """A try has failed. chance: drawn from [0, 1)."""
        most_ns = min(FIRST_NS << min(self._failures, _MAX_DOUBLINGS), LONGEST_NS)
        self._failures += 1
        self._until_ns = now_ns + most_ns // 2 + int(chance * (most_ns // 2))

    def ended(self, outcome: Outcome, answered: int, now_ns: int, chance: float) -> None:
        """A connection is over. answered: how many of its messages were.

        One that was broken off before it was any use has failed, as if it had been refused.
        """
        if outcome in _BROKEN_OFF and not answered:
            self.failed(now_ns, chance)
        elif outcome is not Outcome.ABORTED:
            self._failures = 0


@lru_cache(maxsize=64)
def warn_once(target: str, why: str) -> None:
    """Say in the log, once for each target of a process, that users wait before they try it again."""
    logger.warning(
        "%s: %s; users wait longer after each failure, up to %g s, before they try again",
        target,
        why,
        LONGEST_NS / 1e9,
    )


class DialError(Exception):
    """None of the addresses could be connected to.

    error: the most telling one's. where: which address it was, or why each of several failed.
    """

    def __init__(self, error: OSError, where: str) -> None:
        super().__init__(where)
        self.error = error
        self.where = where


def from_source(addresses: Sequence[Address], source: str | None) -> Sequence[Address]:
    """Those that can be reached from a local address, which is of one family; HarnessError if none can."""
    if source is None:
        return addresses
    if any(address.family == AF_UNIX for address in addresses):
        raise HarnessError(f"cannot connect from --source {source} to a unix socket: leave it out")
    family = AF_INET6 if ip_address(source).version == 6 else AF_INET
    fitting = [address for address in addresses if address.family == family]
    if not fitting:
        there = ", ".join(address.text for address in addresses)
        raise HarnessError(
            f"cannot connect from --source {source} to {there}: give sources of the same kind, IPv4 or IPv6"
        )
    return fitting


def find_way(endpoint: Endpoint, addresses: AddressBook = ADDRESS_BOOK) -> Sequence[Address]:
    """Where an endpoint leads, before anybody connects to it.

    HarnessError where its host is unknown, or a file or a name in its options cannot be used.
    """
    if endpoint.scheme is Scheme.TLS:
        from lockstep.tcp import tls

        tls.check(endpoint)
    return addresses.find(endpoint)


def next_source(endpoint: Endpoint) -> str | None:
    """Of the local addresses that an endpoint names, the one whose turn it is in this process."""
    sources = endpoint.options.source
    return sources[next(_TURNS) % len(sources)] if sources else None


# Of the failures of several addresses the one that tells most, and of equals the last. Where this machine
# had no port for one of them, nobody knows yet whether it would have answered; to which of them no way leads
# says nothing of a server that is at another.
_TELLS_MOST = frozenset({errno.EADDRNOTAVAIL})
_TELLS_LEAST = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT})


def most_telling(errors: Sequence[OSError]) -> OSError:
    """Why a target could not be connected to, from why each of its addresses could not."""

    def weight(error: OSError) -> int:
        return (error.errno in _TELLS_MOST) - (error.errno in _TELLS_LEAST)

    return max(reversed(errors), key=weight)


def share(left: float, addresses_left: int) -> float:
    """What part of the whole time to give the next address, where the part `left` is left for all.

    In whole hundredths: every bound that differs from others has a timer of its own.
    """
    return max(math.floor(100 * left / addresses_left), 1) / 100


def dial(
    addresses: Sequence[Address],
    timeout_s: float | None,
    attempt: Callable[[Address, float | None], None],
    stopped: Callable[[], bool],
    clock_ns: Callable[[], int] = _now_ns,
) -> Address:
    """Try each in its order until one connects: that one. DialError where none does.

    timeout_s: of all together. attempt: connects to one within so many seconds, or raises OSError. stopped:
    asked after each failure; the rest is then left.
    """
    began_ns = clock_ns()
    left, errors, reasons = 1.0, list[OSError](), list[str]()
    for number, address in enumerate(addresses):
        if timeout_s and number:
            left = 1 - (clock_ns() - began_ns) / (timeout_s * 1e9)
        bound_s = None if timeout_s is None else timeout_s * share(left, len(addresses) - number)
        try:
            attempt(address, bound_s)
        except OSError as error:
            errors.append(error)
            # Of a single one the outcome's own words say why.
            reasons.append(
                address.text if len(addresses) == 1 else f"{address.text}: {error.strerror or error}"
            )
            if stopped():
                break
        else:
            return address
    worst = most_telling(errors)
    raise DialError(worst, "; ".join(reasons)) from worst


def links_to(endpoint: Endpoint, link: LinkMaker | None) -> LinkMaker:
    """The links that an endpoint asks for, over those of a kind; of plain threads where it is None."""
    if link is None:
        # Under Locust nobody needs it.
        from lockstep.tcp.blocking_link import BlockingLink

        link = BlockingLink
    if endpoint.scheme is not Scheme.TLS:
        return link
    # Who speaks no TLS needs no OpenSSL.
    from lockstep.tcp.tls_link import TlsLinks

    return TlsLinks(link, endpoint)


class Route:
    """One user's way to one target, from connection to connection: its addresses, back-off, local ports."""

    __slots__ = ("_addresses", "_back_off", "_endpoint", "_portless_ns", "_sleep")

    def __init__(
        self, endpoint: Endpoint, addresses: AddressBook, sleep: Callable[[float], None], *, patient: bool
    ) -> None:
        """endpoint: the target. addresses: finds where it leads. sleep: waits, in seconds.

        patient: whether to wait before another try after the peer did not take a connection.
        """
        self._endpoint = endpoint
        self._addresses = addresses
        self._back_off = BackOff() if patient else None
        self._sleep = sleep
        # Since when there has been no local port; None while there is one.
        self._portless_ns: int | None = None

    @property
    def back_off_s(self) -> float:
        """How long is still to be waited before the next try, in seconds."""
        return 0.0 if self._back_off is None else self._back_off.left_ns(_now_ns()) / 1e9

    def await_addresses(self, source: str | None) -> Sequence[Address]:
        """Wait until the next try may begin: where it may lead. HarnessError where it leads nowhere."""
        if (wait_s := self.back_off_s) > 0:
            self._sleep(wait_s)
        try:
            return from_source(self._addresses.find(self._endpoint), source)
        except HarnessError:
            self.failed()
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

    def shaken(self, *, resumed: bool) -> None:
        """A TLS handshake is over. resumed: whether with the session of an earlier connection."""
        self._addresses.handshakes += 1
        self._addresses.resumed += resumed

    def failed(self) -> None:
        """None could be opened: the next try is to wait."""
        if self._back_off is not None:
            self._back_off.failed(_now_ns(), random.random())
            if self._back_off.longest:
                warn_once(self._endpoint.place, "cannot be connected to")

    def ended(self, outcome: Outcome, answered: int) -> None:
        """A connection is over. answered: how many of its messages were."""
        if self._back_off is not None:
            self._back_off.ended(outcome, answered, _now_ns(), random.random())
