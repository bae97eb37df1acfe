"""Messages made ready before they are sent, and the reply that each is to get."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import NamedTuple

from loadtest.meters import ABSENT
from wire.framing import Framing

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

# A ring of so many messages is made ready, or as few as fit this many bytes: neighbours always differ.
_RING = 256
_RING_BYTES = 1 << 20

# Signed, though the header is not: what no clock can have counted then shows as less than nothing.
_TIMED_FRAME = struct.Struct(">Iqq")
_TIMED_RAW = struct.Struct(">qq")


class Message(NamedTuple):
    """payload and its frame; expect: the reply's payload, None if unchecked.

    reply: what must come over the socket, but for a timing header; None where that cannot be said beforehand.
    """

    payload: bytes
    frame: bytes
    expect: bytes | None
    reply: bytes | None


Glance = Callable[[bytes, bytes], tuple[int, int] | None]
"""Looks at what one receive brought: is it, whole and alone, the Message.reply that is hoped for?

Wait and service time (ABSENT where the server does not tell) if so. None says only that a closer look is
needed.
"""


def prepare(framing: Framing, payload: bytes, expect: bytes | None, timing: bool) -> Message:
    """A message ready to be sent. ValueError where the framing cannot carry the payload."""
    reply = None
    if expect is not None:
        # With a timing header the glance finds the payload behind it.
        reply = expect if timing else framing.encode(expect)
    return Message(payload, framing.encode(payload), expect, reply)


def get_glance(framing: Framing, timing: bool) -> Glance:
    """The glance that suits a target. Replies with a header in text have none: all get a closer look."""
    if not timing:
        return _plain
    return {"length": _timed_frame, "raw": _timed_raw}.get(framing.name, _never)


def message_ring(
    framing: Framing, size: int, expect: bytes | None, *, echo: bool, timing: bool
) -> tuple[Message, ...]:
    """Messages of `size` bytes to be sent round and round.

    Each differs from its neighbours, so that a reply to another message shows. echo: each expects its own
    payload; else all expect `expect`.
    """
    length = max(2, min(_RING, _RING_BYTES // size))
    return tuple(
        prepare(framing, payload, payload if echo else expect, timing)
        for payload in islice(payloads(size), length)
    )


def payloads(size: int) -> Iterator[bytes]:
    """Endless printable payloads of `size` bytes that differ from one to the next."""
    filler = (_ALPHABET * (size // len(_ALPHABET) + 1))[:size]
    for number in count():
        head = b"%08x" % (number & 0xFFFFFFFF)
        yield (head[-size:] if size < len(head) else head + filler[len(head) :])


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
