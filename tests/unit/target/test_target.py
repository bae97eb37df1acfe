"""Whom the load goes to: a Lockstep server that tells its modes, or any other TCP service."""

from __future__ import annotations

import pytest

from lockstep.errors import HarnessError, PlanError
from lockstep.plan import Plan
from lockstep.target.admin import ServerView
from lockstep.target.target import Target
from lockstep.tcp.endpoint import Endpoint
from lockstep_server.replies import REPLIES
from lockstep_wire.framing import FRAMINGS
from lockstep_wire.greeting import ACKNOWLEDGEMENT
from tests.support.admin_port import admin_port, listener, listeners


@pytest.mark.parametrize(("reply", "expected"), [("echo", "echo"), ("ack", ACKNOWLEDGEMENT.decode())])
def test_workers_are_told_what_the_server_says_of_itself(reply: str, expected: str) -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889), reply=reply)
    with admin_port({"/listeners": [answer]}) as port:
        target = Target(Endpoint("server"), ServerView(port.address))
        assert target.way_to("lock") == ("tcp://server:8889", "length", True, expected)


def test_a_mode_that_is_not_offered_is_refused_with_those_that_are() -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889))
    with admin_port({"/listeners": [answer]}) as port:
        target = Target(Endpoint("server"), ServerView(port.address))
        with pytest.raises(PlanError, match=r"'ticket' is not offered .* choose from free, lock"):
            target.check(Plan(("lock", "ticket")))


@pytest.mark.parametrize("named", ["free", "foo", "Target", ""])
def test_another_service_has_one_mode_and_any_other_name_is_refused(named: str) -> None:
    target = Target(Endpoint("service", 7), None)
    with pytest.raises(PlanError, match="has one mode, target; give --admin") as refusal:
        target.check(Plan(("target", named)))
    assert refusal.value.what == "modes"
    with pytest.raises(PlanError, match="has one mode, target") as refusal:
        target.endpoint_of(named)
    assert refusal.value.what == "mode"
    with pytest.raises(PlanError):
        target.way_to(named)
    target.check(Plan(("target",)))


@pytest.mark.parametrize("unknown", [{"reply": "rot13"}, {"framing": "netstring"}])
def test_a_server_that_speaks_in_a_way_unknown_here_is_refused(unknown: dict[str, str]) -> None:
    answer = listeners(listener("free", 8888), **unknown)
    (name,) = unknown.values()
    with admin_port({"/listeners": [answer]}) as port:
        target = Target(Endpoint("server"), ServerView(port.address))
        with pytest.raises(HarnessError, match=f"{name!r}, and this version knows .*: use the same version"):
            target.way_to("free")


def test_every_reply_and_framing_that_a_server_offers_is_known() -> None:
    for name, value in (*(("reply", each) for each in REPLIES), *(("framing", each) for each in FRAMINGS)):
        with admin_port({"/listeners": [listeners(listener("free", 8888), **{name: value})]}) as port:
            assert Target(Endpoint("server"), ServerView(port.address)).way_to("free")


@pytest.mark.parametrize(("given", "used"), [(None, 8888), (8888, 8888), (7000, 7000)])
def test_a_port_before_a_single_mode_is_used(given: int | None, used: int) -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889))
    with admin_port({"/listeners": [answer]}) as port:
        target = Target(Endpoint("proxy", given), ServerView(port.address))
        target.check(Plan(("free",)))
        assert target.endpoint_of("free") == Endpoint("proxy", used)


@pytest.mark.parametrize(
    ("given", "modes", "why"),
    [
        (
            8889,
            ("free",),
            r"port 8889, which is that of 'lock', but 'free' is at port 8888: leave the port out",
        ),
        (9999, ("free", "lock"), r"port 9999, but each of the 2 modes has a port of its own"),
        (8888, ("free", "lock"), r"port 8888, which is that of 'free', but 'lock' is at port 8889"),
    ],
)
def test_a_port_that_contradicts_the_servers_own_is_refused(
    given: int, modes: tuple[str, ...], why: str
) -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889))
    with admin_port({"/listeners": [answer]}) as port:
        target = Target(Endpoint("server", given), ServerView(port.address))
        with pytest.raises(PlanError, match=why) as refusal:
            target.check(Plan(modes))
    assert refusal.value.what == "host"


def test_another_service_needs_a_port_and_tells_nothing() -> None:
    target = Target(Endpoint("service", 7), None, "line", "echo")
    assert target.settings() == {}
    assert target.way_to("target") == ("tcp://service:7", "line", False, "echo")
    with pytest.raises(PlanError, match="has no port") as refusal:
        Target(Endpoint("service"), None).endpoint_of("target")
    assert refusal.value.what == "host"
