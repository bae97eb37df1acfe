"""Why a step failed: the outcome that a socket's error stands for, and what a person reads beside it."""

from __future__ import annotations

import errno
import math
import re

from greenlet import GreenletExit

from lockstep.errors import HarnessError
from lockstep.tcp.samples import Outcome

# Faults of this machine, not of the server: no outcome may be booked for them.
_OWN_FAULTS = {
    errno.EMFILE: "too many open files in this process: raise `ulimit -n` or use fewer users",
    errno.ENFILE: "too many open files on this machine: raise fs.file-max or use fewer users",
    errno.EADDRNOTAVAIL: "no local port is left for this target: use fewer users, or wait out TIME_WAIT",
}
SHOWN_BYTES = 64
_BYTES = re.compile(": b['\"].*", re.DOTALL)
NO_CONNECTION = "no connection"
AFTER_ABORT = "abort() was called: connect() again"
CLOSED_UNANSWERED = "closed before the reply came; to a message that gets none say send(..., reply=False)"
LOST_WITH_IT = "lost with the connection, which was given up at an earlier message"

OVERDUE = (
    "no reply was fetched within {timeout_s:g} s; to a message that gets none say send(..., reply=False)"
)
STOPPED = "stopped in flight"
BROKEN_OFF = "broken off by {kind}, which its user had set"
# What ends a user, or its process, wherever it is. Anything else that strikes it is its own doing.
ENDS_A_USER = (GreenletExit, KeyboardInterrupt, SystemExit)
UNASKED = "bytes that nobody asked for"
UNFINISHED = "nothing more within {timeout_s:g} s after"
TOO_LATE = "nothing within {timeout_s:g} s"
CUT_SHORT = "the peer closed before the reply was whole"
STAYED_OPEN = "the peer did not close within {timeout_s:g} s"
NOTHING_SENT = "receive() without a message sent: call send() or request() first"

STILL_IN_FLIGHT = (
    "request() while earlier messages have no reply yet: call receive() for each of them first; to a message "
    "that gets none say send(..., reply=False)"
)
HAS_AN_END = "`end` is for raw framing: in {framing} framing every reply has an end of its own"
EMPTY_REPLY = "an empty raw reply never comes: to a message that gets none say send(..., reply=False)"


def no_such_source(source: str, error: OSError) -> HarnessError:
    """What to raise where a local address to connect from cannot be had."""
    return HarnessError(
        f"cannot connect from --source {source} ({error.strerror}): give addresses of the worker's machine"
    )


def outcome_of(error: OSError) -> Outcome:
    """The outcome a socket error stands for; HarnessError where the fault is this machine's own."""
    if error.errno in _OWN_FAULTS:
        raise HarnessError(_OWN_FAULTS[error.errno]) from error
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError) or error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Outcome.REFUSED
    return Outcome.RESET


class CutShortError(Exception):
    """The peer closed while a reply was due."""


def with_bytes(reason: str, data: bytes) -> str:
    """A reason and the bytes that it is about: the first 64, escaped, and how many there are if more."""
    if not data:
        return reason
    head = repr(bytes(data[:SHOWN_BYTES]))
    more = f"... ({len(data):,} bytes)" if len(data) > SHOWN_BYTES else ""
    return f"{reason}: {head}{more}"


def without_bytes(detail: str) -> str:
    """What `with_bytes` made, without the bytes: so all failures for one reason look alike."""
    return _BYTES.sub(", as others", detail)


def explain(error: OSError, too_late: str, bound_s: float | None) -> tuple[Outcome, str]:
    """Outcome and reason. too_late: in what words a deadline was missed, of bound_s seconds.

    HarnessError where the fault is this machine's own.
    """
    outcome = outcome_of(error)
    # The system has a bound of its own on connecting, whatever ours is.
    if outcome is Outcome.TIMEOUT and bound_s is not None:
        return outcome, too_late.format(timeout_s=bound_s)
    return outcome, error.strerror or str(error)


def as_bytes(what: str, value: object) -> bytes:
    """A payload, or what is to come back; HarnessError where it is not bytes."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    remedy = "put b before the quotes, or add .encode()" if isinstance(value, str) else "give bytes"
    raise HarnessError(f"{what} is {type(value).__name__} ({value!r:.40}), not bytes: {remedy}")


def check_bound(what: str, value: object) -> None:
    """HarnessError where a bound in seconds is neither a positive number nor None."""
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[arg-type, operator]
        raise HarnessError(f"{what} = {value!r:.40}: give a positive number of seconds, or None for no bound")
