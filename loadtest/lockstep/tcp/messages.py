"""Messages made ready: framed, named, and with what must come back. Never sees a socket."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import count, islice
from typing import Any, NamedTuple

from lockstep.errors import HarnessError
from lockstep.tcp.expect import Wanted, as_bytes, wanted
from lockstep.tcp.names import UNCHECKED, tag_of
from lockstep.tcp.replies import complains
from lockstep.tcp.samples import ANSWERED, Reply
from lockstep_wire.framing import Framing

_ALPHABET = b"abcdefghijklmnopqrstuvwxyz"

# A ring of so many messages is made ready, or as few as fit this many bytes: neighbours always differ.
_RING = 256
_RING_BYTES = 1 << 20


class Message(NamedTuple):
    """A message made ready to be sent, and what its reply is to be.

    payload: and its frame, in bytes. expect: the reply's payload, or what is asked of it; None if unchecked.
    reply: what must come over the socket, but for a timing header; None where that cannot be said beforehand.
    distinct: whether the reply to the message before it looks otherwise, so that it cannot pass for this one.
    tag: what its row carries, see names.py. answer: what whoever asks is told of a right reply, without
    times; None where `reply` is.
    """

    payload: bytes
    frame: bytes
    expect: Wanted
    reply: bytes | None
    distinct: bool = False
    tag: int = UNCHECKED
    answer: Reply | None = None


def prepare(
    framing: Framing,
    payload: bytes,
    expect: Wanted,
    timing: bool,
    distinct: bool = False,
    name: str | None = None,
) -> Message:
    """A message ready to be sent. ValueError where the framing cannot carry the payload."""
    reply = answer = None
    if isinstance(expect, bytes):
        # With a timing header the fast check finds the payload behind it.
        reply = expect if timing else framing.frame_of(expect) or None
        answer = None if reply is None else Reply(ANSWERED, expect)
    checked = expect is not None or complains(framing)
    tag = tag_of(name, checked=checked)
    return Message(payload, framing.encode(payload), expect, reply, distinct, tag, answer)


class Prepared(dict[tuple[object, object, str | None], Message]):
    """Messages of one framing by payload, expectation and name, made ready once and kept while they are few.

    Whoever sends the same again and again pays for framing and checking it once.
    """

    def __init__(self, framing: Framing, timing: bool) -> None:
        super().__init__()
        self._framing, self._timing = framing, timing
        self._bytes = 0

    def __missing__(self, key: tuple[object, object, str | None]) -> Message:
        """HarnessError where the framing cannot carry it, or what is expected makes no sense."""
        message = self[key] = self._make(*key)
        self._bytes += len(message.frame) + len(message.reply or b"")
        if len(self) > _RING or self._bytes > _RING_BYTES:
            self.clear()
            self._bytes = 0
        return message

    def ready(self, payload: object, expect: object, name: str | None) -> Message:
        """The same, also of what cannot be a key: a bytearray, or a callable object of some kinds."""
        try:
            return self[payload, expect, name]
        except TypeError:
            return self._make(payload, expect, name)

    def _make(self, payload: object, expect: object, name: str | None) -> Message:
        data = as_bytes("the payload", payload)
        try:
            return prepare(self._framing, data, wanted(expect), self._timing, name=name)
        except ValueError as error:
            raise HarnessError(str(error)) from error


def prepared_for(framing: Framing, timing: bool) -> Prepared:
    """What all connections of a process with this framing have in common."""
    key: Any = framing
    try:
        return _shared(key, timing)
    except TypeError:
        # A user's own, which has no hash: each connection has one for itself.
        return Prepared(framing, timing)


@lru_cache(maxsize=64)
def _shared(framing: Any, timing: bool) -> Prepared:
    return Prepared(framing, timing)


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
