"""The reply header: how long a message waited for admission, and how long the server worked on it.

Durations, not points in time, so that the two ends need no common clock. The header is the first
`size` bytes of the reply's payload, inside the frame.
"""

from __future__ import annotations

import struct
from typing import Protocol

from lockstep_wire.framing import PeerError

_PAIR = struct.Struct(">QQ")


class HeaderMissing(PeerError):  # noqa: N818
    """A reply is too short for, or does not start with, the timing header that was agreed on."""


class Timing(Protocol):
    """A form of the header. Durations are integer nanoseconds, 0 <= n < 2**64."""

    @property
    def size(self) -> int:
        """Length of the header in bytes."""

    def pack(self, wait_ns: int, service_ns: int) -> bytes:
        """The header, `size` bytes."""

    def unpack(self, payload: bytes) -> tuple[int, int, bytes]:
        """Wait and service time, and the payload that follows. HeaderMissing if there is no header."""


class BinaryTiming:
    """Two big-endian 64-bit integers."""

    size = _PAIR.size
    pack = staticmethod(_PAIR.pack)

    @staticmethod
    def unpack(payload: bytes) -> tuple[int, int, bytes]:
        """See Timing.unpack."""
        if len(payload) < _PAIR.size:
            raise HeaderMissing(f"{len(payload)} bytes have no room for the {_PAIR.size}-byte timing header")
        wait_ns, service_ns = _PAIR.unpack_from(payload)
        return wait_ns, service_ns, payload[_PAIR.size :]


class TextTiming:
    """The same two integers as 32 hexadecimal digits, for framings in which a newline means something."""

    size = 2 * _PAIR.size

    @staticmethod
    def pack(wait_ns: int, service_ns: int) -> bytes:
        """See Timing.pack."""
        return _PAIR.pack(wait_ns, service_ns).hex().encode()

    @classmethod
    def unpack(cls, payload: bytes) -> tuple[int, int, bytes]:
        """See Timing.unpack."""
        if len(payload) < cls.size:
            raise HeaderMissing(f"{len(payload)} bytes have no room for the {cls.size}-byte timing header")
        try:
            digits = bytes.fromhex(payload[: cls.size].decode("ascii"))
            wait_ns, service_ns = _PAIR.unpack(digits)
        except (ValueError, struct.error) as error:
            raise HeaderMissing(f"{payload[: cls.size]!r} is not a timing header") from error
        return wait_ns, service_ns, payload[cls.size :]
