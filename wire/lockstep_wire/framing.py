"""Where one message ends and the next begins: what every framing can do, and how one is found by its name.

What the other end can do wrong is an exception; our own misuse is a ValueError.

A decoder belongs to one direction of one connection. It is fed whatever the socket gave and returns
the payloads that are now complete; the work is linear in the bytes fed, however they were cut.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lockstep_wire.timing import Timing


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


class Decoder(Protocol):
    """Bytes in, payloads out."""

    @property
    def pending(self) -> bool:
        """Whether bytes of an unfinished frame are held."""

    @property
    def held(self) -> bytes:
        """These bytes."""

    def feed(self, data: bytes) -> list[bytes]:
        """The payloads that `data` completes, in order. FrameError ends the decoder's life."""


class Framing(ABC):
    """A way to cut a byte stream into payloads.

    name: the text that makes it again, in framing_of.
    cuts: whether it says where a message ends; else whoever takes one has to say so.
    """

    name: str
    cuts = True

    @property
    def timing(self) -> Timing:
        """The form of the timing header that fits it."""
        # Most peers send none.
        from lockstep_wire.timing import BinaryTiming

        return BinaryTiming()

    @abstractmethod
    def encode(self, payload: bytes) -> bytes:
        """The frame of a payload. ValueError if this framing cannot carry it."""

    @abstractmethod
    def decoder(self, max_frame: int) -> Decoder:
        """A fresh decoder that refuses payloads of more than `max_frame` bytes."""

    def frame_of(self, payload: bytes) -> bytes | None:
        """Bytes that are one frame with this payload and nothing else, by which a reply is known at sight.

        None where there are none: the payload is no whole reply, or the peer's complaint.
        """
        return self.checked(self.encode(payload), payload)

    def checked(self, frame: bytes, payload: bytes) -> bytes | None:
        """The frame, if a peer that sent it has said this payload, and complained of nothing; else None."""
        decoder = self.decoder(len(frame))
        try:
            payloads = decoder.feed(frame)
        except FrameError:
            return None
        whole = payloads == [payload] and not decoder.pending and self.error_in(payloads[0]) is None
        return frame if whole else None

    def error_in(self, payload: bytes) -> str | None:  # noqa: ARG002 (most know no errors)
        """What the peer complains of in a payload that the decoder gave; None where it does not."""
        return None

    def __repr__(self) -> str:
        return f"<framing {self.name}>"


class RawDecoder:
    """Whatever one receive gives is one payload."""

    pending = False
    held = b""

    @staticmethod
    def feed(data: bytes) -> list[bytes]:
        """See Decoder.feed."""
        return [data] if data else []


class Raw(Framing):
    """No framing: the seed's way, and netcat's. One receive is one payload, so max_frame means nothing."""

    name = "raw"
    cuts = False

    def encode(self, payload: bytes) -> bytes:
        """See Framing.encode."""
        return payload

    def decoder(self, max_frame: int) -> Decoder:  # noqa: ARG002 - nothing is ever held
        """See Framing.decoder."""
        return RawDecoder()

    def frame_of(self, payload: bytes) -> bytes | None:
        """See Framing.frame_of."""
        return payload


FRAMINGS = ("raw", "line", "length")
"""What a Lockstep server speaks."""

# What a name begins with, up to its colon -> the module that makes it. Only what is used is loaded.
_MADE_IN = {
    "raw": "framing",
    **dict.fromkeys(("line", "crlf", "nul", "etx", "mllp", "delimited"), "framings.delimited"),
    "length": "framings.length",
    **dict.fromkeys(("fixed", "varint"), "framings.sizes"),
    "until": "framings.until",
    "resp": "framings.resp",
    "memcached": "framings.memcached",
    "postgresql": "framings.postgresql",
    "mqtt": "framings.mqtt",
}
NAMES = tuple(_MADE_IN)

Maker = Callable[[str], Framing]
"""What stands behind a name's colon, `` if nothing does -> the framing. ValueError: what is wrong with it."""

MAKERS: dict[str, Maker] = {"raw": lambda rest: no_more("raw", rest, Raw())}
"""Of this module; each of the others has such a table of its own."""


def framing_of(given: str | Framing) -> Framing:
    """The framing of that name, as `line`, `length:>H`, `fixed:32`; a framing is itself.

    ValueError, with the remedy, if there is none.
    """
    if isinstance(given, Framing):
        return given
    if not isinstance(given, str):
        raise ValueError(_no_framing(given))
    return _found(given)


@lru_cache(maxsize=256)
def _found(name: str) -> Framing:
    """One of a name for all, so that what is made ready for one of them is for all."""
    head, _, rest = name.partition(":")
    if head not in _MADE_IN:
        from lockstep_wire.choices import did_you_mean

        raise ValueError(f"unknown framing {name!r}; {did_you_mean(head, NAMES)}")
    makers: dict[str, Maker] = import_module(f"lockstep_wire.{_MADE_IN[head]}").MAKERS
    return makers[head](rest)


def no_more(head: str, rest: str, framing: Framing) -> Framing:
    """The framing, if nothing stands behind its name's colon."""
    if rest:
        raise ValueError(f"framing {head}:{rest}: {head} takes nothing more, write {head} alone")
    return framing


def _no_framing(given: object) -> str:
    known = f"write one of {', '.join(map(repr, NAMES))}, or a framing"
    if isinstance(given, type) and issubclass(given, Framing):
        return f"{given.__name__} is a kind of framing: write {given.__name__}()"
    return f"{given!r:.60} is no framing: {known}"
