"""How bytes travel: one socket behind a few verbs, waited on by a thread or by a greenlet.

Everything above a link is the same for both, so a scenario runs in a plain thread as it does under Locust.
"""

from __future__ import annotations

from socket import AddressFamily
from typing import Any, Protocol

RECEIVE_BYTES = 65536

SocketAddress = tuple[Any, ...]
"""As the socket module takes it: ip and port, and for IPv6 flow and scope."""


class Link(Protocol):
    """One TCP connection, used in steps by one greenlet or thread at a time.

    All the waits of a step together are bounded: TimeoutError when the step's deadline is reached. Every
    method raises OSError as the socket does.
    """

    @property
    def address(self) -> str:
        """This end as `ip:port`, once it is connected."""

    @property
    def waiting(self) -> bool:
        """Whether somebody waits on it now."""

    def bound(self, timeout_s: float | None) -> None:
        """From now on a step may last so long, in seconds; None: for ever."""

    def begin(self) -> None:
        """A step begins, and its deadline counts from now. HarnessError where somebody else is in one."""

    def connect(self, address: SocketAddress, source: str | None) -> None:
        """Shake hands with address, from the local IP `source` where one is named.

        HarnessError where this machine has no such IP.
        """

    def send(self, frame: bytes) -> None:
        """A step begins: write all of it, and take in meanwhile what the peer says.

        HarnessError, and nothing written, where somebody else is in a step.
        """

    def receive(self) -> bytes:
        """Go on with the step: what is there once something is; empty when the peer has closed."""

    def unread(self) -> bytes:
        """What has come and was not received yet, without waiting; empty where nothing has."""

    def send_soon(self) -> None:
        """From now on small messages go out without waiting for the last one's acknowledgement."""

    def finish(self) -> None:
        """Say that nothing more will be sent."""

    def abort(self) -> None:
        """Wake whoever waits on this link; from another greenlet or thread."""

    def close(self) -> None:
        """Give the socket back."""


class LinkMaker(Protocol):
    """A kind of link: makes one that is not yet connected, and whose first step begins."""

    def __call__(self, family: AddressFamily, timeout_s: float | None) -> Link:
        """OSError where the system has no socket left."""
