"""The report, whatever the run was like: it says what is there, and is the same every time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from loadtest.report.build import write_report
from loadtest.report.text import print_report
from loadtest.results import Count, ResultsError, Run
from loadtest.run_folder import RunFolder
from tests.support_open_run import make_open_run
from tests.support_run import all_failed, make_run, without_server, write_run


def page_of(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


def text_of(folder: Path) -> str:
    said = io.StringIO()
    print_report(RunFolder.load(folder), Console(width=80, file=said))
    return said.getvalue()


def by_hand(run: Run) -> Run:
    return replace(run, kind="hand", plan={"mode": "free"}, cells=run.cells[:1])


def without_health(run: Run) -> Run:
    return replace(run, cells=[replace(cell, health=[], littles_law=None) for cell in run.cells])


def unequal(run: Run) -> Run:
    """Every cell lacks a worker and has a ledger that differs."""
    cells = [
        replace(cell, workers_reported=1, ledger=replace(cell.ledger, sent=Count(1_000, 998)))
        for cell in run.cells
    ]
    return replace(run, cells=cells)


EDGES: dict[str, Callable[[], Run]] = {
    "one mode": lambda: make_run(modes=("lock",), repeats=1)[0],
    "one level": lambda: make_run(levels=(8,), repeats=1)[0],
    "a server that tells nothing": lambda: without_server(make_run(repeats=1)[0]),
    "every message failed": lambda: all_failed(make_run(repeats=1)[0]),
    "open load": lambda: make_open_run(repeats=1),
    "workers that tell nothing of themselves": lambda: without_health(make_run(repeats=1)[0]),
    "by hand": lambda: by_hand(make_run(repeats=1)[0]),
    "no cell at all": lambda: replace(make_run(repeats=1)[0], cells=[]),
    "every cell cut short": lambda: replace(
        make_run(repeats=1)[0], cells=[replace(cell, cut_short=True) for cell in make_run(repeats=1)[0].cells]
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_every_kind_of_run_makes_a_page_and_a_table_without_raw_nothings(tmp_path: Path, edge: str) -> None:
    folder = write_run(tmp_path, EDGES[edge]())
    for said in (page_of(folder), text_of(folder)):
        assert not re.search(r"\b(None|NaN|nan|inf)\b", said)


def test_the_page_leads_with_the_sentence_and_the_picture_and_needs_nothing_from_outside(
    tmp_path: Path,
) -> None:
    run, connections = make_run()
    page = page_of(write_run(tmp_path, run, connections))
    assert page.index("<h1>At 32 connections lock served") < page.index("<svg") < page.index("The figures")
    outside = re.findall(r"""(?:src|href)=["']?(?!#)|url\((?!#)|<script|@import""", page)
    assert not outside
    assert len(page.encode()) < 2_000_000


def test_the_same_folder_gives_the_same_page_byte_for_byte(tmp_path: Path) -> None:
    folder = write_run(tmp_path, *make_run(repeats=1))
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()


def test_page_and_terminal_print_the_same_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, *make_run())
    page, text = page_of(folder), text_of(folder)
    rows = [line.split() for line in text.splitlines() if line.startswith(("free ", "lock "))]
    assert len(rows) == 6
    for _, _, rate, *_ in rows:
        assert f"<td>{rate}</td>" in page
    assert max(map(len, text.splitlines())) <= 80


def test_a_name_in_the_run_cannot_become_markup(tmp_path: Path) -> None:
    run = replace(make_run(repeats=1)[0], command="lockstep <b>compare</b>", notes=["<i>lost</i>"])
    page = page_of(write_run(tmp_path, run))
    assert "<b>compare</b>" not in page
    assert "&lt;i&gt;lost&lt;/i&gt;" in page


def test_what_the_checks_found_stands_in_page_and_table(tmp_path: Path) -> None:
    run, connections = make_run(repeats=1)
    folder = write_run(tmp_path, run, connections)
    for said in (page_of(folder), text_of(folder)):
        assert "single-repeat" in said


def test_a_degraded_run_says_so_above_everything_else_with_the_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, unequal(make_run(repeats=1)[0]))
    page, text = page_of(folder), text_of(folder)
    for said, headline in ((page, "<h1>"), (text, "At 32 connections lock")):
        top = said[: said.index(headline)]
        assert re.search("degraded run", top.split("</style>")[-1], re.IGNORECASE)
        assert "clients sent 1,000 messages, the server received 998" in top
        assert "1 of 2 workers reported" in top
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_that_is_not_degraded_does_not_speak_of_it(tmp_path: Path) -> None:
    run = replace(make_run(repeats=1)[0], interrupted=True)
    folder = write_run(tmp_path, run)
    assert "Degraded" not in page_of(folder)
    assert "DEGRADED" not in text_of(folder)


def test_what_handing_over_takes_stands_below_the_headline(tmp_path: Path) -> None:
    folder = write_run(tmp_path, *make_run(repeats=1))
    sentence = r"Handing over takes [\d.]+ µs with lock, [\d.]+ µs with semaphore=4, [\d.]+ µs with queue=1\."
    page = page_of(folder)
    found = re.search(sentence, page)
    assert found is not None
    assert page.index("</h1>") < found.start() < page.index("The figures")
    assert re.search(sentence, " ".join(text_of(folder).split()))


def test_an_open_load_is_held_against_theory_and_its_generator_described(tmp_path: Path) -> None:
    folder = write_run(tmp_path, make_open_run())
    page, text = page_of(folder), text_of(folder)
    for said in ("Checked against queueing theory", "Little's law", "The load generator", "worker-2"):
        assert said in page
    assert page.index("The figures") < page.index("Checked against") < page.index("<h2>Checks</h2>")
    assert "<h1>At 357 arrivals per second 99% of messages are answered within" in page
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_the_page_says_why_by_overlap_order_and_the_scalability_law(tmp_path: Path) -> None:
    run = make_run(modes=("free", "lock"), levels=(1, 2, 4, 8, 16), repeats=2)
    page = page_of(write_run(tmp_path, *run))
    for said in (
        "Of a cell&#39;s first connections, most in service at once: 16 with free, 1 with lock",
        "in service, lock 1.0, on average",
        "At 16 connections no connection was overtaken by a later one.",
        "By the scalability law contention is",
    ):
        assert said in page


def test_where_nothing_was_predicted_or_told_there_is_no_empty_section(tmp_path: Path) -> None:
    run = without_health(without_server(make_run(repeats=1)[0]))
    page = page_of(write_run(tmp_path, run))
    assert "queueing theory" not in page
    assert "The load generator" not in page


def test_a_folder_that_is_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"no run folder") as refusal:
        write_report(tmp_path)
    assert "\n" not in str(refusal.value)
