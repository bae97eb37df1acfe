"""Every framing, with payloads that it can carry, streams that it cannot, and how it is fed."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import strategies as st

from lockstep_wire.framing import Decoder, Framing, framing_of
from lockstep_wire.framings.own import framed_by
from lockstep_wire.framings.until import until
from lockstep_wire.peer import Malformed

LIMIT = 1 << 12

Payloads = st.SearchStrategy[bytes]


@dataclass(frozen=True)
class Kind:
    """payloads: such that decoding their frames gives them again. long: bytes of a payload over LIMIT.

    malformed: streams that cannot be frames.
    """

    framing: Framing
    payloads: Payloads
    long: bytes = b"x" * (LIMIT + 1)
    malformed: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return self.framing.name


def without(end: bytes) -> Payloads:
    """Bytes in which an end does not occur, nor at their seam with it; many of them look like it."""
    some = st.lists(st.sampled_from([end[:1], end[-1:], b"a", b"\xff", b""]) | st.binary(max_size=9))
    return some.map(b"".join).filter(lambda data: (data + end).find(end) == len(data))


def of_size(smallest: int, largest: int = 300) -> Payloads:
    return st.binary(min_size=smallest, max_size=largest)


def tlv_end(held: bytes) -> int | None:
    """A type, a length of two bytes, a value: somebody's own."""
    if held and held[0] > 0xF0:
        raise Malformed(f"a message of type {held[0]}")
    return None if len(held) < 3 else 3 + int.from_bytes(held[1:3], "big")


TLV = framed_by(tlv_end)


def tlv(kind: int, value: bytes) -> bytes:
    return bytes([kind]) + len(value).to_bytes(2, "big") + value


KINDS = [
    *(
        Kind(framing_of(name), without(end))
        for name, end in (("line", b"\n"), ("crlf", b"\r\n"), ("nul", b"\0"))
    ),
    Kind(framing_of(r"delimited:\n\n"), without(b"\n\n")),
    Kind(framing_of("mllp"), without(b"\x1c\r"), malformed=(b"MSH", b"\x0bA\x1c\rB", b"\x0b\x1c\r\x1c\r")),
    Kind(framing_of(r"delimited:--\r\n,start=++"), without(b"--\r\n"), malformed=(b"+-", b"++--\r\n+a")),
    *(
        Kind(framing_of(name), of_size(0))
        for name in ("length", "length:<I", "length:>3", "length:<3", "length:>Q")
    ),
    Kind(framing_of("length:>H"), of_size(0), long=b""),
    Kind(framing_of("length:B"), of_size(0, 255), long=b""),
    Kind(framing_of("length:>I,counts=frame"), of_size(0), malformed=(b"\0\0\0\3", b"\0\0\0\4\0\0\0\0")),
    Kind(framing_of("length:<3,counts=frame,offset=2,adds=-1"), of_size(2), malformed=(b"ab\1\0\0",)),
    Kind(framing_of("length:>I,offset=8,adds=12"), of_size(20)),
    Kind(framing_of("length:>I,offset=1,adds=-4"), of_size(1), malformed=(b"Q\0\0\0\3",)),
    Kind(framing_of("fixed:32"), of_size(32, 32), long=b""),
    Kind(framing_of("varint"), of_size(0), malformed=(b"\xff" * 10, b"\1a" + b"\x80" * 12)),
    Kind(until(re.compile(rb"[!?]+\r?\n")), st.from_regex(re.compile(rb"[a-z\xf0\n]*!\n"), fullmatch=True)),
    Kind(until(re.compile(rb"^end\n|(?<!!)\n\n")), st.just(b"end\n") | st.just(b"x!\n\ny\n\n")),
    Kind(until(b"END\r\n"), without(b"END\r\n").map(lambda data: data + b"END\r\n")),
    Kind(TLV, st.builds(tlv, st.integers(0, 9), of_size(0)), long=b"", malformed=(b"\xff", b"\0\0\1a\xff")),
]


def feed_all(decoder: Decoder, pieces: Iterable[bytes]) -> list[bytes]:
    return [payload for piece in pieces for payload in decoder.feed(piece)]


def pieces_of(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The stream in the pieces that the cuts make, wherever they would be beyond its end too."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(places)]


def byte_by_byte(stream: bytes) -> list[bytes]:
    return [stream[at : at + 1] for at in range(len(stream))]
