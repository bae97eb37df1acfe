"""Blast radius: cells with company against those without, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lockstep.analysis.blast import Radius, radii
from lockstep.report.headline import supporting
from lockstep.report.material import Material
from lockstep.report.sections.blast import blast_section, change_words
from lockstep.report.words import blast_sentence
from lockstep.runs.folder import Loaded
from lockstep.runs.measures import Company, Edges
from lockstep.runs.records import Cell, Messages, Run
from tests.factories.runs import make_cell, run_of

MODES = ("free", "lock")


def beside(mode: str, messages_per_s: float, kind: str = "slow-reader", **more: Any) -> Cell:
    return make_cell(mode, messages_per_s=messages_per_s, **{"beside": Company(kind, 1, 1), **more})


def run_with(*company: Cell, alone_per_s: float = 100.0, repeats: int = 1) -> Run:
    alone = [
        make_cell(mode, messages_per_s=alone_per_s, repeat=repeat)
        for repeat in range(1, repeats + 1)
        for mode in MODES
    ]
    numbered = [replace(cell, index=len(alone) + number) for number, cell in enumerate(company)]
    return run_of(alone, MODES, beside=numbered)


def of_mode(found: list[Radius], mode: str) -> Radius:
    (radius,) = [each for each in found if each.place.series.mode == mode]
    return radius


def test_what_is_left_is_told_repeat_by_repeat() -> None:
    company = [beside("free", kept, repeat=repeat) for repeat, kept in ((1, 50.0), (2, 50.0), (3, 50.0))]
    (radius,) = radii(run_with(*company, repeats=3))
    assert radius.repeats == 3
    assert abs(radius.kept - 0.5) < 1e-9
    assert radius.interval is not None
    assert radius.interval.low is not None
    assert radius.company == Company("slow-reader", 1, opened=3)


def test_a_mode_that_answers_nothing_has_nothing_left_and_no_interval() -> None:
    (radius,) = radii(run_with(beside("lock", 0.0)))
    assert (radius.kept, radius.interval) == (0.0, None)


def test_a_repeat_without_its_pair_is_left_out() -> None:
    assert radii(run_with(beside("free", 50.0, repeat=2))) == []
    assert radii(run_with(beside("free", 50.0, cut_short=True))) == []


def test_companies_of_different_size_are_not_taken_for_one_another() -> None:
    found = radii(run_with(beside("free", 50.0), beside("free", 20.0, beside=Company("slow-reader", 4, 4))))
    assert [(each.company.users, round(each.kept, 2)) for each in found] == [(1, 0.5), (4, 0.2)]


def test_cells_with_company_change_no_other_figure() -> None:
    run = run_with(beside("free", 1.0), beside("lock", 0.0))
    with_company, without = (
        Material.of(Loaded(each, [], {}, Path())) for each in (run, replace(run, beside=[]))
    )
    assert with_company.aggregates == without.aggregates
    assert with_company.findings == without.findings
    assert [cell.index for cell in run.measured] == [0, 1, 2, 3]


def test_whoever_waits_for_ever_is_stuck_and_p99_is_not_that_of_the_lucky() -> None:
    edges = Edges(share=0.0, under_way=8, longest_us=990_000.0)
    stuck = beside("lock", 1.0, edges=edges, messages=Messages(sent=1, answered=1), sessions=1)
    (radius,) = radii(run_with(stuck))
    assert (radius.stuck, radius.slower) == (8, None)
    assert change_words(radius) == "1.0% · 8 stuck"


def test_what_was_merely_under_way_at_the_end_is_not_stuck() -> None:
    edges = Edges(share=0.0, under_way=8, longest_us=10_000.0)
    (radius,) = radii(run_with(beside("free", 90.0, p99_us=18_000.0, edges=edges)))
    assert change_words(radius) == "90% · p99 × 2.00"


def test_the_sentence_names_the_worst_and_who_bears_it_best() -> None:
    found = radii(run_with(beside("free", 97.0), beside("lock", 0.0), beside("free", 99.0, kind="idle")))
    assert blast_sentence(found) == "1 slow reader beside 8 users leaves lock nothing, free 97%"


def test_where_nobody_is_hurt_the_sentence_says_so() -> None:
    found = radii(run_with(beside("free", 97.0), beside("lock", 93.0)))
    assert blast_sentence(found) == (
        "Whoever is beside them, every mode keeps at least 93% of its throughput"
    )


def scattered(mode: str, *rates: float) -> list[Cell]:
    return [beside(mode, rate, repeat=repeat) for repeat, rate in enumerate(rates, 1)]


def test_what_an_interval_that_holds_all_of_it_shows_nothing_of_is_called_not_significant_everywhere() -> (
    None
):
    found = radii(run_with(*scattered("lock", 20, 20, 20), *scattered("free", 80, 200, 180), repeats=3))
    assert blast_sentence(found) == (
        "1 slow reader beside 8 users leaves lock 20% of its throughput, free 142%, not significant"
    )
    assert change_words(of_mode(found, "free")) == "142%, not significant · p99 × 1.00"


def test_a_loss_that_is_not_shown_is_not_said_to_be_one() -> None:
    found = radii(run_with(*scattered("lock", 20, 90, 150), repeats=3))
    assert blast_sentence(found) == (
        "Whoever is beside them, no loss of throughput is shown: "
        "1 slow reader beside 8 users leaves lock 65%, not significant"
    )
    more = radii(run_with(*scattered("lock", 120, 121, 122), repeats=3))
    assert blast_sentence(more) == "Whoever is beside them, lock keeps all of its throughput"


def test_the_section_draws_each_company_and_the_verdict_ends_with_the_worst() -> None:
    run = run_with(beside("free", 97.0), beside("lock", 20.0), beside("free", 99.0, kind="idle"))
    material = Material.of(Loaded(run, [], {}, Path()))
    section = blast_section(material)
    assert section is not None
    assert [drawing.caption for drawing in section.drawings] == [
        "Slow readers: asks on and on, and hardly reads the answers",
        "Idle connections: connects and says nothing",
    ]
    assert section.title == "1 slow reader beside 8 users leaves lock 20% of its throughput, free 97%"
    assert supporting(material.verdict, material.aggregates, material.radii)[-1] == f"{section.title}."


def test_a_run_without_company_has_no_such_section() -> None:
    assert blast_section(Material.of(Loaded(run_with(), [], {}, Path()))) is None
