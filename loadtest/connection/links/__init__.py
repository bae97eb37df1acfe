"""How bytes travel: one socket behind four verbs, waited on by a thread or by a greenlet.

Everything above a link is the same for both, so a scenario runs in a plain thread as it does under Locust.
"""

from __future__ import annotations

from socket import AddressFamily
from typing import Protocol

RECEIVE_BYTES = 65536


class Link(Protocol):
    """One TCP connection. Every wait for the peer is bounded; TimeoutError when the bound is reached.

    All methods raise OSError as the socket does.
    """

    @property
    def address(self) -> str:
        """This end as `ip:port`, once it is connected."""

    def connect(self, address: tuple[str, int], source: str | None) -> None:
        """Shake hands with address, from the local IP `source` where one is named.

        HarnessError where this machine has no such IP.
        """

    def send(self, frame: bytes) -> None:
        """Write all of it."""

    def receive(self) -> bytes:
        """What is there once something is; empty when the peer has closed."""

    def send_soon(self) -> None:
        """From now on small messages go out without waiting for the last one's acknowledgement."""

    def finish(self) -> None:
        """Say that nothing more will be sent."""

    def abort(self) -> None:
        """Wake whoever waits on this link; from another greenlet or thread."""

    def close(self) -> None:
        """Give the socket back."""


class LinkMaker(Protocol):
    """A kind of link: makes one that is not yet connected."""

    def __call__(self, family: AddressFamily, timeout_s: float) -> Link:
        """OSError where the system has no socket left."""
