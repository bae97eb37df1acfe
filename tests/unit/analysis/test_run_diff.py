"""Run against run: what counts as worse, and that the same thing measured twice does not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lockstep.analysis.conditions import builds, mismatches
from lockstep.analysis.run_diff import Change, Lost, RunDiff, diff
from lockstep.runs.records import Cell, Messages, Run
from tests.factories.runs import SENT, degraded, make_cell, noisy_run, run_of, series_named, silent

PAIRS = 100
LOCK = series_named("lock")
EVEN = (1.0, 1.01, 0.99)


def repeated(spread: Sequence[float], rate: float = 100.0, **more: Any) -> Run:
    """One mode at one level, whose repeats have these factors of the rate."""
    cells = [
        make_cell("lock", 8, repeat, messages_per_s=rate * factor, **more)
        for repeat, factor in enumerate(spread, start=1)
    ]
    return run_of(cells)


def change(found: RunDiff, metric: str) -> Change:
    return next(each.change for each in found.differences if each.metric.name == metric)


@pytest.mark.parametrize("repeats", [3, 5, 10])
def test_the_same_thing_measured_twice_shows_no_difference_in_95_of_100_pairs(repeats: int) -> None:
    rng = random.Random(repeats)
    pairs = ((noisy_run(rng, repeats), noisy_run(rng, repeats)) for _ in range(PAIRS))
    found = [diff(first, second, 0.05) for first, second in pairs]
    assert all(len(each.differences) == 12 for each in found)
    alike = [each for each in found if len(each.of(Change.NOT_SHOWN)) == len(each.differences)]
    assert len(alike) >= 95
    assert sum(each.worse for each in found) <= 1


@pytest.mark.parametrize("repeats", [3, 5, 10])
def test_a_server_that_became_half_as_fast_is_found_out_every_time(repeats: int) -> None:
    rng = random.Random(repeats)
    pairs = [(noisy_run(rng, repeats), noisy_run(rng, repeats, slower=2.0)) for _ in range(20)]
    assert all(diff(first, second, 0.05).worse for first, second in pairs)
    assert not any(diff(second, first, 0.05).worse for first, second in pairs)


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (100, Change.NOT_SHOWN),
        (60, Change.WORSE),
        (150, Change.BETTER),
        (93, Change.TOLERATED),
        (107, Change.TOLERATED),
    ],
)
def test_throughput_is_worse_where_the_whole_interval_lies_below_the_tolerance(
    rate: float, shown: Change
) -> None:
    found = diff(repeated(EVEN), repeated(EVEN, rate), 0.05)
    assert change(found, "messages_per_s") is shown
    assert found.worse is (shown is Change.WORSE)


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [((100, 101, 99), (180, 181, 179), Change.WORSE), ((180, 181, 179), (100, 101, 99), Change.BETTER)],
)
def test_times_are_worse_where_they_are_longer(
    before: tuple[float, ...], after: tuple[float, ...], shown: Change
) -> None:
    first, second = (
        run_of([make_cell("lock", 8, repeat, p50_us=p50) for repeat, p50 in enumerate(values, 1)])
        for values in (before, after)
    )
    assert change(diff(first, second, 0.05), "response_p50") is shown


def test_a_wider_tolerance_lets_more_pass() -> None:
    first, second = repeated(EVEN), repeated(EVEN, 80)
    assert diff(first, second, 0.05).worse
    assert not diff(first, second, 0.3).worse


def test_one_repeat_shows_nothing() -> None:
    found = diff(repeated((1.0,)), repeated((0.2,)), 0.05)
    assert {each.change for each in found.differences} == {Change.UNKNOWN}
    assert not found.worse
    assert "one repeat, which cannot show a difference" in (found.blind or "")


def test_an_interval_too_wide_to_show_the_tolerance_is_named() -> None:
    steady, uneven = repeated((1.0, 1.001, 0.999)), repeated((1.0, 1.3, 0.7))
    assert [each.metric.name for each in diff(uneven, uneven, 0.05).underpowered] == ["messages_per_s"]
    assert diff(steady, steady, 0.05).underpowered == []


def test_under_open_load_throughput_is_what_was_offered_and_not_compared() -> None:
    first = repeated(EVEN, arrival="poisson", rate_per_s=100.0)
    found = diff(first, first, 0.05)
    assert [each.metric.name for each in found.differences] == ["response_p50", "response_p99"]


def test_what_one_run_alone_has_is_named_and_cells_cut_short_are_left_out() -> None:
    first = run_of([make_cell("free"), make_cell("lock"), make_cell("lock", 32)])
    second = run_of([make_cell("ticket"), make_cell("lock"), make_cell("free", cut_short=True)])
    found = diff(first, second, 0.05)
    free, lock, ticket = map(series_named, ("free", "lock", "ticket"))
    assert found.only_first == ((free, 8), (lock, 32))
    assert found.only_second == ((ticket, 8),)
    assert {each.series.name for each in found.differences} == {"lock"}


def failing(cell: Cell, failed: int) -> Cell:
    return replace(cell, messages=Messages(sent=SENT, answered=SENT - failed, timeout=failed))


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ((0, 0), (0, 1), Lost(LOCK, 8, 0.0, 0.0005, worse=True)),
        ((10, 10), (15, 25), Lost(LOCK, 8, 0.01, 0.02, worse=False)),
        ((10, 10), (21, 39), Lost(LOCK, 8, 0.01, 0.03, worse=True)),
        ((10, 10), (0, 0), Lost(LOCK, 8, 0.01, 0.0, worse=False)),
    ],
)
def test_messages_lost_are_worse_where_none_were_or_more_than_twice_as_many_everywhere(
    before: tuple[int, int], after: tuple[int, int], lost: Lost
) -> None:
    first, second = (
        run_of([failing(make_cell("lock", 8, repeat), failed) for repeat, failed in enumerate(counts, 1)])
        for counts in (before, after)
    )
    found = diff(first, second, 0.05)
    (told,) = found.lost
    assert (told.first, told.second) == pytest.approx((lost.first, lost.second))
    assert told.worse is found.worse is lost.worse


def test_arrivals_that_nobody_took_are_lost_too() -> None:
    first = repeated(EVEN, arrival="poisson", rate_per_s=100.0)
    second = repeated(EVEN, arrival="poisson", rate_per_s=100.0, dropped=SENT)
    (lost,) = diff(first, second, 0.05).lost
    assert (lost.series.mode, lost.level, lost.first, lost.second, lost.worse) == ("lock", 8, 0.0, 0.5, True)


def test_a_server_that_stopped_answering_is_worse_though_it_has_no_figures() -> None:
    first = repeated(EVEN)
    second = replace(first, cells=list(map(silent, first.cells)))
    found = diff(first, second, 0.05)
    assert found.differences == ()
    assert found.worse


@pytest.mark.parametrize("which", ["A", "B"])
def test_a_degraded_run_on_either_side_gets_no_verdict(which: str) -> None:
    sound = repeated(EVEN)
    spoilt = degraded(repeated(EVEN, 10))
    found = diff(spoilt, sound, 0.05) if which == "A" else diff(sound, spoilt, 0.05)
    assert (found.differences, found.lost) == ((), ())
    assert not found.worse
    assert [(letter, finding.check.name) for letter, finding in found.withheld] == [
        (which, "ledger-difference")
    ]


def with_server(name: str, value: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, server={**run.server, name: value})


def with_hosts(**more: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, hosts=[{**host, **more} for host in run.hosts])


def with_cells(**more: Any) -> Callable[[Run], Run]:
    return lambda run: replace(run, cells=[replace(cell, **more) for cell in run.cells])


@pytest.mark.parametrize(
    ("change", "condition", "first", "second"),
    [
        (with_server("hold_ns", 3_000_000), "server's hold", "2 ms", "3 ms"),
        (with_server("pause_ns", 1_000), "server's pause", "0 ms", "0.001 ms"),
        (with_server("work", "cpu"), "server's work", "sleep", "cpu"),
        (with_server("python", "3.14.0"), "server's Python", "3.13.1", "3.14.0"),
        (with_server("gil", False), "server's global lock", "yes", "no"),
        (with_hosts(cpu_model="Other 9000"), "workers' CPU", "unknown", "Other 9000"),
        (with_hosts(cpu_count=64), "workers' cores", "2", "64"),
        (with_cells(payload_bytes=1024), "payload in bytes", "64", "1024"),
        (with_cells(messages_per_connection=1), "messages per connection", "5", "1"),
        (with_cells(scenario="persistent"), "scenario", "session", "persistent"),
        (with_cells(rate_per_s=62.5), "arrivals per second", "none", "62.5"),
        (lambda run: replace(run, hosts=[*run.hosts, run.hosts[-1]]), "workers", "1", "2"),
        (lambda run: replace(run, kind="hand"), "kind of run", "plan", "hand"),
    ],
)
def test_runs_that_were_not_made_alike_are_told_apart(
    change: Callable[[Run], Run], condition: str, first: str, second: str
) -> None:
    run = repeated(EVEN)
    (found,) = mismatches(run, change(run))
    assert (found.condition, found.first, found.second) == (condition, first, second)


@pytest.mark.parametrize(
    ("scenario", "unheeded"),
    [
        ("persistent", {"messages_per_connection": 9}),
        ("file", {"messages_per_connection": 9, "payload_bytes": 1024}),
        ("receive-only", {"payload_bytes": 1024}),
    ],
)
def test_a_setting_that_a_scenario_does_not_heed_tells_no_runs_apart(
    scenario: str, unheeded: dict[str, int]
) -> None:
    run = with_cells(scenario=scenario)(repeated(EVEN))
    assert mismatches(run, with_cells(**unheeded)(run)) == []


@pytest.mark.parametrize(
    "change",
    [
        with_server("pid", 7),
        with_server("boot_id", "another"),
        with_server("backlog", 200),
        with_server("version", "0.2.0"),
        with_hosts(name="container-7", boot_id="another"),
        lambda run: replace(run, run_id="another", command="another", cells=run.cells[:2]),
    ],
)
def test_what_differs_from_run_to_run_anyway_does_not_tell_them_apart(change: Callable[[Run], Run]) -> None:
    run = repeated(EVEN)
    assert mismatches(run, change(run)) == []


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("0.1.0+aa", "0.1.0+bb", "the server differs: 0.1.0+aa in A, 0.1.0+bb in B"),
        ("0.1.0+aa", "0.1.0+aa", "the server is the same: 0.1.0+aa"),
        ("source", "0.1.0+bb", "the server differs: unknown in A, 0.1.0+bb in B"),
        ("source", "source", "of the server neither run tells the version"),
        (None, "source", "of the server neither run tells the version"),
    ],
)
def test_what_built_the_servers_of_two_runs_is_named(first: object, second: object, words: str) -> None:
    run = repeated(EVEN)
    assert builds(with_server("version", first)(run), with_server("version", second)(run))[0] == words


def test_what_built_the_load_sides_of_two_runs_is_named() -> None:
    run = repeated(EVEN)
    told = with_hosts(lockstep="0.1.0+aa")(run), with_hosts(lockstep="0.1.0+bb")(run)
    assert builds(*told)[1] == "the load side differs: 0.1.0+aa in A, 0.1.0+bb in B"
    assert builds(run, run)[1] == "of the load side neither run tells the version"
