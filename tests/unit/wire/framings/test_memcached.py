"""memcached's text protocol: a reply of one line, of several, with values in between."""

from __future__ import annotations

import pytest

from lockstep_wire.framing import FrameTooLong, Malformed
from lockstep_wire.framings.memcached import Memcached
from tests.unit.wire.framings.kinds import byte_by_byte, feed_all

MEMCACHED = Memcached()


@pytest.mark.parametrize(
    "reply",
    [
        b"STORED",
        b"NOT_FOUND",
        b"END",
        b"17",
        b"VERSION 1.6.18",
        b"VALUE k 0 3\r\nxxx\r\nEND",
        b"VALUE k 0 5 123\r\nEND\r\n\r\nEND",
        b"VALUE a 0 0\r\n\r\nVALUE b 1 2\r\n\r\n\r\nEND",
        b"STAT pid 1\r\nSTAT uptime 5\r\nEND",
        b"HD",
        b"EN",
        b"VA 2 f0\r\n\r\n",
    ],
)
def test_a_reply_is_whole_with_its_last_line_and_comes_without_that_lines_end(reply: bytes) -> None:
    stream = reply + b"\r\nSTORED\r\n"
    for pieces in ([stream], byte_by_byte(stream)):
        payloads = feed_all(MEMCACHED.decoder(100), pieces)
        assert payloads == [reply, b"STORED"]
    assert MEMCACHED.error_in(reply) is None
    assert MEMCACHED.frame_of(reply) == reply + b"\r\n"


@pytest.mark.parametrize(
    "reply", [b"ERROR", b"CLIENT_ERROR bad data chunk", b"SERVER_ERROR out of memory storing object"]
)
def test_errors_are_told_in_the_servers_words(reply: bytes) -> None:
    [payload] = MEMCACHED.decoder(100).feed(reply + b"\r\n")
    assert MEMCACHED.error_in(payload) == reply.decode()
    assert MEMCACHED.frame_of(payload) is None


def test_half_a_reply_is_never_known_at_sight() -> None:
    assert MEMCACHED.frame_of(b"VALUE k 0 3\r\nxxx") is None


def test_values_are_found_by_their_keys() -> None:
    payload = b"VALUE a 0 5\r\nEND\r\n\r\nVALUE b 1 0 77\r\n\r\nEND"
    assert Memcached.values(payload) == {b"a": b"END\r\n", b"b": b""}
    assert Memcached.values(b"END") == {}


def test_commands() -> None:
    encode = MEMCACHED.encode
    assert encode(Memcached.get("k", b"l")) == b"get k l\r\n"
    assert encode(Memcached.set("k", "\r\n", expires=5)) == b"set k 0 5 2\r\n\r\n\r\n"
    assert encode(Memcached.set("k", "")) == b"set k 0 0 0\r\n\r\n"
    assert encode(Memcached.delete("k")) == b"delete k\r\n"
    with pytest.raises(ValueError, match="ends with a CRLF: leave it out"):
        encode(b"get k\r\n")


@pytest.mark.parametrize(
    "stream",
    [
        b"VALUE k 0 101\r\n",
        b"x" * 102,
        b"STAT a 1\r\n" * 11,
        b"VALUE k 0 80\r\n" + b"x" * 80 + b"\r\nEND!!!!\r\n",
    ],
)
def test_a_reply_beyond_the_limit_is_refused_however_it_is_cut(stream: bytes) -> None:
    for pieces in ([stream], byte_by_byte(stream)):
        with pytest.raises(FrameTooLong):
            feed_all(MEMCACHED.decoder(100), pieces)


def test_another_servers_answer_is_no_reply() -> None:
    with pytest.raises(Malformed, match="does not say how long its value is"):
        MEMCACHED.decoder(100).feed(b"VALUE k zero\r\n")
