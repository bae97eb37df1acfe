"""Gates judged from a run alone: which figure counts, and what is said where there is none."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lockstep.analysis.gates import GateResult, judge_gates, unmet
from lockstep.runs.measures import Distribution, Edges, Fairness
from lockstep.runs.records import Cell, Messages, Requests, Run
from tests.factories.runs import without_server
from tests.factories.simulated import simulated_run

LEVELS = (1, 8)
REPEATS = 3


@pytest.fixture(scope="module")
def run() -> Run:
    return simulated_run(modes=("free", "lock"), levels=LEVELS, repeats=REPEATS)[0]


def gated(run: Run, *gates: str) -> Run:
    return replace(run, plan={**run.plan, "gates": list(gates)})


def changed(run: Run, which: Callable[[Cell], bool], **changes: Any) -> Run:
    return replace(run, cells=[replace(cell, **changes) if which(cell) else cell for cell in run.cells])


def with_rates(run: Run, rates: dict[tuple[str, int], float]) -> Run:
    """The same run with these messages per second, by mode and repeat, at every level."""
    cells = [replace(cell, messages_per_s=rates[cell.mode, cell.repeat]) for cell in run.cells]
    return replace(run, cells=cells)


RATES = {
    **{("free", repeat): rate for repeat, rate in enumerate((100.0, 400.0, 200.0), start=1)},
    **{("lock", repeat): rate for repeat, rate in enumerate((10.0, 20.0, 40.0), start=1)},
}


IN_ORDER = Fairness(connections=8, overtaken=2, longest_wait_us=79_000.0, jain=0.8)


def only(run: Run, gate: str) -> GateResult:
    (judged,) = judge_gates(gated(run, gate))
    return judged


def test_a_run_without_gates_has_nothing_to_judge(run: Run) -> None:
    assert judge_gates(run) == []
    assert judge_gates(replace(run, kind="hand", plan={"mode": "free"})) == []


def test_without_a_level_a_gate_is_judged_at_each_level_of_the_plan(run: Run) -> None:
    judged = judge_gates(gated(run, "free: failed < 1", "lock@8: failed < 1"))
    assert [(each.gate.mode, each.level) for each in judged] == [("free", 1), ("free", 8), ("lock", 8)]
    assert all(each.passed for each in judged)
    assert unmet(judged) == []


@pytest.mark.parametrize(
    ("bound", "passed"),
    [
        ("> 199", True),
        ("> 200", False),
        (">= 200", True),
        ("< 201", True),
        ("< 200", False),
        ("<= 200", True),
    ],
)
def test_a_rate_is_judged_by_the_median_of_its_repeats(run: Run, bound: str, passed: bool) -> None:
    judged = only(with_rates(run, RATES), f"free@8: messages_per_s {bound}")
    assert (judged.value, judged.low, judged.high, judged.passed) == (200, 100, 400, passed)
    assert unmet([judged]) == ([] if passed else [judged])


def test_what_went_wrong_in_one_repeat_is_not_hidden_by_the_others(run: Run) -> None:
    lossy = changed(
        run,
        lambda cell: (cell.mode, cell.level, cell.repeat) == ("free", 8, 2),
        messages=Messages(sent=100, answered=98, timeout=2),
    )
    failed = only(lossy, "free@8: failed <= 0")
    assert (failed.value, failed.low, failed.high, failed.passed) == (2, 0, 2, False)
    share = only(lossy, "free@8: failed_share < 1%")
    assert (share.value, share.passed) == (0.02, False)
    assert only(lossy, "lock@8: failed <= 0").passed


def test_a_count_that_must_be_reached_must_be_so_in_every_repeat(run: Run) -> None:
    first = changed(run, lambda cell: (cell.level, cell.repeat) == (8, 1), late=5)
    judged = only(first, "free@8: late > 3")
    assert (judged.value, judged.passed) == (0, False)


def test_order_and_fairness_can_be_asked_for(run: Run) -> None:
    server = run.cells[0].server
    assert server is not None
    ordered = changed(run, lambda cell: cell.mode == "lock", server=replace(server, fairness=IN_ORDER))
    asked = ("lock@8: overtaken_share <= 25%", "lock@8: jain >= 0.9", "lock@8: longest_wait < 80ms")
    assert [each.passed for each in judge_gates(gated(ordered, *asked))] == [True, False, True]


def test_a_ratio_is_that_of_geometric_means_repeat_against_repeat(run: Run) -> None:
    """0.1, 0.05 and 0.2: their geometric mean is 0.1, whatever the medians are."""
    judged = only(with_rates(run, RATES), "lock/free@8: messages_per_s > 0.05")
    assert judged.value == pytest.approx(0.1)
    assert judged.low is not None
    assert judged.high is not None
    assert judged.low < 0.05 < 0.2 < judged.high
    assert judged.passed
    assert not only(with_rates(run, RATES), "lock/free@8: messages_per_s > 0.11").passed


def test_one_repeat_gives_a_ratio_without_an_interval() -> None:
    run = simulated_run(modes=("free", "lock"), levels=LEVELS, repeats=1)[0]
    judged = only(run, "lock/free@8: messages_per_s < 1")
    assert judged.value is not None
    assert (judged.low, judged.high, judged.passed) == (None, None, True)


@pytest.mark.parametrize(
    ("case", "gate", "words"),
    [
        (without_server, "free@8: max_in_service > 0", "not measured"),
        (lambda run: replace(run, cells=[]), "free@8: failed <= 0", "not measured"),
        (lambda run: changed(run, lambda _: True, cut_short=True), "free@8: failed <= 0", "not measured"),
        (lambda run: run, "free@8: handoff_p50 > 0us", "not measured"),
        (lambda run: run, "lock/free@8: handoff_p50 > 0", "no ratio: 0 or not measured"),
        (lambda run: run, "lock/free@8: failed < 1", "no ratio: 0 or not measured"),
        (
            lambda run: replace(run, cells=[cell for cell in run.cells if cell.mode != "free"]),
            "lock/free@8: messages_per_s > 0",
            "no ratio: 0 or not measured",
        ),
    ],
)
def test_what_was_not_measured_fails(run: Run, case: Callable[[Run], Run], gate: str, words: str) -> None:
    judged = only(case(run), gate)
    assert (judged.value, judged.passed, judged.reason) == (None, False, words)


def test_a_repeat_without_the_figure_is_not_passed_over(run: Run) -> None:
    silent = changed(run, lambda cell: (cell.mode, cell.repeat) == ("free", 2), times={})
    judged = only(silent, "free@8: response_p99 < 1s")
    assert (judged.value, judged.passed) == (None, False)
    assert judged.reason == "not measured in 1 of 3 repeats"
    assert only(silent, "lock/free@8: response_p99 > 0").reason == "no ratio: 0 or not measured"


def test_where_no_message_was_sent_it_is_not_said_that_none_failed(run: Run) -> None:
    idle = changed(run, lambda cell: cell.mode == "free", messages=Messages())
    judged = only(idle, "free@8: failed <= 0")
    assert (judged.passed, judged.reason) == (False, "not measured")


def test_a_repeat_that_never_ran_is_not_passed_over(run: Run) -> None:
    stopped = replace(run, interrupted=True, cells=[cell for cell in run.cells if cell.repeat == 1])
    for gate in ("free@8: failed <= 0", "lock/free@8: messages_per_s > 0"):
        judged = only(stopped, gate)
        assert (judged.passed, judged.reason) == (False, "not measured in 2 of 3 repeats")


def test_a_ratio_needs_both_modes_in_every_repeat(run: Run) -> None:
    lacking = with_rates(run, RATES)
    lacking = changed(lacking, lambda cell: cell.repeat == 3 and cell.mode == "lock", cut_short=True)
    judged = only(lacking, "lock/free@8: messages_per_s > 0")
    assert (judged.passed, judged.reason) == (False, "not measured in 1 of 3 repeats")


def test_in_a_degraded_run_nothing_is_judged_and_the_checks_are_named(run: Run) -> None:
    degraded = changed(run, lambda cell: cell.index == 0, workers_reported=1)
    (met, missed) = judge_gates(gated(degraded, "free@8: failed <= 0", "free@8: failed > 0"))
    for judged in (met, missed):
        assert (judged.value, judged.passed, judged.reason) == (None, None, "degraded: missing-workers")
    assert unmet([met, missed]) == []


def test_a_gate_rests_on_the_measured_time_of_its_cells(run: Run) -> None:
    seconds = run.cells[0].seconds
    assert only(run, "free@8: failed <= 0").seconds == pytest.approx(REPEATS * seconds)
    assert only(run, "lock/free@8: messages_per_s > 0").seconds == pytest.approx(2 * REPEATS * seconds)


def test_single_repeats_that_were_disturbed_are_left_out_of_a_gate_and_not_lacking(run: Run) -> None:
    short = Edges(-0.2, 32, 3_340_000.0, 960.0)
    once = changed(
        with_rates(run, RATES),
        lambda cell: (cell.mode, cell.repeat) == ("free", 2),
        edges=short,
        times={},
    )
    judged = only(once, "free@8: messages_per_s > 0")
    assert (judged.value, judged.low, judged.high, judged.passed) == (150.0, 100.0, 200.0, True)
    assert only(once, "free@8: response_p99 < 100s").passed
    assert only(once, "lock/free@8: messages_per_s > 0").value == pytest.approx(math.sqrt(0.1 * 0.2))
    mostly = changed(once, lambda cell: (cell.mode, cell.repeat) == ("free", 1), edges=short)
    assert only(mostly, "free@8: messages_per_s > 0").passed is None


def named(run: Run, *p99s_us: float) -> Run:
    """The run, in which GET's p99 was this in each repeat, and a tenth of it failed."""
    messages = Messages(sent=100, answered=90, error=10)

    def requests(cell: Cell) -> dict[str, Requests]:
        p99_us = p99s_us[cell.repeat - 1]
        return {"GET": Requests(messages, Distribution(90, 1.0, 2.0, 2.0, 3.0, p99_us, p99_us, p99_us))}

    return replace(run, cells=[replace(cell, requests=requests(cell)) for cell in run.cells])


def test_a_gate_of_one_name_judges_its_messages_alone(run: Run) -> None:
    gated_run = named(run, 4_000.0, 5_000.0, 90_000.0)
    assert only(gated_run, "free@8: GET.response_p99 < 6ms").value == 5_000.0
    share = only(gated_run, "free@8: GET.failed_share < 5%")
    assert (share.value, share.passed) == (0.1, False)
    rate = only(gated_run, "free@8: GET.messages_per_s > 1").value
    assert rate is not None
    assert math.isclose(rate, 90 / run.cells[0].seconds, rel_tol=0.1)


def test_a_gate_of_a_name_that_no_message_had_fails_and_says_which_there_are(run: Run) -> None:
    result = only(named(run, 1.0, 1.0, 1.0), "free@8: SET.failed < 1")
    assert (result.passed, result.reason) == (False, "no message is called SET: there are GET")
    assert only(run, "free@8: SET.failed < 1").reason == "no message is called SET: none has a name"


def test_a_gate_on_a_step_is_judged_where_no_message_was_sent(run: Run) -> None:
    pushed = {"receive": Requests(Messages(sent=100, answered=99, timeout=1))}
    waiting = changed(run, lambda _: True, messages=Messages(), messages_per_s=0.0, requests=pushed)
    assert only(waiting, "free@8: receive.failed <= 1").passed
    assert only(waiting, "free@8: receive.failed <= 0").passed is False
    assert only(waiting, "free@8: failed <= 0").reason == "not measured"
