"""Is it the reply that was hoped for? A glance, for the one that nearly always comes, and a closer look."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from lockstep.tcp.failures import with_bytes
from lockstep.tcp.meters import ABSENT
from lockstep.tcp.samples import ANSWERED, Outcome
from lockstep_wire.errors import HeaderMissing
from lockstep_wire.framing import Framing
from lockstep_wire.timing import Timing

NO_TIMING = "the reply has no timing header: is the server's --timing on?"
WRONG_REPLY = "the reply is not what was expected"
# What an int64 holds; the header's field is unsigned.
_LONGEST_NS = (1 << 63) - 1
# Signed, though the header is not: what no clock can have counted then shows as less than nothing.
_TIMED_FRAME = struct.Struct(">Iqq")
_TIMED_RAW = struct.Struct(">qq")


Glance = Callable[[bytes, bytes], tuple[int, int] | None]
"""Looks at what one receive brought: is it, whole and alone, the Message.reply that is hoped for?

Wait and service time (ABSENT where the server does not tell) if so. None says only that a closer look is
needed.
"""


class Inspected(NamedTuple):
    """What a reply turned out to be. payload: without header. wait_ns, service_ns: None where not told."""

    outcome: Outcome
    detail: str
    payload: bytes
    wait_ns: int | None
    service_ns: int | None


def inspect(payload: bytes, expect: bytes | None, timing: Timing | None) -> Inspected:
    """A whole reply's payload, header included; timing: the form of its header, None where there is none.

    expect: what must follow the header; None takes anything.
    """
    wait_ns = service_ns = None
    if timing is not None:
        try:
            wait_ns, service_ns, payload = timing.unpack(payload)
        except HeaderMissing:
            return Inspected(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, None, None)
        if max(wait_ns, service_ns) > _LONGEST_NS:
            return Inspected(Outcome.MISMATCH, with_bytes(NO_TIMING, payload), payload, wait_ns, service_ns)
    if expect is not None and payload != expect:
        return Inspected(Outcome.MISMATCH, with_bytes(WRONG_REPLY, payload), payload, wait_ns, service_ns)
    return Inspected(ANSWERED, "", payload, wait_ns, service_ns)


def get_glance(framing: Framing, timing: bool) -> Glance:
    """The glance that suits a target. Replies with a header in text have none: all get a closer look."""
    if not timing:
        return _plain
    return {"length": _timed_frame, "raw": _timed_raw}.get(framing.name, _never)


def _plain(data: bytes, reply: bytes) -> tuple[int, int] | None:
    return (ABSENT, ABSENT) if data == reply else None


def _timed_frame(data: bytes, reply: bytes) -> tuple[int, int] | None:
    if len(data) != _TIMED_FRAME.size + len(reply) or data[_TIMED_FRAME.size :] != reply:
        return None
    length, wait_ns, service_ns = _TIMED_FRAME.unpack_from(data)
    whole = length == _TIMED_RAW.size + len(reply) and wait_ns | service_ns >= 0
    return (wait_ns, service_ns) if whole else None


def _timed_raw(data: bytes, reply: bytes) -> tuple[int, int] | None:
    if len(data) != _TIMED_RAW.size + len(reply) or data[_TIMED_RAW.size :] != reply:
        return None
    wait_ns, service_ns = _TIMED_RAW.unpack_from(data)
    return (wait_ns, service_ns) if wait_ns | service_ns >= 0 else None


def _never(_data: bytes, _reply: bytes) -> tuple[int, int] | None:
    return None
