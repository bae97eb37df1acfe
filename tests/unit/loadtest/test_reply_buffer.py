"""Bytes that came in, replies that go out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.connection.reply_buffer import reply_buffer
from wire.errors import FrameTooLong
from wire.framing import FRAMINGS, get_framing

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40).filter(lambda data: b"\n" not in data), max_size=6)


@pytest.mark.parametrize("framing", FRAMINGS)
@given(payloads=PAYLOADS, cut=st.integers(1, 50))
def test_replies_come_out_whole_and_in_order_however_the_bytes_were_cut(
    framing: str, payloads: list[bytes], cut: int
) -> None:
    wire = get_framing(framing)
    stream = b"".join(map(wire.encode, payloads))
    buffer = reply_buffer(wire, 100)
    for start in range(0, len(stream), cut):
        buffer.feed(stream[start : start + cut])
    assert [buffer.take(len(payload)) for payload in payloads] == payloads
    assert buffer.empty
    assert buffer.take(1) is None


@pytest.mark.parametrize("framing", FRAMINGS)
def test_an_unfinished_reply_is_not_there_yet_but_the_buffer_is_not_empty(framing: str) -> None:
    wire = get_framing(framing)
    buffer = reply_buffer(wire, 100)
    buffer.feed(wire.encode(b"reply")[:-1])
    assert buffer.take(5) is None
    assert not buffer.empty


def test_without_a_size_a_raw_reply_is_all_that_is_there() -> None:
    buffer = reply_buffer(get_framing("raw"), 100)
    assert buffer.take(None) is None
    buffer.feed(b"one")
    buffer.feed(b"two")
    assert buffer.take(None) == b"onetwo"
    assert buffer.empty


@pytest.mark.parametrize("framing", ["line", "length"])
def test_a_reply_beyond_the_limit_is_the_peers_fault(framing: str) -> None:
    wire = get_framing(framing)
    buffer = reply_buffer(wire, 10)
    with pytest.raises(FrameTooLong):
        buffer.feed(wire.encode(b"x" * 11))
