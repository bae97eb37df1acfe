"""The reply header says the same at both ends, and a reply without one is told from a reply with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep_wire.framing import FRAMINGS, framing_of
from lockstep_wire.timing import HeaderMissing

DURATION_NS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("name", FRAMINGS)
@given(wait_ns=DURATION_NS, service_ns=DURATION_NS, body=st.binary(max_size=20))
def test_the_header_comes_back_as_it_went(name: str, wait_ns: int, service_ns: int, body: bytes) -> None:
    timing = framing_of(name).timing
    header = timing.pack(wait_ns, service_ns)
    assert len(header) == timing.size
    assert timing.unpack(header + body) == (wait_ns, service_ns, body)


def test_the_binary_header_is_sixteen_bytes_wait_first() -> None:
    assert framing_of("length").timing.pack(1, 2) == b"\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"


@given(wait_ns=DURATION_NS, service_ns=DURATION_NS)
def test_a_line_can_carry_any_header(wait_ns: int, service_ns: int) -> None:
    line = framing_of("line")
    frame = line.encode(line.timing.pack(wait_ns, service_ns))
    assert line.decoder(100).feed(frame) == [frame[:-1]]


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("raw", b""),
        ("length", b"x" * 15),
        ("line", b"0" * 31),
        ("line", b"z" * 32),
        ("line", b"\xff" * 32),
        ("line", b" " * 16 + b"0" * 16),
    ],
)
def test_a_reply_without_its_header_is_the_peers_fault(name: str, payload: bytes) -> None:
    with pytest.raises(HeaderMissing):
        framing_of(name).timing.unpack(payload)
