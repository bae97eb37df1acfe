"""The other end: how its address is written, and what it can do wrong. Our misuse is a ValueError instead."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address


class PeerError(Exception):
    """The peer broke the protocol; its connection is beyond repair."""


class FrameError(PeerError):
    """What the peer sent is no frame, or none that is taken: nothing behind it can be understood.

    data: how it begins. before: payloads that were whole before it came.
    """

    def __init__(self, reason: str, data: bytes = b"", before: Sequence[bytes] = ()) -> None:
        super().__init__(reason)
        self.data = data
        self.before = before


class FrameTooLong(FrameError):  # noqa: N818 - named for what the peer did
    """The peer sent, or announced, a payload longer than the limit (both in bytes)."""

    def __init__(self, size: int, limit: int, data: bytes = b"", before: Sequence[bytes] = ()) -> None:
        super().__init__(f"a frame of at least {size} bytes, the limit is {limit}", data, before)
        self.size = size
        self.limit = limit


class Malformed(FrameError):  # noqa: N818
    """The peer sent bytes that cannot be a frame, nor the beginning of one; the message says why."""


class HeaderMissing(PeerError):  # noqa: N818
    """A reply is too short for, or does not start with, the timing header that was agreed on."""


def address_text(host: str, port: int) -> str:
    """`ip:port` of a numeric address, with brackets around IPv6: the same text on both sides.

    An IPv4 address that came in over IPv6 (`::ffff:192.0.2.1`) is written as IPv4, as the other side knows
    it. A scope (`fe80::1%eth0`) is left out: each machine has its own name for it.
    """
    if ":" not in host:
        return f"{host}:{port}"
    address = IPv6Address(host.partition("%")[0])
    mapped = address.ipv4_mapped
    return f"[{address}]:{port}" if mapped is None else f"{mapped}:{port}"
