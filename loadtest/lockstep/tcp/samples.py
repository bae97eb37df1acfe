"""What a client reports of its work, and to whom: the seam between a connection and everything that counts.

Answered steps are plain numbers, because there are a hundred thousand a second of them; what failed is rare,
and a whole Sample. A failed request is data, never an exception: its Outcome says how it ended.
"""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from greenlet import GreenletExit

from lockstep.errors import HarnessError

if TYPE_CHECKING:
    from lockstep.runs.connections import ClientView

logger = logging.getLogger(__name__)

# Each has a histogram of a quarter of a megabyte in every worker.
MOST_NAMES = 100
OTHERS = "(other names)"
UNNAMED: Final = ""

# In a row's tag: nobody looked at the reply, which may have said anything.
UNCHECKED = 1
_NAME_SHIFT = 1

_names: list[str] = [UNNAMED]
_numbers: dict[str, int] = {UNNAMED: 0}

# Faults of this machine, not of the server: no outcome may be booked for them.
_OWN_FAULTS = {
    errno.EMFILE: "too many open files in this process: raise `ulimit -n` or use fewer users",
    errno.ENFILE: "too many open files on this machine: raise fs.file-max or use fewer users",
    errno.EADDRNOTAVAIL: "no local port is left for this target: use fewer users, or wait out TIME_WAIT",
}
# Beside a refusal; the last three are those of a unix socket's path.
_NOBODY_THERE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOENT, errno.EACCES, errno.ENOTDIR})
# What ends a user, or its process, wherever it is. Anything else that strikes it is its own doing.
_ENDS_A_USER = (GreenletExit, KeyboardInterrupt, SystemExit)
SHOWN_BYTES = 64
_BYTES = re.compile(": b['\"].*", re.DOTALL)
# Why a step failed, in words: the Sample's detail.
NO_CONNECTION = "no connection"
STOPPED = "stopped in flight"
ABORTED_BY_USER = "abort() was called before it was over"
UNASKED = "bytes that nobody asked for"
TOO_LATE = "nothing within {timeout_s:g} s"
NO_HANDSHAKE = "the TLS handshake had no answer within {timeout_s:g} s"
BROKEN_OFF = "broken off by {kind}, which its user had set"
LOST_WITH_IT = "lost with the connection, which was given up at an earlier message"


class Phase(StrEnum):
    """A step that is timed on its own. Values are the names users see."""

    CONNECT = "connect"
    HANDSHAKE = "handshake"
    """of TLS, over a connection that is there already"""
    FIRST_REPLY = "first_reply"
    MESSAGE = "message"
    SEND = "send"
    """a message that gets no reply: over when the system has taken all of it"""
    RECEIVE = "receive"
    """what the peer says unasked: from when somebody waited for it until it was whole"""
    FAN_OUT = "fan_out"
    """what was pushed, from when it was due at the server to its arrival here, where it says so"""
    CLOSE = "close"
    SESSION = "session"
    SCHEDULE_DELAY = "schedule_delay"
    """how late the generator began an iteration: no step of the connection's, and not the server's doing"""


class Outcome(StrEnum):
    """How a step ended. Every message that was sent has exactly one of these."""

    ANSWERED = "answered"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    SHORT = "short"
    MISMATCH = "mismatch"
    ERROR = "error"
    """the peer answered, and in its own words it was an error: the connection goes on"""
    ABORTED = "aborted"


# Looking a member up by its class costs a tenth of a microsecond before Python 3.12: too dear for every
# message.
ANSWERED = Outcome.ANSWERED


@dataclass(frozen=True, slots=True)
class Sample:
    """One finished step. Times are monotonic nanoseconds of this machine; absent is None, never 0.

    start_ns: when the step began (for a message: just before its first byte was written).
    end_ns: when it was over (for a message: its last byte was read, or it failed).
    wait_ns, service_ns: what the server said of this message, where it says so.
    sent_bytes, received_bytes: payload and framing, as they crossed the socket.
    detail: a short reason where the outcome is not `answered`.
    stopped: whether it ended because whoever used the connection was ended from outside.
    name: what the message is called, "" where it has no name. reply: what whoever sent it is told.
    """

    phase: Phase
    outcome: Outcome
    start_ns: int
    end_ns: int
    wait_ns: int | None = None
    service_ns: int | None = None
    sent_bytes: int = 0
    received_bytes: int = 0
    detail: str = ""
    stopped: bool = False
    name: str = UNNAMED
    reply: Reply | None = None

    @property
    def elapsed_ns(self) -> int:
        """From start to end, in nanoseconds."""
        return self.end_ns - self.start_ns


class Reply(NamedTuple):
    """How one message ended; true if it was answered as expected.

    payload is None unless bytes came; wait_ns and service_ns are None where the server does not tell.
    payloads: those of its frames, where several are the reply; payload is all of them, one after another.
    """

    outcome: Outcome
    payload: bytes | None = None
    wait_ns: int | None = None
    service_ns: int | None = None
    payloads: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return self.outcome is Outcome.ANSWERED


# Stands for None among plain numbers: no time and no duration is negative.
ABSENT = -1


MessageRow = tuple[int, int, int, int, int, int, int, int]
"""An answered message: due_ns, sent_ns, end_ns, wait_ns, service_ns, sent_bytes, received_bytes, tag.

due_ns: when it should have been sent, ABSENT where nobody said. wait_ns, service_ns: as the server told, or
ABSENT. Bytes as they crossed the socket. tag: what the message is called, and whether its reply was checked:
see tag_of.
"""


class Meter(Protocol):
    """Takes what a client did. All times are monotonic nanoseconds of this machine."""

    @property
    def wants_connections(self) -> bool:
        """Whether `connection` wants another one."""

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """A step other than a message went well."""

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        """A message was answered, and rightly. reply: for who looks at each, perhaps without its times."""

    def failure(self, sample: Sample) -> None:
        """A step or message that did not go well."""

    def connection(self, address: str, view: ClientView) -> None:
        """A connection is over; address: `ip:port` of this end."""


class SampleMeter:
    """Makes a Sample of everything, for those who look at each: tests, and Locust users with listeners."""

    def __init__(
        self,
        record: Callable[[Sample], None],
        record_connection: Callable[[str, ClientView], None] | None = None,
    ) -> None:
        """record: takes each Sample. record_connection: takes each connection, if anybody does."""
        self.failure = record
        self._record = record
        self._record_connection = record_connection

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._record_connection is not None

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        self._record(Sample(phase, ANSWERED, start_ns, end_ns))

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        """See Meter.message."""
        self._record(message_sample(row, reply))

    def connection(self, address: str, view: ClientView) -> None:
        """See Meter.connection."""
        if self._record_connection is not None:
            self._record_connection(address, view)


def message_sample(row: MessageRow, reply: Reply | None = None) -> Sample:
    """The same as a Sample, which runs from the send."""
    _, sent_ns, end_ns, wait_ns, service_ns, sent_bytes, received_bytes, tag = row
    return Sample(
        Phase.MESSAGE,
        ANSWERED,
        sent_ns,
        end_ns,
        None if wait_ns == ABSENT else wait_ns,
        None if service_ns == ABSENT else service_ns,
        sent_bytes,
        received_bytes,
        name=name_of(tag),
        reply=reply,
    )


def outcome_of(error: OSError) -> Outcome:
    """The outcome a socket error stands for; HarnessError where the fault is this machine's own."""
    if error.errno in _OWN_FAULTS:
        raise HarnessError(_OWN_FAULTS[error.errno]) from error
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError) or error.errno in _NOBODY_THERE:
        return Outcome.REFUSED
    return Outcome.RESET


def explain(error: OSError, too_late: str, bound_s: float | None) -> tuple[Outcome, str]:
    """Outcome and reason. too_late: in what words a deadline was missed, of bound_s seconds.

    HarnessError where the fault is this machine's own.
    """
    outcome = outcome_of(error)
    # The system has a bound of its own on connecting, whatever ours is.
    if outcome is Outcome.TIMEOUT and bound_s is not None:
        return outcome, too_late.format(timeout_s=bound_s)
    return outcome, error.strerror or str(error)


def interruption(error: BaseException) -> tuple[str, bool]:
    """What struck a step, in words, and whether it ends its user.

    Else it is an error in the user's own code, or a bound of its own, which is no Exception.
    """
    if isinstance(error, _ENDS_A_USER):
        return STOPPED, True
    if isinstance(error, Exception):
        return f"{type(error).__name__}: {error}", False
    return BROKEN_OFF.format(kind=type(error).__name__), False


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


def tag_of(name: str | None, *, checked: bool) -> int:
    """The tag of a message's row: what it is called, and whether its reply is checked.

    name: None where it has none; HarnessError where that is no text. After MOST_NAMES all others are one.
    """
    number = _numbers.get(name or UNNAMED) if name is None or isinstance(name, str) else None
    if number is None:
        number = _enter(name)
    return number << _NAME_SHIFT | (0 if checked else UNCHECKED)


def name_of(tag: int) -> str:
    """What messages with this tag are called; "" where they have no name."""
    return _names[tag >> _NAME_SHIFT]


def _enter(name: object) -> int:
    if not isinstance(name, str):
        raise HarnessError(f'name={name!r:.40} is {type(name).__name__}: give a text, such as name="login"')
    if len(_names) > MOST_NAMES and name != OTHERS:
        if OTHERS not in _numbers:
            logger.warning(
                "more than %d names of messages: %r and all further ones are counted as %s",
                MOST_NAMES,
                name,
                OTHERS,
            )
        return _numbers.get(OTHERS) or _enter(OTHERS)
    _names.append(name)
    _numbers[name] = len(_names) - 1
    return _numbers[name]
