"""The section of a search: what had to be stands over what was measured."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from lockstep.report.material import Material
from lockstep.report.section import Section
from lockstep.report.sections.limits import limits_section
from lockstep.runs.folder import Loaded
from lockstep.runs.records import Mode, Run
from lockstep.search import Search
from tests.factories.open_load import searched_rate_run
from tests.factories.searched import Server, line, of_a_busy_generator, searched_run

KEEP = "response_p99 < 80ms"


def drawn(section: Section) -> list[dict[str, object]]:
    """All rows of what is drawn."""
    (drawing,) = section.drawings
    return [row for rows in json.loads(drawing.chart.to_json())["datasets"].values() for row in rows]


def section_of(run: Run) -> Section:
    section = limits_section(Material.of(Loaded(run, [], {}, Path("run"))))
    assert section is not None
    return section


def dotted(section: Section) -> int:
    """How many rows of what is drawn are of a law."""
    return sum("statistic" in row for row in drawn(section))


def test_queueing_theory_stands_over_the_times_of_a_search_by_rate() -> None:
    section = section_of(searched_rate_run("ticket", KEEP))
    assert "Dotted: what arrivals at random take where they queue for nothing but the holds" in section.note
    assert "By it the promise breaks with ticket at 7" in section.note
    # p50 and what is promised, at each rate of the curve.
    assert dotted(section) == 2 * 14


def test_of_a_service_of_which_nothing_is_known_no_law_is_drawn() -> None:
    run = searched_rate_run("ticket", KEEP)
    section = section_of(replace(run, modes={"ticket": Mode()}))
    assert "Dotted" not in section.note
    assert dotted(section) == 0


def test_a_load_that_only_the_generator_broke_is_marked_on_the_line() -> None:
    lagging = Server(line(400.0), lambda cell: of_a_busy_generator(cell) if cell.level > 40 else cell)
    rows = drawn(section_of(searched_run(Search(("response_p99 < 50ms",)), {"free": lagging})))
    void = [row for row in rows if row.get("shape") == "triangle-down"]
    assert {row["load"] for row in void} >= {41, 64}
    assert {row["value"] for row in void} == {50}
