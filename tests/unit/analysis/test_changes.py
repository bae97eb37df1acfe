"""Change points over the runs of a history."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from lockstep.analysis.changes import ChangePoint, change_points, changes
from lockstep.analysis.history import make_history
from lockstep.report.changes import change_sentence
from lockstep.runs.records import Run
from tests.factories.runs import degraded, make_cell, run_of


def logs(*regimes: tuple[int, float], spread: float = 0.03, seed: int = 1) -> list[float]:
    rng = random.Random(seed)
    return [mean + rng.gauss(0, spread) for runs, mean in regimes for _ in range(runs)]


def runs_of(rates: Sequence[float], seed: int = 1) -> list[tuple[str, Run]]:
    rng = random.Random(seed)
    return [
        (
            f"run-{day:02}",
            run_of(
                [
                    make_cell("lock", 8, repeat, messages_per_s=rate * (1 + rng.gauss(0, 0.01)))
                    for repeat in (1, 2, 3)
                ],
                run_id=f"run-{day:02}",
                started=f"2026-01-{day:02}T10:00:00+00:00",
            ),
        )
        for day, rate in enumerate(rates, start=1)
    ]


def found(rates: Sequence[float]) -> list[ChangePoint]:
    return changes(make_history(runs_of(rates)))


def test_a_figure_that_falls_and_stays_so_is_told_from_its_first_run_on() -> None:
    (change,) = found([100] * 6 + [80] * 5)
    assert (change.entry.folder, change.before, change.after) == ("run-07", 6, 5)
    assert change.worse
    assert change.last
    assert change.ratio.ratio == pytest.approx(0.8, rel=0.02)
    sentence = change_sentence(change)
    assert sentence.startswith("worse: lock at 8 connections, throughput 0.8")
    assert sentence.endswith("times what it was, from run-07 on (6 runs before, 5 since)")


def test_what_was_mended_is_told_too_and_is_the_last_change() -> None:
    fall, rise = found([100] * 6 + [80] * 5 + [100] * 6)
    assert (fall.worse, fall.last) == (True, False)
    assert (rise.worse, rise.last) == (False, True)
    assert rise.entry.folder == "run-12"


def test_one_run_that_is_out_of_line_is_no_change() -> None:
    assert found([100] * 6 + [60] + [100] * 6) == []


def test_runs_of_other_conditions_and_degraded_ones_are_left_out() -> None:
    runs = runs_of([100] * 6 + [50] * 6)
    other = [(name, replace(run, server={**run.server, "hold_ns": 9})) for name, run in runs[6:]]
    assert changes(make_history(runs[:6] + other)) == []
    assert changes(make_history(runs[:6] + [(name, degraded(run)) for name, run in runs[6:]])) == []


def test_several_regimes_are_all_found() -> None:
    assert change_points(logs((10, 0.0), (10, 0.2), (10, -0.1))) == [10, 20]


@pytest.mark.parametrize("runs", [0, 1, 3])
def test_of_few_runs_nothing_is_said(runs: int) -> None:
    assert change_points(logs((runs, 0.0))) == []


def test_where_nothing_changes_hardly_ever_a_change_is_told() -> None:
    """1 in 100 (see changes.py)."""
    told = sum(bool(change_points(logs((30, 0.0), seed=seed))) for seed in range(60))
    assert told <= 3
