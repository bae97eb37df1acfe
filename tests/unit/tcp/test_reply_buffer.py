"""Bytes that came in, replies that go out."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.tcp.replies import expected, reply_buffer, sized, until, whatever
from lockstep_wire.framing import FRAMINGS, FrameTooLong, framing_of

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data), max_size=6)


@pytest.mark.parametrize("framing", FRAMINGS)
@given(payloads=PAYLOADS, cut=st.integers(1, 50))
def test_replies_come_out_whole_and_in_order_however_the_bytes_were_cut(
    framing: str, payloads: list[bytes], cut: int
) -> None:
    wire = framing_of(framing)
    stream = b"".join(map(wire.encode, payloads))
    buffer = reply_buffer(wire, 100)
    for start in range(0, len(stream), cut):
        buffer.feed(stream[start : start + cut])
    assert [buffer.take(expected(payload, 0)) for payload in payloads] == payloads
    assert buffer.empty
    assert buffer.take(whatever) is None


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_unfinished_reply_is_not_there_yet_but_the_buffer_is_not_empty(framing: str) -> None:
    wire = framing_of(framing)
    buffer = reply_buffer(wire, 100)
    buffer.feed(wire.encode(b"reply")[:-1])
    assert buffer.take(expected(b"reply", 0)) is None
    assert not buffer.empty


def test_without_an_end_a_raw_reply_is_all_that_is_there() -> None:
    buffer = reply_buffer(framing_of("raw"), 100)
    assert buffer.take(whatever) is None
    buffer.feed(b"one")
    buffer.feed(b"two")
    assert buffer.take(whatever) == b"onetwo"
    assert buffer.empty


@pytest.mark.parametrize("framing", ["line", "length"])
def test_a_reply_beyond_the_limit_is_the_peers_fault(framing: str) -> None:
    wire = framing_of(framing)
    buffer = reply_buffer(wire, 10)
    buffer.feed(wire.encode(b"x" * 11))
    assert not buffer.empty
    with pytest.raises(FrameTooLong):
        buffer.take(whatever)


@pytest.mark.parametrize("framing", ["line", "length"])
def test_whole_replies_before_one_beyond_the_limit_are_still_good(framing: str) -> None:
    wire = framing_of(framing)
    buffer = reply_buffer(wire, 10)
    buffer.feed(wire.encode(b"good") + wire.encode(b"x" * 11))
    assert buffer.take(whatever) == b"good"
    with pytest.raises(FrameTooLong) as caught:
        buffer.take(whatever)
    assert b"x" * 11 in caught.value.data


def raw(*pieces: bytes) -> Any:
    buffer = reply_buffer(framing_of("raw"), 100)
    for piece in pieces:
        buffer.feed(piece)
    return buffer


@pytest.mark.parametrize(
    ("held", "reply"),
    [
        (b"po", None),
        (b"pong", b"pong"),
        (b"pong+", b"pong"),
        (b"-E", b"-E"),
        (b"pox and more", b"pox and more"),
    ],
)
def test_a_raw_reply_ends_where_the_expected_one_does_or_as_soon_as_it_is_wrong(
    held: bytes, reply: bytes | None
) -> None:
    assert raw(held).take(expected(b"pong", 0)) == reply


def test_an_expected_raw_reply_may_stand_behind_a_header_of_any_bytes() -> None:
    assert raw(b"\xff\x00").take(expected(b"pong", 2)) is None
    assert raw(b"\xff\x00po").take(expected(b"pong", 2)) is None
    assert raw(b"\xff\x00pong").take(expected(b"pong", 2)) == b"\xff\x00pong"


def test_a_raw_reply_may_have_a_size_or_a_mark_at_its_end() -> None:
    assert raw(b"12").take(sized(3)) is None
    assert raw(b"12", b"34").take(sized(3)) == b"123"
    assert raw(b"one\r").take(until(b"\r\n", 10)) is None
    assert raw(b"one\r", b"\ntwo").take(until(b"\r\n", 10)) == b"one\r\n"
    with pytest.raises(FrameTooLong):
        raw(b"x" * 11).take(until(b"\r\n", 10))
