"""What decoders have in common that find out, from how a frame begins, how long it is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from lockstep_wire.framing import FrameError

Held = bytes | bytearray


class StepwiseDecoder(ABC):
    """Keeps what is not yet a whole frame, and asks again only once there is more of it to look at."""

    __slots__ = ("_held", "_size")

    def __init__(self) -> None:
        self._held = bytearray()
        # Of the frame that is held, as soon as it is known; 0 until then.
        self._size = 0

    @abstractmethod
    def _size_of(self, held: Held, start: int) -> int:
        """How many bytes the frame has that begins at `start`; 0 if that is not yet known.

        Asked again, with the same frame and more of it, until it is known; then no more of this frame.
        FrameError, whose data and before are filled in here, where it cannot be one.
        """

    @abstractmethod
    def _payload(self, frame: bytes) -> bytes:
        """What a whole frame carries. Asked once its size is known, before anything of the next one."""

    @property
    def pending(self) -> bool:
        """See Decoder.pending."""
        return bool(self._held)

    @property
    def held(self) -> bytes:
        """See Decoder.held."""
        return bytes(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        stream: Held = data
        if self._held:
            self._held += data
            if len(self._held) < self._size:
                return []
            stream = self._held
        payloads: list[bytes] = []
        start, there, size = 0, len(stream), self._size
        try:
            while start < there:
                size = size or self._size_of(stream, start)
                if not size or start + size > there:
                    break
                payloads.append(self._payload(bytes(stream[start : start + size])))
                start += size
                size = 0
        except FrameError as error:
            error.data, error.before = bytes(stream[start:]), payloads
            raise
        self._size = size
        if stream is self._held:
            del self._held[:start]
        elif start < there:
            self._held += stream[start:]
        return payloads
