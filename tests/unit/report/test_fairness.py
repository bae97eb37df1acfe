"""Who was overtaken: the sentence and the rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lockstep.report.section import Table
from lockstep.report.sections.fairness import ORDERS, fairness_sentence, orders
from lockstep.runs.measures import Fairness
from lockstep.runs.records import Cell, ServerCell
from tests.factories.runs import modes_named
from tests.factories.simulated import simulated_run


def with_overtaken(cells: Sequence[Cell], overtaken: dict[str, int | None]) -> list[Cell]:
    """Cells of a hundred connections each, of which so many were overtaken; None: not recorded."""
    return [
        replace(
            cell,
            server=ServerCell(
                100,
                100,
                100,
                1,
                9,
                inversions=None if count is None else 3 * count,
                fairness=fairness_of(count),
            ),
        )
        for cell in cells
        for count in [overtaken[cell.mode]]
    ]


def fairness_of(overtaken: int | None) -> Fairness | None:
    return None if overtaken is None else Fairness(100, overtaken, 9_000, 0.5)


@pytest.fixture(scope="module")
def cells() -> list[Cell]:
    return simulated_run(modes=("free", "lock", "ticket", "queue=1"), levels=(8,), repeats=1)[0].cells


@pytest.mark.parametrize(
    ("overtaken", "said"),
    [
        (
            {"free": 70, "lock": 12, "ticket": 0, "queue=1": 0},
            "12% of connections with lock, none with ticket and queue=1.",
        ),
        (
            {"free": None, "lock": 30, "ticket": 30, "queue=1": 5},
            "30% of connections with lock and ticket, 5% with queue=1.",
        ),
        (
            {"free": 70, "lock": 0, "ticket": 0, "queue=1": None},
            "no connection was overtaken by a later one.",
        ),
        ({"free": 70, "lock": None, "ticket": None, "queue=1": None}, None),
    ],
)
def test_a_sentence_tells_who_was_overtaken(
    cells: list[Cell], overtaken: dict[str, int | None], said: str | None
) -> None:
    modes = ("free", "lock", "ticket", "queue=1")
    sentence = fairness_sentence(with_overtaken(cells, overtaken), modes_named(*modes))
    if said is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert sentence.endswith(said)


def test_no_connection_was_overtaken_only_where_none_was_in_any_repeat(cells: list[Cell]) -> None:
    lock = next(each for each in cells if each.mode == "lock")
    repeats = [
        each
        for repeat, overtaken in ((1, 0), (2, 5), (3, 0))
        for each in with_overtaken([replace(lock, index=repeat, repeat=repeat)], {"lock": overtaken})
    ]
    assert (fairness_sentence(repeats, {}) or "").endswith(" in most repeats.")


def test_of_a_single_connection_nothing_is_said_for_nobody_can_overtake_it(cells: list[Cell]) -> None:
    alone = [replace(cell, level=1) for cell in cells]
    assert fairness_sentence(alone, {}) is None


def test_a_row_of_fairness_has_medians_and_says_what_was_not_recorded(cells: list[Cell]) -> None:
    by_mode = {cell.mode: cell for cell in cells}
    lock, queue = by_mode["lock"], by_mode["queue=1"]
    repeats = [replace(lock, repeat=repeat) for repeat in (1, 2, 3)]
    told = [
        each
        for repeat, overtaken in zip(repeats, (10, 90, 40), strict=True)
        for each in with_overtaken([repeat], {"lock": overtaken})
    ]
    two_levels = [queue, replace(queue, index=99, level=32)]
    silent = with_overtaken(two_levels, {"queue=1": None})
    first, second = Table.of(ORDERS, orders([*told, *silent], ("lock", "queue=1"))).rows
    assert first == ("lock", "8", "100", "40%", "120", "0.50", "9.00 ms", "–", "–", "–", "–")
    assert second == ("queue=1", *["–"] * 10)
    assert orders(silent, ()) == []
    assert orders([replace(lock, server=None)], ()) == []
