"""What can never be measured is refused as a promise before any load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lockstep.errors import PlanError
from lockstep.master.promise import check_promise
from lockstep.plan import Plan
from lockstep.runs.records import PLAIN_TARGET
from lockstep.search import Search
from lockstep.target.admin import ServerView
from lockstep.target.target import Target
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Traffic, UserFile
from tests.support.admin_port import admin_port, listener, listeners


def keeping(promise: str, mode: str, traffic: Traffic | None = None) -> Plan:
    return Plan(modes=(mode,), levels=(1,), search=Search((promise,)), traffic=traffic or Traffic())


@pytest.fixture(scope="module")
def ours() -> Iterator[Target]:
    """A Lockstep server that limits nothing, connections or messages."""
    rows = (
        listener("free", 1, permits=None),
        listener("lock", 2),
        listener("lock/message", 3, scope="message"),
    )
    with admin_port({"/listeners": [listeners(*rows)]}) as port:
        yield Target(Endpoint("127.0.0.1"), ServerView(port.address))


THEIRS = Target(Endpoint("127.0.0.1", 7007), None)


@pytest.mark.parametrize("figure", ["wait_p99 < 1s", "handoff_mean < 1s", "max_waiting < 9", "jain > 0.9"])
def test_what_only_a_server_of_ours_tells_is_no_promise_of_another(figure: str) -> None:
    name = figure.split()[0]
    with pytest.raises(
        PlanError, match=f"{name} is not measured of target, for no Lockstep server"
    ) as refused:
        check_promise(keeping(figure, PLAIN_TARGET), THEIRS)
    assert refused.value.what == "keep"
    assert "bound a response time, or failed" in str(refused.value)


@pytest.mark.parametrize(
    ("figure", "mode", "why"),
    [
        ("handoff_p50 < 1ms", "free", "nothing is limited, so nobody hands on"),
        ("hold_p99 < 9ms", "lock/message", "messages are admitted, in an order that nobody records"),
        ("inversions < 1", "lock/message", "messages are admitted, in an order that nobody records"),
        ("handshake_p99 < 9ms", "lock", "its connections are without TLS"),
        ("receive_p99 < 9ms", "lock", "its users have no such steps"),
    ],
)
def test_what_a_mode_cannot_have_is_no_promise_of_it(ours: Target, figure: str, mode: str, why: str) -> None:
    with pytest.raises(PlanError, match=f"is not measured of {mode}, for {why}"):
        check_promise(keeping(figure, mode), ours)


@pytest.mark.parametrize(
    ("figure", "mode"),
    [("handoff_p50 < 1ms", "lock"), ("hold_p99 < 9ms", "free"), ("wait_p99 < 9ms", "lock/message")],
)
def test_what_a_mode_has_may_be_promised(ours: Target, figure: str, mode: str) -> None:
    check_promise(keeping(figure, mode), ours)


def test_every_service_has_what_its_clients_measure() -> None:
    for figure in ("response_p99 < 1s", "failed <= 0", "connect_p50 < 9ms", "login.response_p50 < 9ms"):
        check_promise(keeping(figure, PLAIN_TARGET), THEIRS)


def test_what_a_file_of_users_does_is_theirs_to_say() -> None:
    traffic = Traffic(user_file=UserFile("users.py", "0" * 16))
    for figure in ("receive_p99 < 1s", "handshake_p50 < 9ms"):
        check_promise(keeping(figure, PLAIN_TARGET, traffic), THEIRS)


def test_a_plan_that_looks_for_nothing_promises_nothing(ours: Target) -> None:
    check_promise(Plan(modes=("free",)), ours)
