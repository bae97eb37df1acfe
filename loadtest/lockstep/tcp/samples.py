"""What one step of a connection's life looked like from the client: a Sample.

A failed request is data, never an exception: its Outcome says how it ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """A step that is timed on its own. Values are the names users see."""

    CONNECT = "connect"
    FIRST_REPLY = "first_reply"
    MESSAGE = "message"
    SEND = "send"
    """a message that gets no reply: over when the system has taken all of it"""
    CLOSE = "close"
    SESSION = "session"
    LAG = "lag"
    """how late the generator began a user's turn: no step of the connection's, and not the server's doing"""


class Outcome(StrEnum):
    """How a step ended. Every message that was sent has exactly one of these."""

    ANSWERED = "answered"
    REFUSED = "refused"
    RESET = "reset"
    TIMEOUT = "timeout"
    SHORT = "short"
    MISMATCH = "mismatch"
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

    @property
    def elapsed_ns(self) -> int:
        """From start to end, in nanoseconds."""
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class Reply:
    """How one message ended; true if it was answered as expected.

    payload is None unless bytes came; wait_ns and service_ns are None where the server does not tell.
    """

    outcome: Outcome
    payload: bytes | None = None
    wait_ns: int | None = None
    service_ns: int | None = None

    def __bool__(self) -> bool:
        return self.outcome is Outcome.ANSWERED
