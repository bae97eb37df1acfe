"""Messages that are made ready: exact sizes, each unlike its neighbours, and a ring that fits in memory."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from lockstep.tcp.many import message_ring, payloads
from lockstep.tcp.messages import prepare
from lockstep.tcp.replies import timed_check_of
from lockstep_wire.framing import FRAMINGS, framing_of


@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 34, 64, 1000, 1 << 20])
def test_payloads_have_the_exact_size_no_newline_and_differ_from_one_to_the_next(size: int) -> None:
    some = list(islice(payloads(size), 5))
    assert {len(payload) for payload in some} == {size}
    assert not any(b"\n" in payload for payload in some)
    assert all(payload.decode("ascii").isprintable() for payload in some)
    assert len(set(some)) == len(some)


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [1, 64, 5000, 1 << 20])
def test_neighbours_in_a_ring_differ_and_it_stays_small(framing: str, size: int) -> None:
    ring = message_ring(framing_of(framing), size, None, echo=True, timing=False)
    assert all(one.payload != other.payload for one, other in pairwise((*ring, ring[0])))
    assert {len(message.payload) for message in ring} == {size}
    assert 2 <= len(ring) <= 256
    assert len(ring) == 2 or sum(len(message.payload) for message in ring) <= 1 << 20
    for message in ring:
        assert message.frame == framing_of(framing).encode(message.payload)
        assert message.expect == message.payload
        assert message.reply == message.frame


@pytest.mark.parametrize(("expect", "reply"), [(b"thanks", b"thanks\n"), (None, None)])
def test_what_all_are_answered_with_is_the_same_for_all(expect: bytes | None, reply: bytes | None) -> None:
    ring = message_ring(framing_of("line"), 16, expect, echo=False, timing=False)
    assert {(message.expect, message.reply) for message in ring} == {(expect, reply)}


def test_a_payload_that_the_framing_cannot_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="newline"):
        prepare(framing_of("line"), b"two\nlines", None, timing=False)


@pytest.mark.parametrize("framing", FRAMINGS)
def test_nothing_but_the_whole_reply_passes_the_check_of_what_tells_times(framing: str) -> None:
    wire = framing_of(framing)
    message = prepare(wire, b"ping", b"ping", timing=True)
    assert message.reply is not None
    check = timed_check_of(wire)
    data = wire.encode(wire.timing.pack(5, 6) + b"ping")
    assert check(data, message.reply) == (None if framing == "line" else (5, 6))
    assert not any(check(data[:size], message.reply) for size in range(len(data)))
    for place in range(len(data)):
        # Times may be anything: only the frame and the payload are known beforehand.
        if wire.timing.size and _in_header(framing, place):
            continue
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        assert check(changed, message.reply) is None, place
    assert check(data + b"!", message.reply) is None


def _in_header(framing: str, place: int) -> bool:
    first = 4 if framing == "length" else 0
    return first <= place < first + framing_of(framing).timing.size
