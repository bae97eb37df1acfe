"""What holds for every framing: a cut changes nothing, and what is no frame is the peer's fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep_wire.framing import NAMES, FrameError, FrameTooLong, Malformed, framing_of
from tests.unit.wire.framings.kinds import KINDS, LIMIT, Kind, byte_by_byte, feed_all, pieces_of

every_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
with_a_name = pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind.framing.name != "framed_by:tlv_end"], ids=str
)
CUTS = st.lists(st.integers(0, 1 << 20), max_size=20)


@every_kind
@settings(max_examples=40, deadline=None)
@given(data=st.data(), cuts=CUTS)
def test_any_cut_of_a_stream_gives_the_same_payloads(kind: Kind, data: Any, cuts: list[int]) -> None:
    payloads = data.draw(st.lists(kind.payloads, max_size=8))
    stream = kind.stream(payloads)
    for pieces in (pieces_of(stream, cuts), byte_by_byte(stream), [stream]):
        decoder = kind.framing.decoder(LIMIT)
        assert feed_all(decoder, pieces) == payloads
        assert not decoder.pending
        assert decoder.held == b""


@every_kind
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_stream_may_be_cut_in_two_at_every_byte(kind: Kind, data: Any) -> None:
    payloads = data.draw(st.lists(kind.payloads, min_size=1, max_size=3))
    stream = kind.stream(payloads)
    for at in range(len(stream) + 1):
        assert feed_all(kind.framing.decoder(LIMIT), [stream[:at], stream[at:]]) == payloads


@every_kind
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_payload_comes_with_its_last_byte_and_until_then_its_bytes_are_held(kind: Kind, data: Any) -> None:
    payload = data.draw(kind.payloads)
    frame = kind.stream([payload])
    decoder = kind.framing.decoder(LIMIT)
    for at, byte in enumerate(byte_by_byte(frame[:-1]), start=1):
        assert decoder.feed(byte) == []
        assert decoder.pending
        assert decoder.held == frame[:at]
    assert decoder.feed(frame[-1:]) == [payload]


@every_kind
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_frame_that_is_known_at_sight_is_the_one_that_a_peer_sends(kind: Kind, data: Any) -> None:
    frame = kind.stream([data.draw(kind.payloads)])
    [payload] = kind.framing.decoder(LIMIT).feed(frame)
    complained = kind.framing.error_in(payload) is not None
    assert (kind.framing.frame_of(bytes(payload)) == frame) is not complained


@every_kind
@settings(max_examples=50, deadline=None)
@given(stream=st.binary(max_size=400), cuts=CUTS)
def test_garbage_is_payloads_or_the_peers_fault_and_the_same_however_it_is_cut(
    kind: Kind, stream: bytes, cuts: list[int]
) -> None:
    assert (
        told_by(kind, pieces_of(stream, cuts))
        == told_by(kind, byte_by_byte(stream))
        == told_by(kind, [stream])
    )


@every_kind
@settings(max_examples=40, deadline=None)
@given(data=st.data(), cuts=CUTS, at=st.integers(0, 1 << 20), byte=st.integers(0, 255))
def test_so_is_a_stream_with_one_wrong_byte(
    kind: Kind, data: Any, cuts: list[int], at: int, byte: int
) -> None:
    stream = bytearray(kind.stream(data.draw(st.lists(kind.payloads, min_size=1, max_size=4))))
    if stream:
        stream[at % len(stream)] = byte
    wrong = bytes(stream)
    assert (
        told_by(kind, pieces_of(wrong, cuts)) == told_by(kind, byte_by_byte(wrong)) == told_by(kind, [wrong])
    )


def told_by(kind: Kind, pieces: list[bytes]) -> tuple[list[bytes], str]:
    """The payloads of such a stream, and how the peer's mistake is called that ended it."""
    decoder = kind.framing.decoder(LIMIT)
    payloads: list[bytes] = []
    for piece in pieces:
        try:
            payloads += decoder.feed(piece)
        except FrameError as error:
            return payloads + shown(error, pieces), type(error).__name__
    return payloads, ""


def shown(error: FrameError, pieces: list[bytes]) -> list[bytes]:
    """The payloads before a mistake, of which at least the first bytes are told."""
    assert error.data
    assert error.data[:64] in b"".join(pieces)
    return list(error.before)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.long], ids=str)
@pytest.mark.parametrize("size", [1, 2, 1000, 1 << 14])
def test_a_payload_beyond_the_limit_is_refused_however_it_is_cut(kind: Kind, size: int) -> None:
    stream = kind.stream([kind.long, kind.long])
    decoder = kind.framing.decoder(LIMIT)
    with pytest.raises(FrameTooLong, match=f"the limit is {LIMIT}") as caught:
        feed_all(decoder, [stream[at : at + size] for at in range(0, len(stream), size)])
    assert caught.value.size > LIMIT
    assert stream.find(caught.value.data[:64]) >= 0


@pytest.mark.parametrize(
    ("kind", "stream"), [(kind, stream) for kind in KINDS for stream in kind.malformed], ids=str
)
def test_what_cannot_be_a_frame_is_named_with_its_first_bytes(kind: Kind, stream: bytes) -> None:
    for pieces in ([stream], byte_by_byte(stream)):
        with pytest.raises(Malformed) as caught:
            feed_all(kind.framing.decoder(LIMIT), pieces)
        assert caught.value.data
        assert stream.find(caught.value.data) >= 0
        assert str(caught.value)


@with_a_name
def test_a_name_makes_the_same_framing_again(kind: Kind) -> None:
    again = framing_of(kind.framing.name)
    assert type(again) is type(kind.framing)
    assert again.name == kind.framing.name
    assert repr(again) == f"<framing {kind.framing.name}>"
    # What is made ready for one user of a name is ready for all.
    assert framing_of(again) is again is framing_of(kind.framing.name)


def test_every_family_of_names_is_among_those_that_are_tested() -> None:
    tested = {kind.framing.name.partition(":")[0] for kind in KINDS}
    assert set(NAMES) - tested == {"raw", "etx"}
