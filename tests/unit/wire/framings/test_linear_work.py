"""How often a byte is looked at does not grow with the frame: counted, for a peer that sends single bytes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, SupportsIndex

import pytest

from lockstep_wire.framing import framing_of
from lockstep_wire.framings.delimited import DelimitedDecoder
from lockstep_wire.framings.mqtt import Mqtt
from lockstep_wire.framings.own import framed_by
from lockstep_wire.framings.postgresql import PostgreSQL
from lockstep_wire.framings.resp import Resp
from lockstep_wire.framings.stepwise import StepwiseDecoder
from lockstep_wire.framings.until import UntilDecoder
from tests.unit.wire.framings.kinds import byte_by_byte, feed_all

LIMIT = 1 << 20


class Watched(bytearray):
    """Counts the bytes that are searched or copied."""

    looked_at = 0

    def find(self, what: Any, start: Any = 0, end: Any = None) -> int:
        end = len(self) if end is None else end
        found = super().find(what, start, end)
        self.looked_at += (end if found < 0 else found) - start
        return found

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        self.looked_at += len(found) if isinstance(found, bytearray) else 1
        return found


class WatchedMark:
    """A pattern that counts the bytes it is shown."""

    def __init__(self, pattern: bytes) -> None:
        self._pattern = re.compile(pattern)
        self.looked_at = 0

    def search(self, held: bytes, start: int = 0, end: int | None = None) -> re.Match[bytes] | None:
        end = len(held) if end is None else end
        self.looked_at += end - start
        return self._pattern.search(held, start, end)


STREAMS: dict[str, Callable[[int], bytes]] = {
    "length": lambda size: framing_of("length").encode(b"x" * size),
    "varint": lambda size: framing_of("varint").encode(b"x" * size),
    "fixed:20000": lambda size: b"x" * size,
    "resp": lambda size: b"*%d\r\n" % (size // 20) + Resp.bulk(b"x" * 10) * (size // 20),
    "resp, one string": lambda size: Resp.bulk(b"x" * size),
    "memcached": lambda size: b"VALUE k 0 9\r\n123456789\r\n" * (size // 20) + b"END\r\n",
    "memcached, one line": lambda size: b"x" * size + b"\r\n",
    "postgresql": lambda size: (
        PostgreSQL.message("D", b"x" * 5) * (size // 10) + PostgreSQL.message("Z", b"I")
    ),
    "postgresql, one error": lambda size: (
        PostgreSQL.message("E", b"x" * size) + PostgreSQL.message("Z", b"I")
    ),
    "mqtt": lambda size: Mqtt.publish("t", b"x" * size),
}


@pytest.mark.parametrize("name", STREAMS)
def test_a_frame_that_comes_byte_by_byte_is_looked_at_a_few_times(name: str) -> None:
    assert looks_for_a_byte(name, 20_000) <= 8


def looks_for_a_byte(name: str, size: int) -> float:
    """How often each byte of the stream is looked at, on average."""
    decoder: Any = framing_of(name.partition(",")[0]).decoder(LIMIT)
    assert isinstance(decoder, StepwiseDecoder)
    stream = STREAMS[name](size)
    watched = Watched()
    decoder._held = watched
    assert feed_all(decoder, byte_by_byte(stream))
    return watched.looked_at / len(stream)


def test_a_regular_expression_sees_a_byte_as_often_as_its_longest_mark_allows() -> None:
    mark: Any = WatchedMark(rb"END\r\n")
    decoder = UntilDecoder(mark, LIMIT)
    stream = b"END\r" * 5_000 + b"END\r\n"
    assert feed_all(decoder, byte_by_byte(stream)) == [stream]
    assert mark.looked_at / len(stream) <= 260


def test_many_small_frames_in_one_piece_are_not_shown_with_all_that_follows() -> None:
    shown = 0

    def ends(held: bytes) -> int | None:
        nonlocal shown
        shown += len(held)
        return held.find(b"\n") + 1 or None

    frame = b"x" * 300 + b"\n"
    payloads = framed_by(ends).decoder(LIMIT).feed(frame * 1000)
    assert payloads == [frame] * 1000
    assert shown / (len(frame) * 1000) <= 4


def test_a_line_that_comes_byte_by_byte_is_joined_once() -> None:
    decoder = DelimitedDecoder(b"\r\n", b"", LIMIT)
    for byte in byte_by_byte(b"\rx" * 10_000):
        decoder.feed(byte)
        assert len(decoder._tail) <= 1
    assert feed_all(decoder, [b"\r", b"\n"]) == [b"\rx" * 10_000]
