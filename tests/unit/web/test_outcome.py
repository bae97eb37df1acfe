"""What the page says of a run by its saved cells."""

from __future__ import annotations

from dataclasses import replace

from lockstep.analysis.check import cell_name
from lockstep.web.state import MAX_NAMED, Outcome, outcome_of
from tests.factories.runs import without_server
from tests.factories.simulated import simulated_run

RUN, _ = simulated_run(("free", "lock"), (1, 8), 3)


def test_while_a_run_goes_on_there_are_figures_and_no_verdict() -> None:
    outcome = outcome_of(replace(RUN, finished=None, cells=RUN.cells[:4]))
    assert {each.words[0] for each in outcome.results} == {"free", "lock"}
    assert outcome.sentences == ()


def test_in_the_end_the_verdict_is_said_in_sentences_its_headline_first() -> None:
    outcome = outcome_of(RUN)
    assert outcome.sentences[0].startswith("At 8 connections, lock reaches ")
    assert "95%" in outcome.sentences[0]
    assert len(outcome.sentences) > 1
    assert all(said.endswith(".") and said[0].isupper() for said in outcome.sentences)
    assert outcome.doubts == ()
    assert outcome.gates == ()


def test_gates_are_judged_when_the_run_is_over_and_not_before() -> None:
    gated = replace(RUN, plan={**RUN.plan, "gates": ["free: failed <= 0", "lock: messages_per_s > 100000"]})
    assert outcome_of(replace(gated, finished=None)).gates == ()
    assert [(each.passed, each.level) for each in outcome_of(gated).gates] == [
        (True, 1),
        (True, 8),
        (False, 1),
        (False, 8),
    ]


def test_a_degraded_run_has_no_verdict_and_says_why() -> None:
    lost = replace(RUN.cells[0], workers_reported=1)
    outcome = outcome_of(replace(RUN, cells=[lost, *RUN.cells[1:]]))
    assert len(outcome.sentences) == 1
    assert outcome.sentences[0].startswith("No verdict, ")
    (doubt,) = outcome.doubts
    assert doubt.message.startswith("Workers did not report")
    assert [where.startswith(f"{cell_name(lost)}: ") for where in doubt.where] == [True]
    assert doubt.advice


def test_of_many_doubtful_cells_a_few_are_named_and_the_rest_is_counted() -> None:
    outcome = outcome_of(replace(RUN, cells=[replace(cell, workers_reported=1) for cell in RUN.cells]))
    *named, rest = outcome.doubts[0].where
    assert len(named) == MAX_NAMED
    assert rest == f"and {len(RUN.cells) - MAX_NAMED} more cells"


def test_a_run_by_hand_says_what_it_served() -> None:
    cell = replace(RUN.cells[0], mode="lock")
    outcome = outcome_of(replace(RUN, kind="hand", plan={"mode": "lock"}, cells=[cell]))
    said = outcome.sentences[0]
    assert "lock's throughput" in said


def test_each_row_has_its_split_where_the_server_told_times() -> None:
    outcome = outcome_of(RUN)
    locked = outcome.results[-1].split
    assert locked is not None
    assert locked.wait_us > locked.network_us > 0
    assert {each.split for each in outcome_of(without_server(RUN)).results} == {None}


def test_columns_that_only_a_server_fills_are_left_out_where_none_did() -> None:
    told, untold = outcome_of(RUN), outcome_of(without_server(RUN))
    assert set(told.heads) - set(untold.heads) == {"wait, mean", "peak in service"}
    assert {len(each.words) for each in untold.results} == {len(untold.heads)}


def test_a_run_without_cells_has_no_figures_and_says_so_in_the_end() -> None:
    assert outcome_of(replace(RUN, finished=None, cells=[])) == Outcome()
    assert outcome_of(replace(RUN, cells=[])).sentences == ("No cell was measured to its end.",)
