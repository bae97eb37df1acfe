"""What the server says of itself, asked over its admin port."""

from __future__ import annotations

import pytest

from lockstep.errors import PlanError, ServerUnreachableError
from lockstep.target.admin import ServerView
from tests.support.admin_port import admin_port, listener, listeners
from tests.support.peers import refusing_port


def test_a_snapshot_holds_settings_clock_and_listeners_by_name() -> None:
    answer = listeners(listener("free", 8888, permits=None), listener("lock", 8889, answered=3))
    with admin_port({"/listeners": [answer]}) as port:
        snapshot = ServerView(port.address).snapshot()
    assert snapshot.settings["framing"] == "length"
    assert snapshot.now_ns == 5
    assert list(snapshot.listeners) == ["free", "lock"]
    assert snapshot.listeners["free"].permits is None
    assert snapshot.listeners["lock"].answered == 3


def test_peaks_are_reset_by_a_post_that_answers_with_the_counts() -> None:
    with admin_port({"/peaks": [listeners(listener("lock", 8889))]}) as port:
        assert list(ServerView(port.address).reset_peaks().listeners) == ["lock"]
    assert port.asked == ["POST /peaks"]


def test_connections_are_asked_for_by_port_and_moment_and_tell_what_was_dropped() -> None:
    rows = [{"peer": "127.0.0.1:5"}]
    with admin_port({"/connections": [{"connections": rows, "dropped": 7}]}) as port:
        assert ServerView(port.address).connections(8889, 12) == (rows, 7)
    assert port.asked[0].startswith("GET /connections?port=8889&since=12&limit=")


def test_settled_waits_until_nobody_is_connected_and_the_last_permit_is_back() -> None:
    states = [{"open": 1, "in_service": 1}, {"open": 0, "in_service": 1}, {"open": 0, "in_service": 0}]
    answers = [listeners(listener("lock", 8889, **state, answered=i)) for i, state in enumerate(states)]
    slept: list[float] = []
    with admin_port({"/listeners": answers}) as port:
        snapshot = ServerView(port.address).settled("lock", 20.0, slept.append)
    assert snapshot.listeners["lock"].answered == 2
    assert len(slept) == 2


def test_settled_gives_up_after_its_time_and_tells_what_there_is() -> None:
    busy = listeners(listener("lock", 8889, open=4))
    with admin_port({"/listeners": [busy]}) as port:
        assert ServerView(port.address).settled("lock", 0.0).listeners["lock"].open == 4


def test_nobody_there_is_said_with_address_and_remedy() -> None:
    with refusing_port() as port, pytest.raises(ServerUnreachableError) as refusal:
        ServerView(f"127.0.0.1:{port}").snapshot()
    assert f"127.0.0.1:{port}" in str(refusal.value)
    assert "--admin" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "body", [b"hello", b"[1, 2]", b"\xff\xfe", b"", b"null", b"{}", b'{"listeners": []}']
)
def test_something_else_that_answers_is_no_lockstep_server(body: bytes) -> None:
    with admin_port({"/listeners": [body]}) as port, pytest.raises(ServerUnreachableError):
        ServerView(port.address).snapshot()


@pytest.mark.parametrize("address", ["127.0.0.1:99999999", "a b:1"])
def test_an_address_that_is_none_is_refused_like_an_absent_server(address: str) -> None:
    with pytest.raises(ServerUnreachableError):
        ServerView(address).snapshot()


@pytest.mark.parametrize("admin", ["127.0.0.1", "name:", "name:x", ":", "http://name"])
def test_an_admin_address_without_a_port_is_refused_before_anybody_is_asked(admin: str) -> None:
    with pytest.raises(PlanError, match="has no port: write the admin port as HOST:PORT"):
        ServerView(admin)
