"""Messages between master and workers, as they travel."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgpack
import pytest

from lockstep.control import (
    CellOrder,
    EndOrder,
    FalseMessageError,
    Fault,
    Message,
    Opened,
    Report,
    WorkerLimits,
)
from lockstep.errors import HarnessError
from lockstep.traffic import Arrival, Traffic
from tests.factories.pulses import pulse
from tests.factories.reports import START_NS, begun, message, order, report_of, sent, view

REPORT = report_of([message(1.5, 1.6)])
MESSAGES = [
    order(traffic=Traffic(arrival=Arrival("poisson", 5.0), sources=("127.0.0.2",))),
    EndOrder(at_once=True, drain_s=0.4),
    REPORT,
    pulse(),
    Opened(run_id="run", cell=0, worker="w1", opened_s=0.5),
    Fault(run_id=None, worker="w1", reason="no file left"),
    WorkerLimits("w1", 1024, None, "eth0"),
]


def over_the_wire(plain: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = msgpack.unpackb(msgpack.packb(plain))
    return read


@pytest.mark.parametrize("told", MESSAGES, ids=lambda told: type(told).__name__)
def test_a_message_arrives_as_it_was_sent(told: Message) -> None:
    assert type(told).from_message(over_the_wire(told.to_message())) == told


def test_a_report_carries_connections_kept_whole() -> None:
    recorder = begun(order())
    recorder.keep_connection("127.0.0.1:5", view(START_NS))
    (row,) = sent(recorder, "w1", final=True).counts.connections
    assert (row["address"], row["connect_start_ns"]) == ("127.0.0.1:5", START_NS)


def without(plain: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in plain.items() if key != name}


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        ({**REPORT.to_message(), "added_later": 1}, "added_later"),
        (without(REPORT.to_message(), "counts"), "counts"),
        ({**REPORT.to_message(), "standing": without(REPORT.standing.to_message(), "users")}, "users"),
    ],
)
def test_what_another_version_says_is_refused_with_the_remedy(plain: dict[str, Any], named: str) -> None:
    with pytest.raises(HarnessError, match=rf"{named}.*start master and workers from the same version"):
        Report.from_message(plain)


@pytest.mark.parametrize(
    "plain",
    [
        {**REPORT.to_message(), "cell": "0"},
        {**REPORT.to_message(), "final": 1},
        {**REPORT.to_message(), "counts": 5},
        {**REPORT.to_message(), "host": {"name": b"w1"}},
        {**REPORT.to_message(), "host": {"cores": float("nan")}},
        {**REPORT.to_message(), "host": {"deep": [[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]}},
        {**REPORT.to_message(), "counts": {**REPORT.counts.to_message(), "ledger": {"answered": "many"}}},
        {**REPORT.to_message(), "counts": {**REPORT.counts.to_message(), "sessions": 1 << 63}},
        {**REPORT.to_message(), "standing": {**REPORT.standing.to_message(), "window_s": float("inf")}},
        {**REPORT.to_message(), "standing": {**REPORT.standing.to_message(), "health": None}},
    ],
)
def test_what_has_the_right_fields_and_says_in_them_what_cannot_be_is_told_apart(
    plain: dict[str, Any],
) -> None:
    with pytest.raises(FalseMessageError, match="cannot read a Report"):
        Report.from_message(plain)


@pytest.mark.parametrize("plain", [None, 7, "text", [], [("run_id", "run")]])
def test_what_has_no_fields_is_no_message(plain: object) -> None:
    with pytest.raises(HarnessError, match="cannot read a Report: it has no fields"):
        Report.from_message(plain)


def test_an_order_for_unknown_arrivals_is_refused_and_they_become_no_others() -> None:
    plain = order().to_message()
    plain["traffic"]["arrival"] = {"kind": "bursty", "rate_per_s": 5.0}
    with pytest.raises(HarnessError, match="'bursty' is unknown"):
        CellOrder.from_message(plain)


def an_order(traffic: Traffic) -> CellOrder:
    return CellOrder("run", 0, "target", "tcp://service:7", "line", False, None, traffic, 0.0, None, 3)


def test_an_order_survives_its_way_to_a_worker() -> None:
    traffic = Traffic(messages=9, arrival=Arrival("poisson", 50.0), sources=("127.0.0.1", "127.0.0.2"))
    told = an_order(traffic)
    for each in (told, told.for_share(1, 4)):
        # Over the wire, tuples come as lists.
        assert CellOrder.from_message(json.loads(json.dumps(each.to_message()))) == each


def test_each_worker_has_its_share_of_an_order_that_is_else_the_same() -> None:
    told = an_order(Traffic())
    assert (told.share, told.shares, told.seed) == (0, 1, 3)
    assert told.for_share(1, 4) == replace(told, share=1, shares=4)
