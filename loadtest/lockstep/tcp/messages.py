"""Messages made ready before they are sent, and the reply that each is to get."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import NamedTuple

from lockstep_wire.framing import Framing

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

# A ring of so many messages is made ready, or as few as fit this many bytes: neighbours always differ.
_RING = 256
_RING_BYTES = 1 << 20


class Message(NamedTuple):
    """payload and its frame; expect: the reply's payload, None if unchecked.

    reply: what must come over the socket, but for a timing header; None where that cannot be said beforehand.
    distinct: whether the reply to the message before it looks otherwise, so that it cannot pass for this one.
    """

    payload: bytes
    frame: bytes
    expect: bytes | None
    reply: bytes | None
    distinct: bool = False


def prepare(
    framing: Framing, payload: bytes, expect: bytes | None, timing: bool, distinct: bool = False
) -> Message:
    """A message ready to be sent. ValueError where the framing cannot carry the payload."""
    reply = None
    if expect is not None:
        # With a timing header the glance finds the payload behind it.
        reply = expect if timing else framing.encode(expect)
    return Message(payload, framing.encode(payload), expect, reply, distinct)


def message_ring(
    framing: Framing, size: int, expect: bytes | None, *, echo: bool, timing: bool
) -> tuple[Message, ...]:
    """Messages of `size` bytes to be sent round and round.

    Each differs from its neighbours, so that a reply to another message shows. echo: each expects its own
    payload; else all expect `expect`.
    """
    length = max(2, min(_RING, _RING_BYTES // size))
    return tuple(
        prepare(framing, payload, payload if echo else expect, timing, distinct=echo)
        for payload in islice(payloads(size), length)
    )


def payloads(size: int) -> Iterator[bytes]:
    """Endless printable payloads of `size` bytes that differ from one to the next."""
    filler = (_ALPHABET * (size // len(_ALPHABET) + 1))[:size]
    for number in count():
        head = b"%08x" % (number & 0xFFFFFFFF)
        yield (head[-size:] if size < len(head) else head + filler[len(head) :])
