"""What is let through to Locust's master: what its own workers say, and nothing that would end it."""

from __future__ import annotations

import random
from contextlib import suppress
from typing import Any, NamedTuple

import msgpack
import pytest

from lockstep.worker_port.messages import Complaints, read

ENTRY = {
    "name": "message",
    "method": "TCP",
    "last_request_timestamp": 1.5,
    "start_time": 1.0,
    "num_requests": 3,
    "num_none_requests": 0,
    "num_failures": 1,
    "total_response_time": 4.5,
    "max_response_time": 2.25,
    "min_response_time": None,
    "total_content_length": 12,
    "response_times": {0.588: 2, 3: 1},
    "num_reqs_per_sec": {1: 3},
    "num_fail_per_sec": {},
}
ERROR = {"name": "message", "method": "TCP", "error": "reset", "occurrences": 1, "first_seen": 1.0}
STATS = {
    "stats": [ENTRY],
    "stats_total": {**ENTRY, "method": None, "last_request_timestamp": None},
    "errors": {"key": ERROR},
    "user_classes_count": {"ScenarioUser": 2},
    "user_count": 2,
}
HEARTBEAT = {"state": "running", "current_cpu_usage": 12.5, "current_memory_usage": 70_000_000}
GOOD: list[tuple[str, Any]] = [
    ("client_ready", "2.47.0"),
    ("client_ready", -1),
    ("locustfile", {"version": "2.47.0"}),
    ("heartbeat", HEARTBEAT),
    ("heartbeat", {"state": "ready", "current_cpu_usage": 0}),
    ("spawning", None),
    ("spawning_complete", {"user_classes_count": {"ScenarioUser": 2}, "user_count": 2}),
    ("client_stopped", None),
    ("quit", None),
    ("exception", {"msg": "ValueError", "traceback": "..."}),
    ("logs", {"worker_id": "w1", "logs": ["a line"]}),
    ("stats", STATS),
    ("lockstep_report", {"anything": "its reader looks at it"}),
]
BAD: list[tuple[str, Any]] = [
    ("client_ready", {"version": 7}),
    ("client_ready", 7),
    ("client_ready", None),
    ("locustfile", None),
    ("locustfile", {}),
    ("heartbeat", None),
    ("heartbeat", {}),
    ("heartbeat", {**HEARTBEAT, "state": "dreaming"}),
    ("heartbeat", {**HEARTBEAT, "state": ["running"]}),
    ("heartbeat", {**HEARTBEAT, "current_cpu_usage": "much"}),
    ("heartbeat", {**HEARTBEAT, "current_memory_usage": None}),
    ("spawning_complete", {"user_classes_count": {"ScenarioUser": "2"}}),
    ("spawning_complete", {"user_classes_count": 2}),
    ("exception", {"msg": 1, "traceback": "..."}),
    ("logs", ["a line"]),
    ("logs", {"worker_id": "w1", "logs": [1]}),
    ("stats", {**STATS, "stats": None}),
    ("stats", {**STATS, "stats": [{**ENTRY, "num_requests": "3"}]}),
    ("stats", {**STATS, "stats": [{**ENTRY, "response_times": {"soon": 1}}]}),
    ("stats", {**STATS, "stats_total": {}}),
    ("stats", {**STATS, "user_classes_count": {"ScenarioUser": None}}),
    ("stats", {**STATS, "errors": {"key": {**ERROR, "occurrences": "1"}}}),
    (["stats"], STATS),  # type: ignore[list-item]
    ("no\nkind", None),
    ("x" * 1000, None),
]


class Said(NamedTuple):
    """As Locust's."""

    type: Any
    data: Any
    node_id: Any


def unserialize(data: bytes) -> Said:
    return Said(*msgpack.loads(data, raw=False, strict_map_key=False))


def frames(kind: Any, data: Any, sender: str = "w1", node: Any = "w1") -> list[bytes]:
    return [sender.encode(), msgpack.dumps((kind, data, node))]


@pytest.mark.parametrize(("kind", "data"), GOOD)
def test_what_locusts_workers_say_is_let_through_as_it_is(kind: str, data: Any) -> None:
    assert read(frames(kind, data), unserialize) == ("w1", (kind, data, "w1"))


@pytest.mark.parametrize(("kind", "data"), BAD)
def test_what_they_would_never_say_is_refused_in_one_printable_line(kind: str, data: Any) -> None:
    with pytest.raises(ValueError) as refusal:
        read(frames(kind, data), unserialize)
    assert str(refusal.value).isprintable()
    assert str(refusal.value)


@pytest.mark.parametrize("node", ["w2", "", None, 1, b"w1"])
def test_nobody_speaks_for_another_worker(node: Any) -> None:
    with pytest.raises(ValueError, match="says to come from"):
        read(frames("quit", None, "w1", node), unserialize)


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [b"w1"],
        [b"w1", b"", b""],
        [b"w1", b""],
        [b"w1", b"\xc1"],
        [b"w1", b"\x93\x01"],
        [b"w1", msgpack.dumps(1)],
        [b"w1", msgpack.dumps(("quit", None))],
        [b"w1", msgpack.dumps(("quit", None, "w1")) + b"\x00"],
        [b"w1", b"\x91" * 100_000],
        [b"\xff\xfe", msgpack.dumps(("quit", None, "w1"))],
    ],
)
def test_what_is_no_message_at_all_is_refused(wrong: list[bytes]) -> None:
    with pytest.raises(ValueError, match="it "):
        read(wrong, unserialize)


def test_of_random_bytes_and_damaged_messages_each_is_read_or_refused() -> None:
    draw = random.Random(1)
    for _ in range(3_000):
        kind, data = draw.choice(GOOD)
        message = bytearray(frames(kind, data)[1])
        for _ in range(draw.randint(1, 4)):
            message[draw.randrange(len(message))] = draw.randrange(256)
        for payload in (bytes(message), draw.randbytes(draw.randint(0, 60))):
            with suppress(ValueError):
                received = read([b"w1", payload], unserialize)
                assert received.message.node_id == received.sender == "w1"


def test_of_many_refusals_one_in_a_while_is_said_with_how_many_there_were() -> None:
    said: list[str] = []
    now_s = 0.0
    complaints = Complaints(said.append, lambda: now_s, every_s=10.0)
    for _ in range(500):
        complaints.note("no message")
    now_s = 10.0
    complaints.note("no message")
    now_s = 30.0
    complaints.note("no message")
    assert said == ["no message", "no message (499 more since the last line)", "no message"]
