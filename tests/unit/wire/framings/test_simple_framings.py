"""What the framings without a protocol put on the wire, and what they refuse to."""

from __future__ import annotations

import re

import pytest

from lockstep_wire.framing import FrameTooLong, Malformed, framing_of
from lockstep_wire.framings.delimited import delimited
from lockstep_wire.framings.length import length
from lockstep_wire.framings.own import framed_by
from lockstep_wire.framings.sizes import fixed, varint
from lockstep_wire.framings.until import until
from tests.unit.wire.framings.kinds import TLV, byte_by_byte, feed_all, tlv


@pytest.mark.parametrize(
    ("framing", "payload", "frame"),
    [
        (delimited(b"\r\n"), b"EHLO x", b"EHLO x\r\n"),
        (framing_of("mllp"), b"MSH|", b"\x0bMSH|\x1c\r"),
        (framing_of("etx"), b"hello", b"\x02hello\x03"),
        (framing_of("nul"), b"<a/>", b"<a/>\0"),
        (length(">H"), b"abc", b"\0\3abc"),
        (length("B"), b"abc", b"\3abc"),
        (length("<I"), b"abc", b"\3\0\0\0abc"),
        (length(">3"), b"abc", b"\0\0\3abc"),
        (length("<3"), b"abc", b"\3\0\0abc"),
        (length(">Q"), b"abc", b"\0\0\0\0\0\0\0\3abc"),
        (length(">H", counts="frame"), b"abc", b"\0\5abc"),
        (length(">H", offset=2), b"TYabc", b"TY\0\3abc"),
        (length(">H", counts="frame", offset=2), b"TYabc", b"TY\0\7abc"),
        # PostgreSQL's own: a type, then a length that counts itself.
        (length(">I", offset=1, adds=-4), b"QSELECT 1\0", b"Q\0\0\0\x0dSELECT 1\0"),
        # memcached's binary GET: the length of what stands behind a header of 24 bytes.
        (
            length(">I", offset=8, adds=12),
            b"\x80\0\0\5\0\0\0\0" + bytes(12) + b"Hello",
            b"\x80\0\0\5\0\0\0\0\0\0\0\5" + bytes(12) + b"Hello",
        ),
        (varint(), b"x" * 300, b"\xac\x02" + b"x" * 300),
        (fixed(4), b"PING", b"PING"),
        (until(b"\n"), b"anything", b"anything"),
        (TLV, tlv(1, b"abc"), b"\1\0\3abc"),
    ],
    ids=str,
)
def test_the_frame_of_a_payload(framing: object, payload: bytes, frame: bytes) -> None:
    assert framing_of(framing).encode(payload) == frame  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "payload", "told"),
    [
        ("crlf", b"a\r\nb", "a crlf payload cannot hold a CRLF; use the length framing"),
        (r"delimited:\n\n", b"a\n", r"cannot hold b'\\n\\n'"),
        ("length:B", b"x" * 256, "256 bytes does not fit a one-byte length"),
        ("length:>H,counts=frame", b"x" * 65_534, "does not fit a two-byte length"),
        ("length:>H,offset=4", b"abc", "begins with 4 bytes, this one has 3"),
        ("length:>H,adds=9", b"abc", "3 bytes does not fit"),
        ("fixed:4", b"abc", "fixed:4 payload has 4 bytes, this one has 3"),
    ],
)
def test_what_a_framing_cannot_carry_is_our_own_fault(name: str, payload: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        framing_of(name).encode(payload)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("lines", r"unknown framing 'lines'; did you mean line\?"),
        ("line:x", "line takes nothing more, write line alone"),
        ("length:H", r"length\('H'\): write > \(big-endian\) or <"),
        ("length:>X", r"length\('>X'\): write >"),
        ("length:>H,counts=all", "counts='all'.*'payload' or 'frame'"),
        ("length:>H,offset=-1", "offset=-1.*0 or more"),
        ("length:>H,offset=x", "offset 'x': write a whole number"),
        ("length:>H,ofset=1", r"'ofset' is unknown, did you mean offset\?"),
        ("fixed:0", r"fixed\(0\): give a whole number"),
        ("fixed", "fixed:N, N = '': write a whole number"),
        ("delimited", "give the bytes that a message ends with"),
        (r"delimited:\q\x1", r"write bytes as \\r"),
        (r"delimited:\n,begin=x", r"'begin' is unknown"),
        ("until:", "give the bytes that a reply ends with"),
        ("until:(", "no regular expression"),
        ("until:a*", "give the bytes that a reply ends with"),
        (5, "5 is no framing: write one of 'raw', 'line'"),
    ],
)
def test_what_is_no_framing_is_refused_with_a_remedy(given: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        framing_of(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["text", 5, None, re.compile("text")])
def test_a_mark_is_bytes_or_a_pattern_of_bytes(wrong: object) -> None:
    with pytest.raises(ValueError, match="give bytes"):
        until(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "again"),
    [
        (r"delimited:\r\n", "crlf"),
        (r"delimited:\n", "line"),
        (r"delimited:\x1c\x0d,start=\x0b", "mllp"),
        (r"delimited:a\x2cb", r"delimited:a\x2cb"),
        ("length:>I", "length"),
        ("length:!I", "length"),
        ("length:>B", "length:B"),
        ("length:>H,counts=payload,adds=0", "length:>H"),
        (r"until:(?i)end\r\n", r"until:(?i)end\r\n"),
        (r"until:(?im)^end\r\n", r"until:(?im)^end\r\n"),
    ],
)
def test_one_framing_has_one_name_where_it_is_spelt_in_several_ways(name: str, again: str) -> None:
    assert framing_of(name).name == again


def test_a_pattern_keeps_its_flags_in_its_name() -> None:
    framing = framing_of(until(re.compile(rb"^end\r\n\xff\x00", re.IGNORECASE | re.MULTILINE)).name)
    assert framing.decoder(100).feed(b"a\nEND\r\n\xff\x00b") == [b"a\nEND\r\n\xff\x00"]


def test_a_pattern_ends_a_message_where_it_first_matches() -> None:
    decoder = until(re.compile(rb"OK\r\n|ERR [^\r]*\r\n")).decoder(100)
    assert decoder.feed(b"1\r\n2\r\nOK\r\nERR no\r\nhal") == [b"1\r\n2\r\nOK\r\n", b"ERR no\r\n"]
    assert decoder.held == b"hal"


@pytest.mark.parametrize("pieces", [[b"one\n\ntwo\n\n"], byte_by_byte(b"one\n\ntwo\n\n")])
def test_a_pattern_may_look_ahead_at_what_is_there(pieces: list[bytes]) -> None:
    assert feed_all(until(re.compile(rb"\n\n(?=two)")).decoder(100), pieces) == [b"one\n\n"]


def test_a_mark_longer_than_any_may_be_ends_nothing() -> None:
    decoder = until(re.compile(rb"<[a-z]*>")).decoder(1000)
    stream = b"<" + b"a" * 255 + b">" + b"<b>"
    assert feed_all(decoder, [stream]) == feed_all(
        until(re.compile(rb"<[a-z]*>")).decoder(1000), byte_by_byte(stream)
    )


def test_until_is_also_where_one_raw_reply_ends() -> None:
    end = until(b"\r\n", most=10)
    assert end(b"one\r") is None
    assert end(b"one\r\ntwo") == 5
    with pytest.raises(FrameTooLong, match="the limit is 10"):
        end(b"x" * 11)


def test_a_framing_of_ones_own_may_say_what_is_wrong_and_the_frames_before_it_are_good() -> None:
    with pytest.raises(Malformed, match="a message of type 255") as caught:
        TLV.decoder(100).feed(tlv(1, b"good") + b"\xff rest")
    assert caught.value.before == [tlv(1, b"good")]
    assert caught.value.data == b"\xff rest"


def test_a_framing_of_ones_own_may_put_on_and_take_off_what_belongs_to_the_frame() -> None:
    framing = framed_by(
        lambda held: held.find(b"|") + 1 or None, lambda payload: payload + b"|", lambda frame: frame[:-1]
    )
    assert framing.encode(b"abc") == b"abc|"
    assert framing.decoder(10).feed(b"abc|de|f") == [b"abc", b"de"]


@pytest.mark.parametrize("size", [0, -1, True, "5", 2.0])
def test_a_function_that_says_nonsense_is_our_own_fault(size: object) -> None:
    with pytest.raises(ValueError, match="it tells how many bytes"):
        framed_by(lambda held: size).decoder(100).feed(b"abc")  # type: ignore[arg-type,return-value]


def test_only_a_function_says_where_frames_end() -> None:
    with pytest.raises(ValueError, match="give a function"):
        framed_by(b"\n")  # type: ignore[arg-type]


def test_a_frame_of_ones_own_beyond_the_limit_is_refused_known_or_not() -> None:
    with pytest.raises(FrameTooLong):
        framed_by(lambda held: 101).decoder(100).feed(b"a")
    with pytest.raises(FrameTooLong):
        framed_by(lambda held: None).decoder(100).feed(b"a" * 101)


def test_messages_of_a_size_beyond_the_limit_are_refused_with_their_first_byte() -> None:
    with pytest.raises(FrameTooLong):
        fixed(5).decoder(4).feed(b"1")


def test_delimiters_are_bytes() -> None:
    with pytest.raises(ValueError, match="give bytes"):
        delimited("\n")  # type: ignore[arg-type]
