"""Bytes that came in, replies that go out: never sees a socket."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from wire.framing import Framing


class ReplyBuffer(Protocol):
    """Holds what a connection has received until a whole reply is there."""

    def feed(self, data: bytes) -> None:
        """Take in what one receive brought; FrameTooLong where the peer goes too far."""

    def take(self, size: int | None) -> bytes | None:
        """The next whole reply, None if it is not all there.

        size: bytes to expect where nothing marks its end.
        """

    @property
    def empty(self) -> bool:
        """Whether nothing is held."""


class FramedReplies:
    """Replies with an end of their own: lines, or length-prefixed."""

    def __init__(self, framing: Framing, max_frame: int) -> None:
        self._decoder = framing.decoder(max_frame)
        self._whole: deque[bytes] = deque()

    def feed(self, data: bytes) -> None:
        """See ReplyBuffer.feed."""
        self._whole.extend(self._decoder.feed(data))

    def take(self, size: int | None) -> bytes | None:  # noqa: ARG002 (a frame knows its size)
        """See ReplyBuffer.take."""
        return self._whole.popleft() if self._whole else None

    @property
    def empty(self) -> bool:
        """See ReplyBuffer.empty."""
        return not self._whole and not self._decoder.pending


class RawReplies:
    """Replies without an end mark: as many bytes as are expected; whatever is there where nothing is."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> None:
        """See ReplyBuffer.feed."""
        self._held += data

    def take(self, size: int | None) -> bytes | None:
        """See ReplyBuffer.take."""
        wanted = max(len(self._held), 1) if size is None else size
        if len(self._held) < wanted:
            return None
        reply, self._held = self._held[:wanted], self._held[wanted:]
        return reply

    @property
    def empty(self) -> bool:
        """See ReplyBuffer.empty."""
        return not self._held


def reply_buffer(framing: Framing, max_frame: int) -> ReplyBuffer:
    """The buffer that suits a framing."""
    return RawReplies() if framing.name == "raw" else FramedReplies(framing, max_frame)
