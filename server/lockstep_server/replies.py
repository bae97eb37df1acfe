"""What a message is answered with."""

from __future__ import annotations

from collections.abc import Callable

from lockstep_wire.framing import Framing
from lockstep_wire.greeting import ACKNOWLEDGEMENT

Reply = Callable[[bytes, int, int], bytes]
"""The frame that answers a payload, given its wait and service time in nanoseconds."""


def _acknowledge(_: bytes) -> bytes:
    return ACKNOWLEDGEMENT


def _echo(payload: bytes) -> bytes:
    return payload


REPLIES: dict[str, Callable[[bytes], bytes]] = {"ack": _acknowledge, "echo": _echo}
NO_REPLY = "none"
"""What is said where nothing is: messages are worked on, and counted as answered by no bytes."""


def get_reply(name: str, framing: Framing, timing: bool) -> Reply:
    """The reply of that name in that framing, with the timing header or without."""
    if name == NO_REPLY:
        return lambda _payload, _wait_ns, _service_ns: b""
    answer, encode, pack = REPLIES[name], framing.encode, framing.timing.pack

    def timed(payload: bytes, wait_ns: int, service_ns: int) -> bytes:
        return encode(pack(wait_ns, service_ns) + answer(payload))

    def plain(payload: bytes, _wait_ns: int, _service_ns: int) -> bytes:
        return encode(answer(payload))

    return timed if timing else plain


def get_constant_reply(name: str, framing: Framing, timing: bool) -> bytes | None:
    """The whole frame where the reply never varies, else None."""
    if name == NO_REPLY:
        return b""
    return framing.encode(ACKNOWLEDGEMENT) if name == "ack" and not timing else None
