"""The admin port tells the truth, and refuses odd questions in one line."""

from __future__ import annotations

import json
import urllib.error

import pytest
from prometheus_client.parser import text_string_to_metric_families

from lockstep_wire import address_text
from tests.support.clients import ask, connect, crowd, wait_until
from tests.support.server import ServerProcess

FRAMED = ("--framing", "length", "--reply", "echo")

SERVER = {
    "version", "python", "implementation", "gil", "pid", "boot_id", "cpu_count", "platform", "framing",
    "reply", "timing", "hold_ns", "work", "pause_ns", "push_ns", "accept", "backlog", "nodelay", "keepalive",
    "max_connections", "message_timeout_ns", "idle_timeout_ns", "max_frame", "records", "open_files_limit",
    "threads_limit", "listen_overflows",
}  # fmt: skip
LISTENER = {
    "name", "mode", "permits", "scope", "thread_each", "port", "accepted", "open", "waiting", "in_service",
    "max_waiting",
    "max_in_service", "closed", "received", "answered", "bytes_received", "bytes_sent", "causes",
    "at_ns", "in_service_ns", "released", "held_ns",
}  # fmt: skip
CONNECTION = {
    "id", "port", "name", "peer", "arrival_ns", "admission_ns", "release_ns", "close_ns", "cause", "messages",
    "bytes_received", "bytes_sent", "wait_ns", "hold_ns",
}  # fmt: skip


def test_listeners_tells_what_the_server_is_and_counts(gil: bool) -> None:
    running = ServerProcess("free", "lock", flags=(*FRAMED, "--hold", "1ms"))
    with running as server, connect(server.ports["free"]) as link:
        ask(link, b"hello")
        wait_until(lambda: server.listeners()["free"]["bytes_sent"] == 9)
        seen = json.loads(server.ask("/listeners"))
        assert set(seen) == {"server", "now_ns", "listeners"}
        assert set(seen["server"]) == SERVER
        assert (seen["server"]["framing"], seen["server"]["hold_ns"]) == ("length", 1_000_000)
        assert seen["server"]["gil"] is gil
        free, lock = seen["listeners"]
        assert set(free) == set(lock) == LISTENER
        assert (free["open"], free["received"], free["answered"]) == (1, 1, 1)
        assert (free["bytes_received"], free["bytes_sent"]) == (9, 9)
        assert lock["accepted"] == 0


def test_live_connections_are_listed_with_null_for_what_has_not_happened() -> None:
    with ServerProcess("lock", flags=FRAMED) as server:
        with connect(server.ports["lock"]) as served, connect(server.ports["lock"]) as queued:
            ask(served, b"mine")
            wait_until(lambda: server.listeners()["lock"]["waiting"] == 1)
            wait_until(lambda: server.listeners()["lock"]["answered"] == 1)
            newest, oldest = server.connections("lock")["connections"]
            assert set(newest) == CONNECTION
            assert newest["peer"] == address_text(*queued.getsockname())
            assert newest["admission_ns"] is newest["wait_ns"] is newest["cause"] is None
            assert oldest["admission_ns"] >= oldest["arrival_ns"]
            assert (oldest["messages"], oldest["release_ns"], oldest["hold_ns"]) == (1, None, None)
        wait_until(lambda: server.listeners()["lock"]["closed"] == 2)
        wait_until(lambda: server.listeners()["lock"]["in_service"] == 0)
        newest, oldest = server.connections("lock")["connections"]
        assert newest["admission_ns"] >= oldest["release_ns"] >= oldest["close_ns"]
        assert oldest["cause"] == "peer"
        assert newest["wait_ns"] == newest["admission_ns"] - newest["arrival_ns"]
        assert newest["hold_ns"] == newest["release_ns"] - newest["admission_ns"]


def test_connections_are_bounded_newest_first_and_say_how_many_are_missing() -> None:
    with ServerProcess("free", "lock", flags=(*FRAMED, "--records", "4")) as server:
        for _ in range(6):
            with connect(server.ports["free"]) as link:
                ask(link, b"hello")
        with connect(server.ports["lock"]) as link:
            ask(link, b"hello")
        wait_until(lambda: server.listeners()["free"]["closed"] == 6)
        seen = server.connections("free")
        assert ([it["id"] for it in seen["connections"]], seen["dropped"]) == ([6, 5, 4, 3], 2)
        seen = server.connections("free", limit=1)
        assert ([it["id"] for it in seen["connections"]], seen["dropped"]) == ([6], 5)
        assert server.connections("free", since=seen["now_ns"])["connections"] == []
        every = server.connections(limit=3)
        assert [it["name"] for it in every["connections"]] == ["lock", "free", "free"]
        assert every["dropped"] == 4


def test_connections_show_only_the_fields_asked_for() -> None:
    with ServerProcess("free", flags=FRAMED) as server:
        with connect(server.ports["free"]) as link:
            ask(link, b"hello")
        wait_until(lambda: server.listeners()["free"]["closed"] == 1)
        seen = json.loads(server.ask("/connections?fields=arrival_ns,admission_ns,release_ns"))
        (row,) = seen["connections"]
        assert list(row) == ["arrival_ns", "admission_ns", "release_ns"]
        assert row["arrival_ns"] <= row["admission_ns"] <= row["release_ns"]


def test_peaks_are_reset_to_the_present() -> None:
    with ServerProcess("free", flags=FRAMED) as server, crowd(server.ports["free"], 3) as links:
        for link in links:
            ask(link, b"hello")
        for link in links[1:]:
            link.close()
        wait_until(lambda: server.listeners()["free"]["in_service"] == 1)
        assert server.listeners()["free"]["max_in_service"] == 3
        (after,) = json.loads(server.ask("/peaks", "POST"))["listeners"]
        assert (after["max_in_service"], after["max_waiting"]) == (1, 0)


@pytest.mark.parametrize("gil", [True], indirect=True)  # nothing is installed into the other interpreter
def test_metrics_are_prometheus_text() -> None:
    with ServerProcess("free", "lock/message", flags=FRAMED) as server:
        with connect(server.ports["lock/message"]) as link:
            ask(link, b"hello")
            wait_until(lambda: server.listeners()["lock/message"]["answered"] == 1)
            families = {it.name: it for it in text_string_to_metric_families(server.ask("/metrics"))}
        answered = families["lockstep_messages_answered"]
        assert answered.type == "counter"
        assert {it.labels["listener"]: it.value for it in answered.samples} == {"free": 0, "lock/message": 1}
        causes = {it.labels["cause"] for it in families["lockstep_connections_closed"].samples}
        assert {"peer", "reset", "short", "too_long", "idle", "slow_reader", "drained", "died"} <= causes


def test_health_is_answered() -> None:
    with ServerProcess("free") as server:
        assert server.ask("/health") == "ok\n"


@pytest.fixture(scope="module")
def running(gil: bool) -> object:
    with ServerProcess("free") as server:
        yield server


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/connections?port=1", 400, "port=1: nobody listens there"),
        ("GET", "/connections?port=x", 400, "port=x: write a whole number"),
        ("GET", "/connections?since=-1", 400, "since=-1: write a whole number"),
        ("GET", "/connections?limit=", 400, "limit=: write a whole number"),
        ("GET", "/connections?when=now", 400, "unknown parameter when"),
        ("GET", "/connections?fields=id,colour", 400, "fields: 'colour' is unknown; choose from id, port"),
        ("GET", "/connections?fields=", 400, "fields: '' is unknown"),
        ("GET", "/peaks", 405, "/peaks wants POST"),
        ("POST", "/listeners", 405, "/listeners wants GET"),
        ("PUT", "/listeners", 405, "/listeners wants GET"),
        ("DELETE", "/peaks", 405, "/peaks wants POST"),
        ("OPTIONS", "/health", 405, "/health wants GET"),
        ("GET", "/", 404, "/ is unknown; there are GET /listeners"),
    ],
)
def test_an_odd_question_is_refused_in_one_line(
    running: ServerProcess, method: str, path: str, status: int, told: str
) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        running.ask(path, method)
    body = caught.value.read().decode()
    assert caught.value.code == status
    assert body.startswith(told)
    assert body.count("\n") == 1
    assert "Traceback" not in running.stderr


def test_a_health_check_may_ask_for_the_head_only() -> None:
    with ServerProcess("free") as server:
        assert server.ask("/health", "HEAD") == ""
