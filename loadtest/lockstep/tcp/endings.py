"""Where a reply in raw framing ends, which nothing in the stream says by itself. Never sees a socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lockstep.errors import HarnessError
from lockstep.tcp.expect import Prefix, Size, Wanted

if TYPE_CHECKING:
    import re

    from lockstep_wire.framings.until import Until

RawEnd = Callable[[bytes], int | None]
"""Where a reply without an end mark of its own ends: how many of these bytes it is, None if more must come.
A wrong reply ends as soon as it is known to be wrong. Not asked while there are none."""
END_GIVES = "tells how many of the bytes that are there are the reply, and None if more must come"
EMPTY_REPLY = "an empty raw reply never comes: to a message that gets none say send(..., reply=False)"


def whatever(held: bytes) -> int:
    """All that is there: times run to the first bytes of a longer reply."""
    return len(held)


def sized(size: int) -> RawEnd:
    """A reply of `size` bytes. HarnessError where that is not a whole number of bytes, 1 or more."""
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise HarnessError(f"sized({size!r:.40}): give a whole number of bytes, 1 or more")

    def end(held: bytes) -> int | None:
        return size if len(held) >= size else None

    return end


def until(mark: bytes | re.Pattern[bytes], most: int = 1 << 20) -> Until:
    """A reply that ends with these bytes, or with a match of this pattern, which is part of it.

    One that does not within `most` bytes is a MISMATCH. Is a framing too, for replies that all end like
    this. HarnessError where there is no mark.
    """
    from lockstep_wire.framings.until import Until

    try:
        return Until(mark, most)
    except ValueError as error:
        raise HarnessError(str(error)) from error


def expected(reply: bytes, header: int) -> RawEnd:
    """This reply, behind so many bytes that nobody can know beforehand."""
    size = header + len(reply)

    def end(held: bytes) -> int | None:
        if not reply.startswith(held[header:size]):
            return len(held)
        return size if len(held) >= size else None

    return end


def begun(start: bytes) -> RawEnd:
    """All that is there, once it is known whether it begins so."""

    def end(held: bytes) -> int | None:
        return None if len(held) < len(start) and start.startswith(held) else len(held)

    return end


def raw_end(expect: Wanted, end: RawEnd | None, header: int) -> RawEnd:
    """Where a raw reply ends: as `end` says, else where what is expected does, else with what came first.

    header: bytes of a timing header before it. HarnessError where it could never end.
    """
    if end is not None and not callable(end):
        raise HarnessError(f"end={end!r:.40}: give sized(...), until(...), or a function that {END_GIVES}")
    if (expect == b"" or expect == Size(0)) and not header:
        raise HarnessError(EMPTY_REPLY)
    if end is None:
        if isinstance(expect, bytes):
            return expected(expect, header)
        if isinstance(expect, Size):
            end = sized(expect.count) if expect.count else whatever
        else:
            end = begun(expect.start) if isinstance(expect, Prefix) else whatever
    return _behind(header, end) if header else end


def _behind(header: int, end: RawEnd) -> RawEnd:
    def behind(held: bytes) -> int | None:
        size = end(held[header:]) if len(held) > header else None
        return None if size is None else header + size

    return behind
