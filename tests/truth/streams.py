"""The bytes that a server said on one connection, and the replies that can be read in them."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.truth.account import ConnectionLog
from tests.truth.cases import Asked, Case, right_frame

# One segment on loopback is received in one piece, if it is no longer than this.
_ONE_SEGMENT = 32_000
_MOST_NS = 2**63 - 1


@dataclass(slots=True)
class Stream:
    """What a server said on one connection. edges: (first byte, behind the last, before, after)."""

    data: bytes
    edges: list[tuple[int, int, int, int]]

    @classmethod
    def of(cls, log: ConnectionLog) -> Stream:
        edges, at = [], 0
        for before_ns, after_ns, data in log.said:
            edges.append((at, at + len(data), before_ns, after_ns))
            at += len(data)
        return cls(b"".join(data for _, _, data in log.said), edges)

    def sent_at(self, position: int) -> tuple[int, int]:
        """Just before and just after the byte there was sent."""
        _, _, before_ns, after_ns = self._edge(position)
        return before_ns, after_ns

    def together(self, one: int, other: int) -> bool:
        """Whether both bytes came in one receive, for certain."""
        first, last, _, _ = self._edge(one)
        return first <= other < last and last - first <= _ONE_SEGMENT

    def _edge(self, position: int) -> tuple[int, int, int, int]:
        return next(edge for edge in self.edges if edge[0] <= position < edge[1])


def header_bytes(case: Case) -> int:
    """How long a timing header is."""
    return 0 if not case.timing else 32 if case.framing == "line" else 16


def _length(rest: bytes) -> int:
    """What the first four bytes say."""
    return int.from_bytes(rest[:4], "big")


def frame_at(
    case: Case, data: bytes, position: int, asked: Asked, size: int | None
) -> tuple[int, tuple[int, int] | None, bytes] | None:
    """The whole reply there: its end, the times in its header, its payload. None where it is not whole.

    size: of a raw reply of which nobody knows what it should be.
    """
    rest = data[position:]
    header = header_bytes(case)
    if case.framing == "line":
        if b"\n" not in rest:
            return None
        body, end = rest[: rest.index(b"\n")], position + rest.index(b"\n") + 1
    elif case.framing == "length":
        size = 4 + _length(rest)
        if len(rest) < max(4, size):
            return None
        body, end = rest[4:size], position + size
    else:
        wanted = header + len(asked.right) if size is None else size
        if not wanted or len(rest) < wanted:
            return None
        body, end = rest[:wanted], position + wanted
    if not header:
        return end, None, body
    times = _times(case.framing, body[:header])
    return None if times is None else (end, times, body[header:])


def _times(framing: str, header: bytes) -> tuple[int, int] | None:
    """What a timing header says; None where it is none."""
    try:
        binary = bytes.fromhex(header.decode("ascii")) if framing == "line" else header
        wait_ns, service_ns = struct.unpack(">QQ", binary)
    except (ValueError, struct.error):
        return None
    return (wait_ns, service_ns) if max(wait_ns, service_ns) <= _MOST_NS else None


def wrong_at(case: Case, asked: Asked, rest: bytes) -> int | None:
    """At which byte `rest` leaves what a good reply could be; None where it does not."""
    if not rest:
        return None
    header = header_bytes(case)
    limit = case.max_frame + header
    frame = frame_at(case, rest, 0, asked, None)
    whole = _whole_end(case, rest, frame)
    if asked.checked:
        right = right_frame(case, asked)
        skip = range(*(((4, 20) if case.framing == "length" else (0, header)) if header else (0, 0)))
        for at, (is_, should) in enumerate(zip(rest, right, strict=False)):
            if is_ != should and at not in skip:
                return at
    if case.framing == "length" and len(rest) >= 4 and _length(rest) > limit:
        return 3
    if case.framing == "line" and b"\n" not in rest[: limit + 1] and len(rest) > limit:
        return limit
    if whole is not None and frame is None and header:
        return whole - 1
    if asked.checked and frame is not None and frame[2] != asked.right:
        return frame[0] - 1
    return None


def known_at(case: Case, asked: Asked, rest: bytes) -> int | None:
    """At which byte a client has to know that; a frame is looked at when it is whole."""
    wrong = wrong_at(case, asked, rest)
    if wrong is None or case.framing == "raw" or wrong == case.max_frame + header_bytes(case):
        return wrong
    if case.framing == "length" and len(rest) >= 4 and _length(rest) > case.max_frame + header_bytes(case):
        return 3
    end = _whole_end(case, rest, None)
    return None if end is None else end - 1


def _whole_end(case: Case, rest: bytes, frame: tuple[int, object, bytes] | None) -> int | None:
    """Where the first frame ends, whatever is in it."""
    if frame is not None:
        return frame[0]
    if case.framing == "line":
        return rest.index(b"\n") + 1 if b"\n" in rest else None
    if case.framing == "length":
        whole = 4 + _length(rest) if len(rest) >= 4 else None
        return whole if whole is not None and whole <= len(rest) else None
    header = 16 if case.timing else 0
    if len(rest) < header or not header or _times("raw", rest[:header]) is not None:
        return None  # it may go on
    return len(rest)


def nothing_to_show(case: Case, heard: bytes) -> bool:
    """Whether it may be an empty payload that was wrong, or nothing at all."""
    header = header_bytes(case)
    if case.framing == "line":
        return any(len(line) <= header for line in heard.split(b"\n")[:-1])
    if case.framing == "length":
        return struct.pack(">I", header) in heard
    return not heard
