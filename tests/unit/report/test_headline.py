"""The verdict in words: one sentence, a few that support it, and none that a run does not bear out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from lockstep.analysis.aggregate import Aggregate, Spread, aggregate
from lockstep.analysis.comparison import judge
from lockstep.analysis.series import modes_of
from lockstep.report import headline
from lockstep.runs.measures import Edges
from lockstep.runs.records import Messages, Requests, Run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import all_failed, make_cell, modes_named, run_of, series_named
from tests.factories.simulated import simulated_run


def said_of(run: Run) -> tuple[str, list[str]]:
    aggregates = aggregate(run.cells, modes_of(run))
    verdict = judge(run)
    return headline.headline(verdict, aggregates), headline.supporting(verdict, aggregates)


def test_the_headline_is_the_verdict_and_the_others_under_the_same_load_support_it() -> None:
    first, others = said_of(simulated_run()[0])
    assert first.startswith("At 32 connections, lock reaches ")
    assert first.endswith(").")
    leads = ["semaphore=4 reaches", "queue=1 reaches", "lock's p99"]
    for said, lead in zip(others[:-1], leads, strict=True):
        assert said.startswith(f"At 32 connections, {lead} ")
    assert others[-1].startswith("Mean hand-off")


def test_a_degraded_run_gets_no_verdict() -> None:
    run = simulated_run(repeats=2)[0]
    first, others = said_of(replace(run, cells=[replace(cell, workers_reported=1) for cell in run.cells]))
    assert first.startswith("No verdict")
    assert "missing-workers" in first
    assert others == []


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (
            simulated_run(modes=("lock",), levels=(8,))[0],
            r"^At 8 connections, lock's throughput is \d+ messages/s",
        ),
        (simulated_run(modes=("lock",), levels=(8,), repeats=1)[0], r"messages/s \(one repeat\)\.$"),
        (
            simulated_open_run(modes=("lock",)),
            r"^At 357 arrivals per second \(64 users\), lock's p99",
        ),
        (replace(simulated_run()[0], cells=[]), "No cell was measured to its end."),
        (all_failed(simulated_run(modes=("lock",), levels=(8,))[0]), r"^No message was answered\.$"),
    ],
    ids=["one mode", "one repeat", "open load", "no cell", "all failed"],
)
def test_where_nothing_was_compared_the_headline_says_what_was_measured(run: Run, said: str) -> None:
    assert re.search(said, said_of(run)[0])


def test_of_a_run_that_was_answered_nothing_it_is_not_said_that_its_cells_were_too_short() -> None:
    run = all_failed(simulated_run(modes=("lock",), levels=(8,))[0])
    short = Edges(share=0.0, under_way=8, longest_us=5e5, needs_s=60.0, at_least=True)
    cells = [replace(cell, edges=short, times={}) for cell in run.cells]
    assert said_of(replace(run, cells=cells)) == ("No message was answered.", [])


def test_where_replies_came_it_is_not_said_that_nobody_answered() -> None:
    run = simulated_run(modes=("lock",), levels=(8,))[0]
    cells = [
        replace(
            cell, messages=Messages(sent=9, mismatch=9), messages_per_s=0.0, examples={"mismatch": "b'no'"}
        )
        for cell in run.cells
    ]
    assert said_of(replace(run, cells=cells)) == (
        "No reply was as expected; the first failure: b'no'.",
        [],
    )


def failing(run: Run, **failed: int) -> Run:
    """The run with so many of 1,000 messages failed in every cell of a mode."""
    cells = [
        replace(cell, messages=Messages(sent=1_000, answered=1_000 - number, reset=number))
        if (number := failed.get(cell.mode, 0))
        else cell
        for cell in run.cells
    ]
    return replace(run, cells=cells)


def test_who_fails_one_message_of_a_hundred_or_more_is_named_before_all_else() -> None:
    alone = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0]
    assert said_of(failing(alone, lock=490))[1][0] == (
        "At 8 connections, lock fails 49% of its messages (490 of 1,000)."
    )
    assert not any("fails" in said for said in said_of(failing(alone, lock=9))[1])
    both = simulated_run(modes=("free", "lock"), levels=(8,), repeats=1)[0]
    first, others = said_of(failing(both, free=490, lock=10))
    assert first.startswith("At 8 connections, lock reaches ")
    assert others[0] == (
        "At 8 connections, free fails 49% of its messages (490 of 1,000), lock 1% (10 of 1,000)."
    )


def test_failures_are_told_under_the_load_where_they_are_most() -> None:
    run = simulated_run(modes=("free", "lock"), levels=(1, 8), repeats=1)[0]
    cells = [
        replace(cell, messages=Messages(sent=100, answered=100 - cell.level * 3, reset=cell.level * 3))
        if cell.mode == "free" or cell.level == 1
        else cell
        for cell in run.cells
    ]
    assert said_of(replace(run, cells=cells))[1][0] == (
        "At 8 connections, free fails 24% of its messages (24 of 100), at 1 connection lock 3% (3 of 100)."
    )


def test_whoever_answered_nothing_is_named_once() -> None:
    run = simulated_run(modes=("free", "lock"), levels=(8,))[0]
    silent = {cell.index: cell for cell in all_failed(run).cells}
    cells = [silent[cell.index] if cell.mode == "lock" else cell for cell in run.cells]
    first, others = said_of(replace(run, cells=cells))
    assert [said for said in (first, *others) if "lock answers no message" in said] == [first]


def test_of_a_server_that_failed_most_messages_no_throughput_is_told() -> None:
    """It was killed in mid-cell: what it answered before is no measure of it."""
    run = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0]
    killed = replace(run.cells[0], messages=Messages(sent=19_438, answered=598, refused=18_840))
    assert said_of(replace(run, cells=[killed]))[0] == (
        "At 8 connections, lock fails 18,840 of 19,438 messages."
    )


def test_the_hand_off_is_told_of_each_mode_under_its_greatest_load() -> None:
    free, lock = aggregate(
        simulated_run(modes=("free", "lock"), levels=(8,))[0].cells, modes_named("free", "lock")
    )
    slower = replace(lock, level=32, times={"handoff": {"mean": Spread(84, 80, 90)}})
    queue: Aggregate = replace(
        lock, series=series_named("queue=1"), times={"handoff": {"mean": Spread(9, 9, 9)}}
    )
    said = headline.handoff_sentence([free, slower, lock, queue])
    assert said is not None
    assert said.endswith(": 84.0 µs with lock, 9.00 µs with queue=1.")
    assert headline.handoff_sentence([free]) is None


def test_a_peak_above_the_users_is_explained_and_no_other_is() -> None:
    (lock,) = aggregate(simulated_run(modes=("lock",), levels=(8,))[0].cells, modes_named("lock"))
    assert headline.peak_notes([replace(lock, max_in_service=8), replace(lock, max_in_service=None)]) == []
    (note,) = headline.peak_notes([lock, replace(lock, max_in_service=9)])
    assert note.startswith("Peak 9 with 8 users: ")


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ({"receive": 600, "send": 60}, "At 8 connections, free pushes 300 messages/s (one repeat)."),
        ({"send": 60}, "At 8 connections, free takes 30.0 messages/s (one repeat)."),
        ({}, "No message was answered."),
    ],
)
def test_where_nothing_is_asked_it_is_told_what_comes_all_the_same(steps: dict[str, int], said: str) -> None:
    requests = {name: Requests(Messages(sent=count, answered=count)) for name, count in steps.items()}
    cell = make_cell("free", messages=Messages(), messages_per_s=0.0, seconds=2.0, requests=requests)
    assert said_of(run_of([cell])) == (said, [])
