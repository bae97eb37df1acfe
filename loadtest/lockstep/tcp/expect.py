"""What a reply is to be: exact bytes, or whatever can be asked of them. Never sees a socket.

Exact bytes are the short way: what must come over the socket is then known before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lockstep.errors import HarnessError
from lockstep.tcp.samples import SHOWN_BYTES

Judge = Callable[[bytes], str | bool | None]
"""What is wrong with a payload, in words; None or True where nothing is, False where no words are needed."""
Expect = bytes | bytearray | memoryview | re.Pattern[bytes] | Judge
"""What may be expected: see `TcpClient.request`."""
Wanted = bytes | Judge | None
"""The same once it is known to make sense; None takes anything."""

WRONG_REPLY = "the reply is not what was expected"
KINDS = (
    "give bytes, a pattern of bytes (re.compile(rb'...')), prefix(b'...'), size(n), or a function that takes "
    "the payload and returns what is wrong with it, or None"
)


def as_bytes(what: str, value: object) -> bytes:
    """A payload, or what is to come back; HarnessError where it is not bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    remedy = "put b before the quotes, or add .encode()" if isinstance(value, str) else "give bytes"
    raise HarnessError(f"{what} is {type(value).__name__} ({value!r:.40}), not bytes: {remedy}")


@dataclass(frozen=True, slots=True)
class Prefix:
    """A reply that begins with these bytes."""

    start: bytes

    def __call__(self, payload: bytes) -> str | None:
        """See Judge."""
        right = payload.startswith(self.start)
        return None if right else f"the reply does not begin with {shown(self.start)}"


@dataclass(frozen=True, slots=True)
class Size:
    """A reply of so many bytes."""

    count: int

    def __call__(self, payload: bytes) -> str | None:
        """See Judge."""
        return None if len(payload) == self.count else f"the reply has {len(payload)} bytes, not {self.count}"


@dataclass(frozen=True, slots=True)
class _Found:
    pattern: re.Pattern[bytes]

    def __call__(self, payload: bytes) -> str | None:
        if self.pattern.search(payload):
            return None
        return f"nothing in the reply matches {shown(self.pattern.pattern)}"


def prefix(start: bytes) -> Prefix:
    """For `expect=`: any reply that begins with these bytes. HarnessError where there are none."""
    start = as_bytes("what prefix() is given", start)
    if not start:
        raise HarnessError("prefix(b''): give the bytes that a reply begins with")
    return Prefix(start)


def size(count: int) -> Size:
    """For `expect=`: any reply of so many bytes. HarnessError where that is not a whole number of bytes."""
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise HarnessError(f"size({count!r:.40}): give a whole number of bytes")
    return Size(count)


def wanted(expect: object) -> Wanted:
    """What is expected, as it is asked of a payload. HarnessError where that is nothing of the kind."""
    if expect is None or isinstance(expect, bytes):
        return expect
    if isinstance(expect, re.Pattern):
        if isinstance(expect.pattern, bytes):
            return _Found(expect)
        raise HarnessError(f"the pattern {expect.pattern!r:.40} is of text: write re.compile(rb'...')")
    if isinstance(expect, str | bytearray | memoryview):
        return as_bytes("what is expected", expect)
    if callable(expect):
        return expect
    raise HarnessError(f"expect={expect!r:.40} is {type(expect).__name__}: {KINDS}")


def what_is_wrong(payload: bytes, expect: Wanted) -> str | None:
    """In words; None where the payload is as expected. HarnessError where a function of the user's own says
    neither."""
    if expect is None or payload == expect:
        return None
    if isinstance(expect, bytes):
        return WRONG_REPLY
    said = expect(payload)
    if said is None or said is True:
        return None
    if said is False:
        return WRONG_REPLY
    if isinstance(said, str):
        return said or WRONG_REPLY
    raise HarnessError(f"the function given as `expect` says {said!r:.40}: {KINDS}")


def shown(data: bytes) -> str:
    """How bytes are called in a sentence."""
    return repr(data if len(data) <= SHOWN_BYTES else data[:SHOWN_BYTES] + b"...")
