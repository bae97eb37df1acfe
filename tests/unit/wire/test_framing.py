"""Any cut of a byte stream gives the same messages, and bad frames are told from bad use."""

from __future__ import annotations

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_wire.framing import FRAMINGS, Decoder, FrameTooLong, PeerError, framing_of

LINES = st.lists(st.binary(max_size=40).map(lambda payload: payload.replace(b"\n", b"\r")), max_size=12)
PAYLOADS = st.lists(st.binary(max_size=40), max_size=12)


def feed_cut(decoder: Decoder, stream: bytes, cuts: list[int]) -> list[bytes]:
    """Feed the stream in the pieces that the cuts make."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(places)]
    return feed_all(decoder, pieces)


def feed_all(decoder: Decoder, pieces: list[bytes]) -> list[bytes]:
    return [payload for piece in pieces for payload in decoder.feed(piece)]


@given(payloads=LINES, cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_lines_are_the_same_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    line = framing_of("line")
    decoder = line.decoder(40)
    assert feed_cut(decoder, b"".join(map(line.encode, payloads)), cuts) == payloads
    assert not decoder.pending


@given(payloads=PAYLOADS, cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_length_frames_are_the_same_however_the_stream_is_cut(payloads: list[bytes], cuts: list[int]) -> None:
    length = framing_of("length")
    decoder = length.decoder(40)
    assert feed_cut(decoder, b"".join(map(length.encode, payloads)), cuts) == payloads
    assert not decoder.pending


@given(payloads=PAYLOADS, unfinished=st.binary(min_size=1, max_size=40), left=st.integers(1, 1000))
def test_an_unfinished_frame_is_pending_and_disturbs_no_other(
    payloads: list[bytes], unfinished: bytes, left: int
) -> None:
    length = framing_of("length")
    decoder = length.decoder(40)
    frame = length.encode(unfinished)
    cut = left % (len(frame) - 1) + 1
    assert decoder.feed(b"".join(map(length.encode, payloads)) + frame[:cut]) == payloads
    assert decoder.pending
    assert decoder.feed(frame[cut:]) == [unfinished]
    assert not decoder.pending


@pytest.mark.parametrize("name", ["line", "length"])
def test_a_frame_may_come_a_byte_at_a_time(name: str) -> None:
    framing = framing_of(name)
    decoder = framing.decoder(2**20)
    payload = bytes(range(11, 256)) * 400
    fed = [decoder.feed(bytes([byte])) for byte in framing.encode(payload)]
    assert fed[-1] == [payload]
    assert not any(fed[:-1])


def test_raw_gives_every_receive_as_one_payload_and_never_waits_for_more() -> None:
    decoder = framing_of("raw").decoder(1)
    assert decoder.feed(b"one") == [b"one"]
    assert decoder.feed("半".encode()[:2]) == ["半".encode()[:2]]
    assert decoder.feed(b"") == []
    assert not decoder.pending


def test_a_carriage_return_belongs_to_the_line() -> None:
    assert framing_of("line").decoder(10).feed(b"a\r\n\nb") == [b"a\r", b""]


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("line", [b"12345"]),
        ("line", [b"12345\n"]),
        ("line", [b"123", b"45"]),
        ("line", [b"ok\n12345"]),
        ("line", [b"123", b"4", b"5\n"]),
        ("length", [b"\0\0\0\x05"]),
        ("length", [b"\0\0\0\x0512345"]),
        ("length", [b"\0\0", b"\0\x05"]),
        ("length", [b"\0\0\0\x02ok\0\0\0\x05"]),
        ("length", [b"\xff\xff\xff\xff"]),
    ],
)
def test_a_frame_beyond_the_limit_is_the_peers_fault(name: str, pieces: list[bytes]) -> None:
    decoder = framing_of(name).decoder(4)
    with pytest.raises(FrameTooLong, match="the limit is 4") as caught:
        feed_all(decoder, pieces)
    assert isinstance(caught.value, PeerError)
    assert caught.value.limit == 4
    assert caught.value.size > 4


@pytest.mark.parametrize("name", FRAMINGS)
def test_a_frame_of_just_the_limit_is_fine(name: str) -> None:
    framing = framing_of(name)
    assert framing.decoder(4).feed(framing.encode(b"1234")) == [b"1234"]


def test_a_newline_in_a_line_payload_is_our_own_fault() -> None:
    with pytest.raises(ValueError, match="newline"):
        framing_of("line").encode(b"two\nlines")


def test_a_payload_that_no_length_can_express_is_our_own_fault() -> None:
    class Enormous(bytes):
        def __len__(self) -> int:
            return 2**32

    with pytest.raises(ValueError, match="four-byte length"):
        framing_of("length").encode(Enormous())


def test_the_length_comes_first_in_four_bytes_big_endian() -> None:
    assert framing_of("length").encode(b"x" * 258) == struct.pack(">I", 258) + b"x" * 258


def test_an_unknown_framing_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="unknown framing 'tlv'; choose from raw, line, crlf"):
        framing_of("tlv")
