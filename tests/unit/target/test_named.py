"""Targets under names of their own: how they are written, and which mode of a server each is."""

from __future__ import annotations

import pytest

from lockstep.errors import PlanError
from lockstep.plan import Plan
from lockstep.runs.records import TargetRecord
from lockstep.target.named import Named, NamedTargets, Spoken, read_target, split_targets
from lockstep.tcp.endpoint import Endpoint
from tests.support.admin_port import admin_port, listener, listeners

HERE = Endpoint("127.0.0.1", 7001)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("new=tcp://127.0.0.1:7001", Named("new", HERE)),
        ("v1.2-rc=127.0.0.1:7001", Named("v1.2-rc", HERE)),
        ("a=tcp://127.0.0.1:7001,admin=127.0.0.1:9100", Named("a", HERE, "127.0.0.1:9100")),
        ("a=tcp://127.0.0.1:7001,mode=lock/message,admin=h:1", Named("a", HERE, "h:1", "lock/message")),
        ("a=tls://h:1?alpn=x,y", Named("a", Endpoint.parse("tls://h:1?alpn=x,y"))),
        ("a=tls://h:1?alpn=x,y,admin=h:2", Named("a", Endpoint.parse("tls://h:1?alpn=x,y"), "h:2")),
        ("a=unix:///run/a.sock", Named("a", Endpoint.parse("unix:///run/a.sock"))),
    ],
)
def test_a_target_is_a_name_a_url_and_what_a_lockstep_server_needs_beside_it(text: str, named: Named) -> None:
    assert Named.parse(text) == named


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "has no name"),
        ("tcp://127.0.0.1:1", "has no name"),
        ("new=", "has no name"),
        ("9=tcp://h:1", "'9' is no name for a target"),
        ("a/b=tcp://h:1", "'a/b' is no name for a target"),
        ("a=tcp://h:0", "no valid port"),
        ("a=tcp://h:1,admn=h:2", "no option 'admn'; did you mean admin?"),
        ("a=tcp://h:1,admin=h:2,admin=h:3", "names admin twice"),
        ("a=tcp://h:1,mode=lock", "add admin=HOST:PORT"),
    ],
)
def test_what_is_no_target_is_refused_by_name_with_the_remedy(text: str, why: str) -> None:
    with pytest.raises(PlanError) as refusal:
        Named.parse(text)
    assert refusal.value.what == "target"
    assert why in str(refusal.value).replace(": did", "; did")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("tcp://127.0.0.1:7001", Named("target", HERE)),
        ("mine=tcp://127.0.0.1:7001", Named("mine", HERE)),
        ("127.0.0.1:7001", Named("target", HERE)),
        ("tls://h:1?alpn=x", Named("target", Endpoint.parse("tls://h:1?alpn=x"))),
    ],
)
def test_the_only_target_may_do_without_a_name(text: str, named: Named) -> None:
    assert read_target(text, "target") == named


def test_several_in_one_text_are_told_apart_from_the_commas_of_one() -> None:
    text = "a=tls://h:1?alpn=x,y,admin=h:2, b=unix:///b;c=tcp://h:3"
    assert split_targets(text) == ["a=tls://h:1?alpn=x,y,admin=h:2", "b=unix:///b", "c=tcp://h:3"]


def named(*texts: str) -> NamedTargets:
    return NamedTargets.of(map(Named.parse, texts), Spoken("line", "echo"), {})


def test_each_name_has_its_own_address_and_nobody_is_asked_who_cannot_be() -> None:
    targets = named("new=tcp://127.0.0.1:7001", "old=unix:///old")
    targets.check(Plan(("new", "old")))
    assert targets.way_to("new") == ("tcp://127.0.0.1:7001", "line", False, "echo")
    assert targets.way_to("old") == ("unix:///old", "line", False, "echo")
    assert targets.server_of("new") is None
    assert (targets.settings(), targets.modes()) == ({}, {})
    assert targets.told()["old"] == TargetRecord("unix:///old", "line", "echo")
    with pytest.raises(PlanError, match="there is no target 'free'"):
        targets.check(Plan(("free",)))


@pytest.mark.parametrize("which", ["", ",mode=lock"])
def test_a_lockstep_servers_mode_is_seen_under_the_targets_name(which: str) -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889, permits=1))
    port = "" if which else ":8889"
    with admin_port({"/listeners": [answer]}) as admin:
        targets = named(f"mine=tcp://server{port},admin={admin.address}{which}", "other=tcp://h:1")
        assert targets.way_to("mine").url == "tcp://server:8889"
        server = targets.server_of("mine")
        assert server is not None
        assert list(server.snapshot().listeners) == ["mine"]
        assert targets.modes()["mine"].one_at_a_time
        record = targets.told()["mine"]
    assert record.server["framing"] == "length"


@pytest.mark.parametrize(
    ("where", "why"),
    [("tcp://server", "add mode=MODE, one of free, lock"), ("tcp://server:1", "at the port of no mode")],
)
def test_a_lockstep_server_without_a_mode_is_asked_for_one(where: str, why: str) -> None:
    answer = listeners(listener("free", 8888), listener("lock", 8889))
    with admin_port({"/listeners": [answer]}) as admin, pytest.raises(PlanError, match=why):
        named(f"mine={where},admin={admin.address}")


def test_a_mode_that_the_server_does_not_offer_is_refused_with_the_nearest() -> None:
    with (
        admin_port({"/listeners": [listeners(listener("free", 8888))]}) as admin,
        pytest.raises(PlanError, match=r"'fre' is not offered by .* did you mean free"),
    ):
        named(f"mine=tcp://server,admin={admin.address},mode=fre")


def test_without_a_port_nobody_is_there() -> None:
    with pytest.raises(PlanError, match="a=tcp://h has no port"):
        named("a=tcp://h")
