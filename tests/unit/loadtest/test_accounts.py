"""Small pure parts: the ledger's words, the form's choices, the clients' lifetimes, payloads, targets."""

from __future__ import annotations

from argparse import Namespace
from itertools import islice

import pytest

from loadtest.analysis.lifetimes import IN_SERVICE, WAITING, Lifetime, draw_lifetimes
from loadtest.cells import make_ledger
from loadtest.plan import PlanError
from loadtest.results import ClientView, Messages, ServerCell, ServerRecord
from loadtest.scenarios import payloads
from loadtest.socket_errors import HarnessError
from loadtest.target import split_target
from loadtest.web.form import chosen


def server(answered: int) -> ServerCell:
    return ServerCell(accepted=1, received=answered, answered=answered, max_in_service=1, max_waiting=1)


@pytest.mark.parametrize(
    ("messages", "answered_by_server", "difference", "said"),
    [
        (Messages(sent=5, answered=5), 5, 0, ""),
        (Messages(sent=5, answered=4, aborted=1), 5, 1, "failed in flight"),
        (Messages(sent=5, answered=5), 7, 2, "more than the clients"),
        (Messages(sent=5, answered=5), 4, -1, "fewer"),
    ],
)
def test_a_difference_between_the_accounts_is_named(
    messages: Messages, answered_by_server: int, difference: int, said: str
) -> None:
    ledger = make_ledger(messages, server(answered_by_server))
    assert ledger.difference == difference
    assert said in ledger.explanation
    assert bool(ledger.explanation) == bool(difference)


def test_a_server_that_does_not_tell_leaves_no_difference() -> None:
    assert make_ledger(Messages(sent=1, answered=1), None).difference is None


@pytest.mark.parametrize("size", [1, 7, 8, 9, 64, 1000])
def test_payloads_have_their_size_and_differ_from_one_to_the_next(size: int) -> None:
    some = list(islice(payloads(size), 16))
    assert {len(payload) for payload in some} == {size}
    assert len(set(some)) == 16
    assert not any(b"\n" in payload for payload in some)


@pytest.mark.parametrize(
    ("host", "target"),
    [
        ("tcp://server:8888", ("server", 8888)),
        ("tcp://server", ("server", None)),
        ("127.0.0.1:7", ("127.0.0.1", 7)),
    ],
)
def test_a_target_is_a_name_and_perhaps_a_port(host: str, target: tuple[str, int | None]) -> None:
    assert split_target(host) == target


@pytest.mark.parametrize("host", [None, "", "http://server:80", "tcp://:80", "tcp://server:port"])
def test_what_is_no_target_is_refused_with_the_remedy(host: str | None) -> None:
    with pytest.raises(HarnessError, match="tcp://name:port"):
        split_target(host)


def view(start: int, end: int) -> ClientView:
    return ClientView(start, start, start, end, end, end, "answered", 1)


def test_lifetimes_of_a_lock_are_stairs() -> None:
    second = 10**9
    lifetimes = [
        Lifetime("client 1", view(0, second), ServerRecord(0, 0, second, second, "peer", 1)),
        Lifetime("client 2", view(0, 2 * second), ServerRecord(0, second, 2 * second, 2 * second, "peer", 1)),
    ]
    first, second_row, scale, _ = draw_lifetimes(lifetimes, width=32)
    assert first.removeprefix("client 1  ") == IN_SERVICE * 10
    assert second_row.removeprefix("client 2  ") == WAITING * 10 + IN_SERVICE * 10
    assert scale.endswith("2.000 s")


def test_nobody_there_draws_nothing() -> None:
    assert draw_lifetimes([], width=80) == []


def test_choices_take_the_type_of_their_option() -> None:
    options = Namespace(payload=64, seconds=1.5, mode="free", out="results")
    made = chosen(options, {"payload": "128", "seconds": "2", "mode": "lock"})
    assert (made.payload, made.seconds, made.mode, made.out) == (128, 2.0, "lock", "results")
    assert options.payload == 64, "what was chosen before stays"
    for field, value in (("payload", "abc"), ("seconds", "soon"), ("out", "/etc")):
        with pytest.raises(PlanError) as refusal:
            chosen(options, {field: value})
        assert refusal.value.what == field
