"""What the decoders of RESP and memcached have in common: lines, some with a block of bytes behind them."""

from __future__ import annotations

from abc import abstractmethod

from lockstep_wire.framing import FrameTooLong, Malformed
from lockstep_wire.framings.stepwise import Held, StepwiseDecoder

CRLF = b"\r\n"
NO_BLOCK = -1


class LinesDecoder(StepwiseDecoder):
    """Looks at each line once, and at a block only for its end.

    _allowed: bytes of the frame that begins here, its last CRLF included; back to max_frame and a CRLF with
    each frame. _done: whether the line just looked at is the frame's last one.
    """

    __slots__ = ("_allowed", "_at", "_block_end", "_done", "_max_frame", "_searched")

    def __init__(self, max_frame: int) -> None:
        super().__init__()
        self._max_frame = max_frame
        self._begin()

    def _begin(self) -> None:
        """A frame begins."""
        # From the frame's beginning: where the next line begins, up to where no CRLF is, and where the last
        # line's block has to end.
        self._at = self._searched = self._block_end = 0
        self._done = False
        self._allowed = self._max_frame + len(CRLF)

    @abstractmethod
    def _line(self, line: bytes) -> int:
        """How many bytes the block behind this line has, NO_BLOCK if there is none. It begins at _at.

        Says in _done whether it is the last line.
        """

    def _check_first(self, first: int) -> None:
        """Malformed where no line begins with this byte."""

    def _size_of(self, held: Held, start: int) -> int:
        while True:
            if self._block_end and not self._past_block(held, start):
                return 0
            if self._done:
                size = self._at
                self._begin()
                return size
            at = start + self._at
            if at < len(held):
                self._check_first(held[at])
            end = held.find(CRLF, start + max(self._at, self._searched))
            if end < 0:
                self._searched = max(len(held) - 1 - start, 0)
                # Half an end is no part of what is too long.
                self._check_size(len(held) - start - (held[-1:] == b"\r") + len(CRLF))
                return 0
            block = self._line(bytes(held[at:end]))
            self._at = end + len(CRLF) - start
            if block != NO_BLOCK:
                self._block_end = self._at + block
                self._at = self._block_end + len(CRLF)
            self._check_size(self._at)

    def _past_block(self, held: Held, start: int) -> bool:
        end = start + self._block_end
        if len(held) < end + len(CRLF):
            return False
        if held[end : end + len(CRLF)] != CRLF:
            raise Malformed("a block of bytes that does not end where it should")
        self._block_end = 0
        return True

    def _check_size(self, size: int) -> None:
        if size > self._allowed:
            raise FrameTooLong(self._max_frame + size - self._allowed, self._max_frame)
