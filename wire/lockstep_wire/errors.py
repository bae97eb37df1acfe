"""What the peer can do wrong. Our own misuse is a ValueError instead."""

from __future__ import annotations

from collections.abc import Sequence


class PeerError(Exception):
    """The peer broke the protocol; its connection is beyond repair."""


class FrameTooLong(PeerError):  # noqa: N818 - named for what the peer did
    """The peer sent, or announced, a payload longer than the limit (both in bytes).

    data: how it begins. before: payloads that were whole before it came.
    """

    def __init__(self, size: int, limit: int, data: bytes = b"", before: Sequence[bytes] = ()) -> None:
        super().__init__(f"a frame of at least {size} bytes, the limit is {limit}")
        self.size = size
        self.limit = limit
        self.data = data
        self.before = before


class HeaderMissing(PeerError):  # noqa: N818
    """A reply is too short for, or does not start with, the timing header that was agreed on."""
