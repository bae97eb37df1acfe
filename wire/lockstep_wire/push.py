"""What a server says unasked, and when it was due: so that who takes it knows how long it was on its way."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_WORD = b"push"


@lru_cache(maxsize=1)
def clock_name() -> bytes:
    """Which monotonic clock this machine reads, in 8 bytes: two that are alike compare. `-` if unknown."""
    try:
        return _BOOT_ID.read_bytes()[:8]
    except OSError:
        return b"-"


def push_payload(number: int, due_ns: int) -> bytes:
    """What is pushed at a tick. number: which tick. due_ns: when, in monotonic ns of this machine."""
    return b"%s %d %d %s" % (_WORD, number, due_ns, clock_name())


def pushed_ns(payload: bytes) -> int | None:
    """When it was due, by a clock that this machine reads too; None where it does not say."""
    words = payload.split(b" ", 4)
    if len(words) < 4 or words[0] != _WORD or words[3] != clock_name() or words[3] == b"-":
        return None
    return int(words[2]) if words[2].isdigit() and len(words[2]) < 20 else None
