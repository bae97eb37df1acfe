"""MODE[=N][/SCOPE]:PORT means what it says, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from lockstep_server.grammar import DEFAULT_LISTENERS, ListenerSpec, check_ports, parse_listener
from lockstep_server.modes import MODES


@pytest.mark.parametrize(
    ("text", "spec", "name", "permits"),
    [
        ("free:8888", ListenerSpec("free", 1, "connection", 8888), "free", None),
        ("lock:0", ListenerSpec("lock", 1, "connection", 0), "lock", 1),
        ("lock/connection:1", ListenerSpec("lock", 1, "connection", 1), "lock", 1),
        ("lock/message:8894", ListenerSpec("lock", 1, "message", 8894), "lock/message", 1),
        ("rlock:1", ListenerSpec("rlock", 1, "connection", 1), "rlock", 1),
        ("semaphore=4:65535", ListenerSpec("semaphore", 4, "connection", 65535), "semaphore=4", 4),
        ("semaphore=2/message:1", ListenerSpec("semaphore", 2, "message", 1), "semaphore=2/message", 2),
        ("condition=1:1", ListenerSpec("condition", 1, "connection", 1), "condition=1", 1),
        ("condition=2/message:1", ListenerSpec("condition", 2, "message", 1), "condition=2/message", 2),
        ("rwlock=4/message:1", ListenerSpec("rwlock", 4, "message", 1), "rwlock=4/message", None),
        ("rwlock=1/message:1", ListenerSpec("rwlock", 1, "message", 1), "rwlock=1/message", 1),
        ("queue=3:1", ListenerSpec("queue", 3, "connection", 1), "queue=3", 3),
        ("iterative:1", ListenerSpec("iterative", 1, "connection", 1), "iterative", 1),
        ("asyncio:1", ListenerSpec("asyncio", 1, "connection", 1), "asyncio", None),
        ("process=2:1", ListenerSpec("process", 2, "connection", 1), "process=2", 2),
        ("process=1000:1", ListenerSpec("process", 1000, "connection", 1), "process=1000", 1000),
        ("ticket/message:1", ListenerSpec("ticket", 1, "message", 1), "ticket/message", 1),
    ],
)
def test_a_listener_is_read_as_written(text: str, spec: ListenerSpec, name: str, permits: int | None) -> None:
    assert parse_listener(text) == spec
    assert (spec.name, spec.permits) == (name, permits)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("lock", "is not a listener; write MODE"),
        ("", "is not a listener"),
        (":80", "is not a listener"),
        ("lock:http", "is not a listener"),
        ("lock:-1", "is not a listener"),
        ("lock:8889:9", "is not a listener"),
        ("lock:８８", "is not a listener"),
        ("mutex:1", "unknown mode 'mutex'; choose from free, lock"),
        ("lock:65536", "port 65536; write 0"),
        (f"lock:{'9' * 5000}", "is not a listener"),
        ("free=2:1", "gives a number to free"),
        ("lock=1:1", "gives a number to lock"),
        ("rlock=1:1", "gives a number to rlock"),
        ("iterative=1:1", "gives a number to iterative"),
        ("ticket=9:1", "gives a number to ticket"),
        ("semaphore:1", "lacks how many; write semaphore=N"),
        ("condition:1", "lacks how many; write condition=N"),
        ("rwlock/message:1", "lacks how many; write rwlock=N"),
        ("rwlock=4:1", "asks rwlock for whole connections; it admits messages, so write rwlock=N/message"),
        ("queue:1", "lacks how many; write queue=N"),
        ("queue=0:1", "write a whole number from 1"),
        ("queue=:1", "write a whole number from 1"),
        ("semaphore=-1:1", "write a whole number from 1"),
        ("semaphore=1.5:1", "write a whole number from 1"),
        ("lock/frame:1", "unknown scope 'frame'"),
        ("lock/:1", "unknown scope ''"),
        ("free/message:1", "asks free for /message; only lock, rlock, semaphore, condition, tick"),
        ("queue=1/message:1", "asks queue for /message"),
        ("asyncio=2:1", "gives a number to asyncio"),
        ("process:1", "lacks how many; write process=N"),
        ("process=1001:1", "has '1001' for N; write a whole number from 1 to 1000"),
        ("process=2/message:1", "asks process for /message"),
        ("asyncio/message:1", "asks asyncio for /message"),
        ("iterative/message:1", "asks iterative for /message"),
    ],
)
def test_anything_else_is_refused_with_the_remedy(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_listener(text)


def test_two_listeners_cannot_share_a_port_unless_the_system_picks_it() -> None:
    check_ports([parse_listener("free:0"), parse_listener("lock:0"), parse_listener("lock:1")])
    with pytest.raises(ValueError, match="port 7 to free and lock/message"):
        check_ports([parse_listener("free:7"), parse_listener("lock:8"), parse_listener("lock/message:7")])


def test_the_defaults_offer_every_mode_but_those_that_are_asked_for_by_name() -> None:
    specs = [parse_listener(text) for text in DEFAULT_LISTENERS.split()]
    check_ports(specs)
    assert set(MODES) - {spec.mode for spec in specs} == {
        "rlock",
        "condition",
        "rwlock",
        "asyncio",
        "process",
    }
    assert [spec.port for spec in specs] == list(range(8888, 8895))
