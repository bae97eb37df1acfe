"""Conversations: what a client is told to do, and what a server does to it, with every byte of it.

Nothing of Lockstep is imported here, nor by the random server: framings are spelt anew. A request's payload
says what it is, `iiLLLLLL...`: the message's index and the payload's length, so that a server finds it in any
framing, whatever went wrong before.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

FRAMINGS = ("raw", "line", "length")
MAX_FRAME, MAX_FRAME_BIG = 4096, 1 << 20
PATIENT_S, IMPATIENT_S = 6.0, 0.04
MS = 1_000_000
_HEAD_BYTES = 8


@dataclass(frozen=True, slots=True)
class Step:
    """What a server does after_ns later than its last step.

    end: how it then leaves: `fin` (says no more, but listens), `close` (deaf at once) or `reset`; "" to stay.
    """

    after_ns: int
    data: bytes = b""
    end: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One message. right: the payload that answers it. checked: whether the client knows that.

    times: wait and service time before the payload, None where the server does not tell. kind: the name of
    what the server does. steps: that, once it has the whole request. impatient: it is not worth waiting for.
    """

    index: int
    payload: bytes
    right: bytes
    checked: bool
    replied: bool
    times: tuple[int, int] | None
    kind: str
    steps: tuple[Step, ...]
    impatient: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A conversation. ops: what the client does, (verb, index of a message or milliseconds).

    greets: what the server does as soon as it is connected to. max_frame: the client's limit.
    """

    number: int
    framing: str
    timing: bool
    asked: tuple[Asked, ...]
    ops: tuple[tuple[str, int], ...]
    greets: tuple[Step, ...]
    max_frame: int


def encode(framing: str, payload: bytes) -> bytes:
    """A payload's frame."""
    if framing == "line":
        return payload + b"\n"
    return struct.pack(">I", len(payload)) + payload if framing == "length" else payload


def header(framing: str, times: tuple[int, int] | None) -> bytes:
    """The timing header, if any."""
    if times is None:
        return b""
    pair = struct.pack(">QQ", *times)
    return pair.hex().encode() if framing == "line" else pair


def right_frame(case: Case, asked: Asked) -> bytes:
    """Every byte of the right answer."""
    return encode(case.framing, header(case.framing, asked.times) + asked.right)


def request_frame(case: Case, asked: Asked) -> bytes:
    """Every byte of the request."""
    return encode(case.framing, asked.payload)


def next_request(framing: str, held: bytearray) -> int | None:
    """Take the request off the front of what a server has received: its index, None if it is not whole."""
    skip = 4 if framing == "length" else 0
    if len(held) < skip + _HEAD_BYTES:
        return None
    index, size = int(held[skip : skip + 2]), int(held[skip + 2 : skip + _HEAD_BYTES])
    whole = skip + size + (framing == "line")
    if len(held) < whole:
        return None
    del held[:whole]
    return index
