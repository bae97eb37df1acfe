"""What holds a server up, in words and drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.analysis.aggregate import aggregate
from lockstep.analysis.holders import Held, Holder, holders
from lockstep.analysis.series import Place
from lockstep.analysis.timeline import overlap_panels
from lockstep.report.charts.picture import to_svg
from lockstep.report.holder_words import held_sentence, held_words, threads_of
from lockstep.report.material import Material
from lockstep.report.sections.overlap import overlap_chart, overlap_section, threads_over_cell_section
from lockstep.report.sections.threads import threads_section
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import CellDetail
from tests.factories.folders import write_run
from tests.factories.runs import make_cell, modes_named, run_of, series_named, watched_for

WATCHED = watched_for(threads=12, on_cpu=1.4, delayed=2.0)


def holder(held: Held, mode: str = "free") -> Holder:
    return Holder(Place(series_named(mode), 8), 1, WATCHED, 4.0, held)


@pytest.mark.parametrize("held", Held)
def test_whatever_holds_a_server_is_said_with_its_name_and_its_threads(held: Held) -> None:
    words = held_words(holder(held))
    assert "of free's 12 threads" in words
    assert "for a core" in words


def test_each_holder_has_words_of_its_own() -> None:
    assert len({held_words(holder(held)) for held in Held}) == len(Held)


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (0.0312, "0.03"), (0.996, "1"), (1.04, "1.0"), (1234.5, "1,234")],
)
def test_a_mean_number_of_threads_may_be_small(number: float, words: str) -> None:
    assert threads_of(number) == words


def test_the_sentence_is_of_those_whom_titles_speak_of_under_their_load() -> None:
    cells = [
        make_cell(mode, level, messages_per_s=rate, watched=WATCHED)
        for level in (8, 32)
        for mode, rate in (("free", 900.0), ("ticket", 80.0), ("lock", 90.0))
    ]
    run = run_of(cells)
    sentence = held_sentence(holders(run), aggregate(run.cells, modes_named("free", "ticket", "lock")))
    assert sentence is not None
    assert sentence.startswith("at 32 connections, ")
    assert "free's" in sentence
    assert "'s 12 threads" in sentence
    assert sentence.count("threads") == 2


def test_nobody_is_spoken_of_who_was_not_watched() -> None:
    run = run_of([make_cell("free")])
    assert held_sentence(holders(run), aggregate(run.cells, modes_named("free"))) is None


def material(folder: Path, *modes: str) -> Material:
    cells = [make_cell(mode, watched=WATCHED) for mode in modes]
    return Material.of(RunFolder.load(write_run(folder, run_of(cells))))


def test_threads_are_drawn_where_the_server_tells_nothing_of_its_connections(tmp_path: Path) -> None:
    watched = material(tmp_path, "free", "lock")
    assert overlap_section(watched) is None
    section = threads_over_cell_section(watched)
    assert section is not None
    svg = to_svg(section.drawings[0].chart, "threads", "threads")
    for name in ("free", "lock"):
        assert f"{name}: threads: 1.4 on a core, 2.0 waiting for one, 8.6 asleep" in svg
    assert section.numbers is not None
    columns = [column.name for column in section.numbers.columns]
    assert columns == ["series", "from", "on_cpu", "awaiting_core", "asleep"]


def test_an_older_run_has_no_such_section(tmp_path: Path) -> None:
    cells = [make_cell("free"), make_cell("lock")]
    older = Material.of(RunFolder.load(write_run(tmp_path, run_of(cells))))
    assert threads_section(older) is None
    assert threads_over_cell_section(older) is None


def test_beside_who_was_watched_nobody_is_drawn_who_was_not() -> None:
    run = run_of([make_cell("free", watched=WATCHED), make_cell("lock")])
    details = {0: CellDetail(0, watched=[WATCHED]), 1: CellDetail(1)}
    panels = overlap_panels(run, details)
    assert [len(panel.watched) for panel in panels] == [1, 0]
    chart = overlap_chart(panels, {panel.series: "#2b83c6" for panel in panels})
    assert chart is not None
    assert "lock" not in to_svg(chart, "overlap", "threads")
