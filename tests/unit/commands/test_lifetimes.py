"""Connections' lifetimes as rows of text."""

from __future__ import annotations

from lockstep.commands.demonstration import HELD, IN_SERVICE, LEGEND, WAITING, Lifetime, draw_lifetimes
from lockstep.runs.connections import ClientView, ServerRecord

S = 1_000_000_000


def lived(name: str, admission_s: float, left_s: float, release_s: float, arrival_s: float = 0.0) -> Lifetime:
    arrival, admission, left, release = (round(at * S) for at in (arrival_s, admission_s, left_s, release_s))
    client = ClientView(arrival, arrival, arrival, admission, left, left, "answered", 1)
    return Lifetime(name, client, ServerRecord(arrival, admission, release, left, "peer", 1))


def test_nobody_makes_no_picture() -> None:
    assert draw_lifetimes([], 80) == []


def test_a_row_shows_waiting_then_service_then_the_permit_still_held() -> None:
    row, scale, legend = draw_lifetimes([lived("one", 4, 6, 10)], 10 + 3 + 4)
    assert row == "one  " + WAITING * 4 + IN_SERVICE * 2 + HELD * 4
    assert scale.strip().startswith("0")
    assert scale.endswith("10.000 s")
    assert legend == LEGEND


def test_locked_connections_are_served_one_after_another_in_the_picture() -> None:
    lifetimes = [lived(f"client {n}", n, n + 0.5, n + 1) for n in range(3)]
    rows = draw_lifetimes(lifetimes, 100)[:3]
    starts = [row.index(IN_SERVICE) for row in rows]
    ends = [row.rindex(IN_SERVICE) for row in rows]
    assert ends[0] < starts[1] <= ends[1] < starts[2]


def test_a_service_too_short_for_the_scale_still_shows() -> None:
    rows = draw_lifetimes([lived("one", 0, 0.000001, 1), lived("two", 1, 1.000001, 2)], 60)
    assert all(IN_SERVICE in row for row in rows[:2])


def test_a_connection_that_the_server_never_admitted_only_waits() -> None:
    client = ClientView(0, 1, None, None, None, S, "timeout", 0)
    for server in (None, ServerRecord(0, None, None, S, "idle", 0)):
        row = draw_lifetimes([Lifetime("one", client, server)], 40)[0]
        assert set(row.removeprefix("one").strip()) == {WAITING}


def test_no_row_is_wider_than_asked_for() -> None:
    lifetimes = [lived(f"client {n}", n / 7, n / 5, n / 3) for n in range(1, 12)]
    for width in (40, 80, 100):
        *rows, _legend = draw_lifetimes(lifetimes, width)
        assert max(map(len, rows)) <= width
