"""What a worker may say to Locust's master, which takes it for what its own workers say. Pure.

One that is not would end the greenlet that listens to all of them, or stay as a number that is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from lockstep.documents import read_record
from lockstep.errors import printable

_LONGEST_NAME = 200
_STATES = frozenset({"ready", "spawning", "running", "cleanup", "stopping", "stopped", "missing"})


@dataclass(frozen=True, slots=True)
class _Ready:
    version: str


@dataclass(frozen=True, slots=True)
class _Heartbeat:
    state: str
    current_cpu_usage: float
    current_memory_usage: float = 0


@dataclass(frozen=True, slots=True)
class _Spawned:
    user_classes_count: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Exception:
    msg: str
    traceback: str


@dataclass(frozen=True, slots=True)
class _Logs:
    worker_id: str
    logs: list[str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A row of Locust's table, of which the sum has no method."""

    name: str
    method: str | None
    last_request_timestamp: float | None
    start_time: float
    num_requests: int
    num_none_requests: int
    num_failures: int
    total_response_time: float
    max_response_time: float
    min_response_time: float | None
    total_content_length: float
    response_times: dict[float, int]
    num_reqs_per_sec: dict[int, int]
    num_fail_per_sec: dict[int, int]


@dataclass(frozen=True, slots=True)
class _Error:
    name: str
    method: str | None
    error: str
    occurrences: int
    first_seen: float | None = None
    last_seen: float | None = None


@dataclass(frozen=True, slots=True)
class _Stats:
    stats: list[_Entry]
    stats_total: _Entry
    errors: dict[str, _Error]
    user_classes_count: dict[str, int]


# Of the other kinds Locust looks at no data, or those who registered them look for themselves.
_SHAPES: Mapping[str, type] = {
    "client_ready": _Ready,
    "locustfile": _Ready,
    "heartbeat": _Heartbeat,
    "spawning_complete": _Spawned,
    "exception": _Exception,
    "logs": _Logs,
    "stats": _Stats,
}


class Message(Protocol):
    """As Locust's is."""

    @property
    def type(self) -> Any:
        """Its kind."""

    @property
    def data(self) -> Any:
        """What it says."""

    @property
    def node_id(self) -> Any:
        """Who says it."""


class Received(NamedTuple):
    """A message, and from whom."""

    sender: str
    message: Any


def read(frames: Sequence[bytes], unserialize: Callable[[bytes], Message]) -> Received:
    """What a worker said. unserialize: Locust's. ValueError says what is wrong with it, in one line."""
    if len(frames) != 2:
        raise ValueError(f"it has {len(frames)} frames and not two")
    try:
        sender = frames[0].decode()
        message = unserialize(frames[1])
    # Whatever bytes can make of msgpack, of Locust's hook for dates, and of a constructor of three arguments.
    except Exception as error:
        raise ValueError(printable(f"it cannot be read: {error or type(error).__name__}")) from error
    if (wrong := _flaw(sender, message)) is not None:
        raise ValueError(printable(wrong))
    return Received(sender, message)


def _flaw(sender: str, message: Message) -> str | None:
    kind, data = message.type, message.data
    if not isinstance(kind, str) or len(kind) > _LONGEST_NAME or not kind.isprintable():
        return f"{kind!r:.40} is no kind of message"
    # Locust knows its workers by either; only the first is looked after by ZeroMQ.
    if message.node_id != sender:
        return f"it says to come from {message.node_id!r:.80} and comes from {sender!r:.80}"
    shape = _SHAPES.get(kind)
    if shape is None:
        return None
    try:
        # A worker's first message is its version alone; -1 asks that nobody compares it.
        if shape is _Ready and not isinstance(data, Mapping):
            data = {"version": "" if data == -1 else data}
        if not isinstance(data, Mapping):
            return f"a {kind} message without its fields"
        record: Any = read_record(data, shape)
    except ValueError as error:
        return f"a {kind} message's {error}"
    if isinstance(record, _Heartbeat) and record.state not in _STATES:
        return f"a heartbeat message's state {record.state!r:.40} is none"
    return None


class Complaints:
    """Says what is refused, at most one line in every_s seconds. clock_s: monotonic."""

    def __init__(
        self, say: Callable[[str], None], clock_s: Callable[[], float], every_s: float = 10.0
    ) -> None:
        self._say = say
        self._clock_s = clock_s
        self._every_s = every_s
        self._next_s = clock_s()
        self._unsaid = 0

    def note(self, words: str) -> None:
        """One more."""
        now_s = self._clock_s()
        if now_s < self._next_s:
            self._unsaid += 1
            return
        more = f" ({self._unsaid} more since the last line)" if self._unsaid else ""
        self._say(words + more)
        self._next_s, self._unsaid = now_s + self._every_s, 0
