"""RESP as Redis speaks it: what replies say, and that hiredis, which is Redis's own, reads them alike."""

from __future__ import annotations

import math
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep_wire.framing import FrameTooLong, Malformed
from lockstep_wire.framings.resp import Resp
from tests.unit.wire.framings.kinds import byte_by_byte, feed_all, resp_frame, resp_replies

RESP = Resp()


@pytest.mark.parametrize(
    ("frame", "payload", "value"),
    [
        (b"+OK\r\n", b"+OK", b"OK"),
        (b":-3\r\n", b":-3", -3),
        (b"$3\r\nxxx\r\n", b"xxx", b"xxx"),
        (b"$0\r\n\r\n", b"", b""),
        (b"$-1\r\n", b"$-1", None),
        (b"*-1\r\n", b"*-1", None),
        (b"_\r\n", b"_", None),
        (b"#t\r\n", b"#t", True),
        (b",1.5e3\r\n", b",1.5e3", 1500.0),
        (b"(123456789012345678901\r\n", b"(123456789012345678901", 123456789012345678901),
        (b"=7\r\ntxt:abc\r\n", b"abc", b"abc"),
        (b"*0\r\n", b"*0\r\n", []),
        (b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", [b"a", [1]]),
        (b"%1\r\n+k\r\n$-1\r\n", b"%1\r\n+k\r\n$-1\r\n", {b"k": None}),
        (b"%1\r\n*0\r\n:1\r\n", b"%1\r\n*0\r\n:1\r\n", [[[], 1]]),
        (b"~1\r\n#f\r\n", b"~1\r\n#f\r\n", [False]),
        (b">2\r\n+message\r\n$1\r\na\r\n", b">2\r\n+message\r\n$1\r\na\r\n", [b"message", b"a"]),
        # Attributes stand before what they are of, and are not part of it.
        (b"|1\r\n+ttl\r\n:3\r\n$1\r\na\r\n", b"a", b"a"),
        (b"|1\r\n+ttl\r\n*1\r\n:3\r\n|0\r\n+OK\r\n", b"+OK", b"OK"),
        (b"*1\r\n|1\r\n+a\r\n:1\r\n:2\r\n", b"*1\r\n|1\r\n+a\r\n:1\r\n:2\r\n", [2]),
        (b"*2\r\n-ERR no\r\n!3\r\nBAD\r\n", b"*2\r\n-ERR no\r\n!3\r\nBAD\r\n", ["ERR no", "BAD"]),
    ],
)
def test_what_a_reply_says(frame: bytes, payload: bytes, value: object) -> None:
    for pieces in ([frame], byte_by_byte(frame)):
        [told] = feed_all(RESP.decoder(100), pieces)
        assert told == payload
        assert Resp.value(told) == value
        assert RESP.error_in(told) is None


@pytest.mark.parametrize("frame", [b"-WRONGTYPE not a list\r\n", b"!20\r\nWRONGTYPE not a list\r\n"])
def test_an_error_is_told_in_the_servers_words(frame: bytes) -> None:
    [payload] = RESP.decoder(100).feed(frame)
    assert payload == b"-WRONGTYPE not a list"
    assert RESP.error_in(payload) == "WRONGTYPE not a list"


def test_a_string_that_reads_like_an_error_is_none() -> None:
    [payload] = RESP.decoder(100).feed(Resp.bulk(b"-ERR x"))
    assert payload == b"-ERR x"
    assert RESP.error_in(payload) is None
    assert Resp.value(payload) == b"-ERR x"


@settings(max_examples=200, deadline=None)
@given(payloads=st.lists(resp_replies((b"*", b"~", b">")), max_size=6))
def test_hiredis_reads_the_same_values(payloads: list[bytes]) -> None:
    stream = b"".join(map(resp_frame, payloads))
    reader = hiredis.Reader()
    reader.feed(stream)
    ours = [Resp.value(payload) for payload in RESP.decoder(1 << 20).feed(stream)]
    theirs = [reader.gets() for _ in payloads]
    assert list(map(comparable, ours)) == list(map(comparable, theirs))
    assert reader.gets() is False


def comparable(value: Any) -> Any:
    """hiredis has errors as exceptions, big numbers as text, and pushes as lists of a kind of their own."""
    if isinstance(value, hiredis.ReplyError):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return "nan"
    if isinstance(value, bytes) and value.lstrip(b"+-").isdigit():
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        value = [item for pair in value.items() for item in pair]
    return list(map(comparable, value)) if isinstance(value, list) else value


@given(words=st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_a_command_is_what_hiredis_would_send(words: list[bytes]) -> None:
    packed: Any = hiredis.pack_command
    assert Resp.command(*words) == packed(tuple(words))
    assert RESP.encode(Resp.command(*words)) == Resp.command(*words)


def test_a_command_takes_text_and_numbers_and_one_line_is_a_command_too() -> None:
    assert Resp.command("SET", "k", 5) == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\n5\r\n"
    assert RESP.encode(b"PING") == b"PING\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Resp.command(),
        lambda: Resp.command(None),  # type: ignore[arg-type]
        lambda: RESP.encode(b" "),
    ],
)
def test_what_is_no_command_is_our_own_fault(wrong: Any) -> None:
    with pytest.raises(ValueError, match="give"):
        wrong()


def test_what_is_expected_is_known_at_sight_but_not_where_it_is_an_error() -> None:
    assert RESP.frame_of(b"+OK") == b"+OK\r\n"
    assert RESP.frame_of(b"xxx") == b"$3\r\nxxx\r\n"
    assert RESP.frame_of(b"") == b"$0\r\n\r\n"
    assert RESP.frame_of(b"*1\r\n:1\r\n") == b"*1\r\n:1\r\n"
    assert RESP.frame_of(b"$-1") == b"$-1\r\n"
    assert RESP.frame_of(b"-ERR") != b"-ERR\r\n"


@pytest.mark.parametrize(
    "stream",
    [
        b"*1000000000\r\n",
        b"*30\r\n",
        b"%20\r\n",
        b"*2\r\n$90\r\n",
        b"+" + b"x" * 100 + b"\r\n",
        b"$101\r\n",
        b"*34\r\n" + b"_\r\n" * 34,
    ],
)
def test_a_reply_that_announces_more_than_the_limit_is_refused_at_once(stream: bytes) -> None:
    for pieces in ([stream], byte_by_byte(stream)):
        with pytest.raises(FrameTooLong):
            feed_all(RESP.decoder(100 if stream[:2] != b"*3" and stream[:1] not in b"%" else 60), pieces)


def test_a_reply_of_just_the_limit_is_fine() -> None:
    for frame in (b"+" + b"x" * 99 + b"\r\n", Resp.bulk(b"x" * 100), b"*1\r\n$89\r\n" + b"x" * 89 + b"\r\n"):
        for pieces in ([frame], byte_by_byte(frame)):
            [payload] = feed_all(RESP.decoder(100), pieces)
            assert len(payload) == 100


def test_what_is_nested_without_end_is_cut_like_any_other_but_means_nothing() -> None:
    frame = b"*1\r\n" * 10_000 + b":1\r\n"
    [payload] = RESP.decoder(1 << 20).feed(frame)
    assert payload == frame
    with pytest.raises(Malformed, match="nested more than 100 deep"):
        Resp.value(payload)
