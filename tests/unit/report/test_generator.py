"""The load generator: its workers, and what an open load became of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.report.section import Table
from lockstep.report.sections.generator import WORKERS, load_table, workers
from lockstep.runs.measures import WorkerHealth
from lockstep.runs.records import Cell
from tests.factories.open_load import simulated_open_run
from tests.factories.simulated import simulated_run


def test_a_worker_is_shown_at_its_worst_and_with_dashes_where_the_system_does_not_tell() -> None:
    (cell,) = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    cells = [
        replace(cell, health=[WorkerHealth("b", 0.5), WorkerHealth("a", 0.2, open_files=70)]),
        replace(cell, health=[WorkerHealth("b", 0.91, throttled_s=0.25)]),
    ]
    first, second = Table.of(WORKERS, workers(cells)).rows
    assert first == ("a", "1", "20%", "–", "–", "–", "70", "–", "–")
    assert second == ("b", "2", "91%", "–", "–", "–", "–", "–", "250 ms")


def test_only_open_load_has_rows_of_its_own() -> None:
    closed = simulated_run(modes=("lock",), levels=(8,), repeats=1)[0].cells
    assert load_table(aggregate(closed, {})).rows == ()
    rows = load_table(aggregate(simulated_open_run(modes=("lock",)).cells, {})).rows
    assert [(row[2], row[-2], row[-1]) for row in rows] == [("223", "6", "0"), ("357", "6", "0")]


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("free", "lock", "ticket", "queue=1"), levels=(8,), repeats=1)[0].cells
