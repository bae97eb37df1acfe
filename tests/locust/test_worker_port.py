"""The workers' port of Locust's real master: what it survives, and whom it lets in."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import gevent
import msgpack
import pytest
import zmq.green as zmq
from locust import User
from locust.env import Environment
from locust.runners import MasterRunner

from lockstep.worker_port.keys import new_token
from lockstep.worker_port.shim import guard_port
from tests.support.crew import until


@pytest.fixture(autouse=True)
def nobodys_token_stays() -> Iterator[None]:
    yield
    guard_port(None)


def master_of(token: str | None) -> MasterRunner:
    guard_port(token)
    return Environment(user_classes=[User]).create_master_runner("127.0.0.1", 0)


def join(master: MasterRunner) -> None:
    """A worker of Locust's joins, and is there. Its greenlets end with the test."""
    before = master.worker_count
    worker = Environment(user_classes=[User]).create_worker_runner("127.0.0.1", master.server.port)
    until(lambda: master.worker_count == before + 1)
    worker.greenlet.kill(block=True)


def say(master: MasterRunner, *payloads: bytes, identity: str = "rogue") -> Any:
    socket: Any = zmq.Context.instance().socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, identity.encode())
    socket.connect(f"tcp://127.0.0.1:{master.server.port}")
    for payload in payloads:
        socket.send(payload)
    return socket


def message(kind: str, data: object, node: str = "rogue") -> bytes:
    packed: bytes = msgpack.dumps((kind, data, node))
    return packed


def test_what_is_no_message_ends_nothing_and_is_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    master = master_of(None)
    with caplog.at_level(logging.WARNING), say(master, b"\xc1", b"", b"\x93", message("heartbeat", None)):
        until(lambda: bool(caplog.records))
        join(master)
    (line,) = [each.getMessage() for each in caplog.records if each.name.startswith("lockstep")]
    assert line.startswith("refused a message of a worker: it cannot be read")


def test_a_message_whose_handling_fails_ends_nothing_either(caplog: pytest.LogCaptureFixture) -> None:
    master = master_of(None)
    # Locust has no file to send here, and asserts that it has.
    with say(master, message("locustfile", {"version": "2.47.0"})):
        until(lambda: any("locustfile" in each.getMessage() for each in caplog.records))
        join(master)


def test_with_a_token_its_workers_join_and_nobody_else_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    token = new_token()
    master = master_of(token)
    with caplog.at_level(logging.WARNING), say(master, message("client_ready", "2.47.0")):
        until(lambda: any("has not the token" in each.getMessage() for each in caplog.records))
        join(master)
        assert set(master.worker_indexes) == set(master.clients.keys())
        assert "rogue" not in master.worker_indexes


def test_a_worker_with_another_token_is_told_why_it_is_not_let_in(caplog: pytest.LogCaptureFixture) -> None:
    master = master_of(new_token())
    guard_port(new_token())
    environment = Environment(user_classes=[User])
    with caplog.at_level(logging.WARNING):
        joining = gevent.spawn(environment.create_worker_runner, "127.0.0.1", master.server.port)
        until(lambda: any("refuses this worker" in each.getMessage() for each in caplog.records))
        joining.kill()
    assert master.worker_count == 0
