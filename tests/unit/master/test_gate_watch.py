"""Gates that may end a cell while it runs."""

from __future__ import annotations

import numpy as np
import pytest

from lockstep.analysis.gate_syntax import WATCHED, parse_gates
from lockstep.analysis.gates import judge_gates
from lockstep.control import Pulse
from lockstep.errors import PlanError
from lockstep.master.gate_watch import GateWatch
from lockstep.master.under_way import gates_of
from lockstep.plan import Plan, PlannedCell
from lockstep.record.pulse import BUCKETS
from tests.factories.runs import make_cell, run_of


def pulse(answered: int, failed: int = 0, *, slow: bool = False) -> Pulse:
    """One second of a worker; answers take about 1 ms, or where it is slow about 1 s."""
    responses = np.zeros(BUCKETS, np.int64)
    responses[-20 if slow else 60] = answered
    return Pulse(
        run_id="run",
        cell=0,
        mode="free",
        worker="w",
        span_ns=10**9,
        answered=answered,
        failures={"reset": failed},
        responses=responses.tolist(),
        timed=0,
        network_ns=0,
        wait_ns=0,
        service_ns=0,
        connections=1,
    )


def watch(*texts: str) -> GateWatch:
    return GateWatch(parse_gates(texts, ["free", "lock"], [8]))


def test_a_cell_goes_on_while_its_gates_hold() -> None:
    looking = watch("free: failed_share < 10% or abort", "free: response_p99 < 10s or abort")
    assert [looking.note(pulse(1000, 20)) for _ in range(5)] == [None] * 5


def test_what_all_workers_saw_is_added_up_until_it_breaks_a_gate() -> None:
    looking = watch("free: failed < 100 or abort")
    assert looking.note(pulse(5, 60)) is None
    assert looking.note(pulse(5, 60)) == "failed came to 120, and the gate is 'free: failed < 100 or abort'"


def test_a_share_and_a_percentile_of_a_few_messages_end_nothing() -> None:
    looking = watch("free: failed_share < 10% or abort", "free: response_p99 < 10ms or abort")
    assert looking.note(pulse(9, 9, slow=True)) is None
    assert str(looking.note(pulse(91, 0))).startswith("response_p99 came to ")
    assert str(watch("free: failed_share < 10% or abort").note(pulse(80, 20))).startswith(
        "failed_share came to 20%"
    )


def test_a_gate_that_may_not_end_a_cell_never_does() -> None:
    assert watch("free: failed < 1").note(pulse(0, 5000)) is None


@pytest.mark.parametrize("metric", WATCHED)
def test_every_metric_that_may_be_watched_is(metric: str) -> None:
    bound = {"failed": "1", "failed_share": "1%"}.get(metric, "1us")
    assert watch(f"free: {metric} <= {bound} or abort").note(pulse(500, 500, slow=True)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "free: messages_per_s > 10 or abort",
        "free: failed > 10 or abort",
        "free/lock: response_p99 < 2 or abort",
        "free: wait_p99 < 1s or abort",
        "free: login.response_p99 < 1s or abort",
    ],
)
def test_what_nobody_can_know_while_a_cell_runs_cannot_end_it(text: str) -> None:
    with pytest.raises(PlanError, match="cannot end a cell while that runs"):
        watch(text)


def test_a_cell_is_held_to_the_gates_of_its_own_mode_and_level_and_with_company_to_none() -> None:
    gates = ("free: failed < 1 or abort", "lock@8: failed < 1", "lock@1: failed < 2")
    plan = Plan(modes=("free", "lock"), levels=(1, 8), gates=gates, beside=("idle:1",))
    assert [gate.text for gate in gates_of(plan, PlannedCell(0, "lock", 8, 1))] == [gates[1]]
    assert [gate.text for gate in gates_of(plan, PlannedCell(0, "free", 8, 1))] == [gates[0]]
    assert gates_of(plan, PlannedCell(0, "free", 8, 1, "idle:1")) == []


def test_the_verdict_on_a_gate_that_ended_a_cell_is_that_it_did() -> None:
    gate = "free: failed < 100 or abort"
    ended = make_cell("free", cut_short=True, ended_early=f"failed came to 120, and the gate is {gate!r}")
    run = run_of([make_cell("free", repeat=2), ended])
    planned = {"modes": ["free"], "levels": [8], "repeats": 2, "gates": [gate]}
    run = run_of(run.cells, plan=planned)
    (judged,) = judge_gates(run)
    assert judged.passed is False
    assert judged.reason == f"ended early: failed came to 120, and the gate is {gate!r}"
