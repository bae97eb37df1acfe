"""Where a target leads: its name's addresses, asked for again while the load runs.

A name may have several addresses of which only some are served (`localhost`), and may move to others (a
replaced container, a failover). A load that keeps what it found first measures a machine that is gone.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep_wire import address_text

logger = logging.getLogger(__name__)

# How long addresses count as known. The system tells no time to live: a resolver that caches keeps to it
# itself, and one that does not can bear one question a second from each worker. A load so follows a name
# within about two seconds.
LIFETIME_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect to. sockaddr: as the socket module takes it for this family."""

    family: socket.AddressFamily
    sockaddr: tuple[Any, ...] | str

    @property
    def text(self) -> str:
        """`ip:port`, or a unix socket's path."""
        if isinstance(self.sockaddr, str):
            return self.sockaddr
        return address_text(*self.sockaddr[:2])

    @property
    def loopback(self) -> bool:
        """Whether it is this machine itself."""
        return (
            isinstance(self.sockaddr, str) or ip_address(str(self.sockaddr[0]).partition("%")[0]).is_loopback
        )


LookUp = Callable[[str, int], list[Address]]
"""Addresses of a name and a port, in the order in which to try them; OSError or ValueError."""


# How a connect fails where this machine has no address of that family to come from, as in a container
# without IPv6.
_NO_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class NoFamilyError(OSError):
    """A name has addresses, and this machine has none of their kind. Its text: which, and the remedy."""


def has_family_of(address: Address) -> bool:
    """Whether this machine has an address of that one's family, to come from.

    Connecting a datagram socket chooses that address, and sends nothing. A stream's connect fails in the
    same words where its ports are used up, which soon come free again.
    """
    try:
        with socket.socket(address.family, socket.SOCK_DGRAM) as probe:
            probe.connect(address.sockaddr)
    except OSError as error:
        # Whatever else there is, the connect itself will meet and tell.
        return error.errno not in _NO_FAMILY
    return True


def ask_system(host: str, port: int) -> list[Address]:
    """What the system's resolver says, without what this machine cannot reach for want of that family.

    `localhost` is ::1 too, also where there is no IPv6. NoFamilyError where nothing is left. Under Locust,
    other users run meanwhile.
    """
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # The same address may be there once for each source that it comes from.
    there = list(dict.fromkeys(Address(family, sockaddr) for family, _, _, _, sockaddr in infos))
    usable = [address for address in there if has_family_of(address)]
    if there and not usable:
        lacking, other = ("IPv6", "IPv4") if there[0].family == socket.AF_INET6 else ("IPv4", "IPv6")
        raise NoFamilyError(
            f"cannot connect to {_texts(there)}: this machine has no {lacking}; give an {other} address, or "
            f"switch {lacking} on"
        )
    return usable


def _in_a_thread(work: Callable[[], None]) -> None:
    # Under Locust this is a greenlet.
    threading.Thread(target=work, daemon=True).start()


class _Entry:
    """What is known of one name and port."""

    __slots__ = ("addresses", "asking", "due_ns", "numeric", "refusal")

    def __init__(self, numeric: bool) -> None:
        self.numeric = numeric
        self.addresses: tuple[Address, ...] = ()
        self.refusal = ""
        # From when on the system is to be asked again; a numeric address never changes.
        self.due_ns: int | None = None
        self.asking = threading.Lock()


class AddressBook:
    """Asks for each name once at a time, however many users want it.

    The first who wants a name waits for it, and so does whoever wants it meanwhile. Once it is known nobody
    waits any more: it is asked for again beside the load. A later question that fails changes nothing, for
    a resolver's hiccup is not the server's: the last addresses are kept, and a log line says so.

    look_up: asks the system. clock_ns: monotonic. beside: runs a function beside the caller.
    """

    def __init__(
        self,
        look_up: LookUp = ask_system,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        beside: Callable[[Callable[[], None]], None] = _in_a_thread,
    ) -> None:
        self._look_up = look_up
        self._clock_ns = clock_ns
        self._beside = beside
        self._entries: dict[tuple[str, int], _Entry] = {}
        # How many connections were opened to each address, by its text.
        self.used: Counter[str] = Counter()
        # How many connections had to wait for a local port.
        self.port_waits = 0
        # How many TLS handshakes there were, and how many of them with the session of an earlier one.
        self.handshakes = self.resumed = 0

    def find(self, endpoint: Endpoint) -> tuple[Address, ...]:
        """Where it leads, at least one address. HarnessError where the name is unknown."""
        if endpoint.scheme is Scheme.UNIX:
            return (Address(socket.AF_UNIX, endpoint.host),)
        host = endpoint.host
        # Without a port only who is there is asked for.
        key = (host, endpoint.port or 0)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries.setdefault(key, _Entry(_is_numeric(host)))
        if entry.addresses:
            if not entry.numeric and self._is_due(entry) and entry.asking.acquire(blocking=False):
                self._ask_beside(key, entry)
        elif self._is_due(entry):
            with entry.asking:
                # Who waited here has the answer of who came first.
                if self._is_due(entry):
                    self._ask(key, entry)
        if not entry.addresses:
            raise HarnessError(entry.refusal)
        return entry.addresses

    def _is_due(self, entry: _Entry) -> bool:
        return entry.due_ns is None or self._clock_ns() >= entry.due_ns

    def _ask_beside(self, key: tuple[str, int], entry: _Entry) -> None:
        def ask() -> None:
            try:
                self._ask(key, entry)
            finally:
                entry.asking.release()

        try:
            self._beside(ask)
        except BaseException:
            # There was no thread to be had.
            entry.asking.release()
            raise

    def _ask(self, key: tuple[str, int], entry: _Entry) -> None:
        host, port = key
        addresses: tuple[Address, ...] = ()
        entry.refusal = _unknown(host, "it has no address")
        try:
            addresses = tuple(self._look_up(host, port))
        except NoFamilyError as error:
            entry.refusal = str(error)
        except (OSError, ValueError) as error:
            # A ValueError is a name that cannot be one: an empty label, a zero byte.
            entry.refusal = _unknown(host, getattr(error, "strerror", None) or str(error))
        if addresses:
            if entry.addresses and set(addresses) != set(entry.addresses):
                logger.info("%s: now %s", host, _texts(addresses))
            entry.addresses = addresses
        elif entry.addresses:
            logger.warning("%s; going on with %s", entry.refusal, _texts(entry.addresses))
        entry.due_ns = self._clock_ns() + LIFETIME_NS


def _unknown(host: str, reason: str) -> str:
    return f"cannot find host {host!r} ({reason}): check the name or give an address"


def _texts(addresses: Iterable[Address]) -> str:
    return ", ".join(address.text for address in addresses)


def _is_numeric(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


# One for all users of a process.
ADDRESS_BOOK = AddressBook()
