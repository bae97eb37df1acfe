"""Which of a target's addresses to connect to: one after another, within the time of one connect."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from socket import AF_INET, AF_INET6

from lockstep.tcp.addresses import Address
from lockstep.tcp.socket_errors import HarnessError

_now_ns = time.monotonic_ns


class DialError(Exception):
    """None of the addresses could be connected to.

    error: the last one's. where: which address it was, or what each of several has said.
    """

    def __init__(self, error: OSError, where: str) -> None:
        super().__init__(where)
        self.error = error
        self.where = where


def from_source(addresses: Sequence[Address], source: str | None) -> Sequence[Address]:
    """Those that can be reached from a local address, which is of one family; HarnessError if none can."""
    if source is None:
        return addresses
    family = AF_INET6 if ip_address(source).version == 6 else AF_INET
    fitting = [address for address in addresses if address.family == family]
    if not fitting:
        there = ", ".join(address.text for address in addresses)
        raise HarnessError(
            f"cannot connect from --source {source} to {there}: give sources of the same kind, IPv4 or IPv6"
        )
    return fitting


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
    """Try each in its order until one connects: that one. DialError after the last.

    timeout_s: of all together. attempt: connects to one within so many seconds, or raises OSError. stopped:
    asked after each failure; the rest is then left.
    """
    began_ns = clock_ns()
    left, told = 1.0, list[str]()
    for number, address in enumerate(addresses):
        if timeout_s and number:
            left = 1 - (clock_ns() - began_ns) / (timeout_s * 1e9)
        bound_s = None if timeout_s is None else timeout_s * share(left, len(addresses) - number)
        try:
            attempt(address, bound_s)
        except OSError as error:
            last = error
            # Of a single one the outcome's own words say why.
            told.append(address.text if len(addresses) == 1 else f"{address.text}: {error.strerror or error}")
            if stopped():
                break
        else:
            return address
    raise DialError(last, "; ".join(told)) from last
