"""The report, whatever the run was like: it says what is there, and is the same every time."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from lockstep.analysis.checks import ALL_CHECKS, findings
from lockstep.errors import ResultsError
from lockstep.plan import Longer, Plan
from lockstep.report.conditions import conditions
from lockstep.report.contents import contents, unbroken
from lockstep.report.material import Material, with_short_names
from lockstep.report.terminal import print_report
from lockstep.report.write import write_report
from lockstep.runs.connections import Connection
from lockstep.runs.folder import RunFolder
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Count
from lockstep.runs.records import Run
from tests.factories.folders import write_histograms, write_run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import HOST, all_failed, health_of, make_cell, run_of, without_server
from tests.factories.simulated import simulated_run
from tests.factories.units import MS
from tests.support.blank_renderer import Blank


def page_of(folder: Path) -> str:
    return write_report(Material.of(RunFolder.load(folder)), warm=Blank()).read_text(encoding="utf-8")


def text_of(folder: Path) -> str:
    said = io.StringIO()
    print_report(Material.of(RunFolder.load(folder)), Console(width=80, file=said))
    return said.getvalue()


def test_no_flag_is_torn_apart_at_a_lines_end(tmp_path: Path) -> None:
    cells = [make_cell(mode, 8, 1) for mode in ("free", "lock")]
    page = page_of(write_run(tmp_path, run_of(cells)))
    assert 'Use <span class="flag">--repeats</span> 3.' in page
    said = unbroken("<b> --repeats 4, not a--b, or --client-mode")
    assert re.findall('<span class="flag">(.*?)</span>', said) == ["--repeats", "--client-mode"]
    assert said.startswith("&lt;b&gt; ")


def test_a_long_name_is_broken_in_the_table_only_where_setting_it_closer_does_not_help(
    tmp_path: Path,
) -> None:
    cells = [make_cell(mode, 8, repeat) for mode in ("free-on-3.13t", "free-on-3.13") for repeat in (1, 2)]
    rows = text_of(write_run(tmp_path, run_of(cells))).splitlines()
    assert [row.split()[1] for row in rows if row.startswith("free-on-3.13")][-2:] == ["8", "8"]
    assert max(map(len, rows)) <= 80


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
    "one mode": lambda: simulated_run(modes=("lock",), repeats=1)[0],
    "one level": lambda: simulated_run(levels=(8,), repeats=1)[0],
    "a server that tells nothing": lambda: without_server(simulated_run(repeats=1)[0]),
    "every message failed": lambda: all_failed(simulated_run(repeats=1)[0]),
    "open load": lambda: simulated_open_run(repeats=1),
    "workers that tell nothing of themselves": lambda: without_health(simulated_run(repeats=1)[0]),
    "manual": lambda: by_hand(simulated_run(repeats=1)[0]),
    "no cell at all": lambda: replace(simulated_run(repeats=1)[0], cells=[]),
    "every cell cut short": lambda: replace(
        simulated_run(repeats=1)[0],
        cells=[replace(cell, cut_short=True) for cell in simulated_run(repeats=1)[0].cells],
    ),
}


@pytest.mark.parametrize("edge", EDGES)
def test_every_kind_of_run_makes_a_page_and_a_table_without_raw_nothings(tmp_path: Path, edge: str) -> None:
    folder = write_run(tmp_path, EDGES[edge]())
    for said in (page_of(folder), text_of(folder)):
        assert not re.search(r"\b(None|NaN|nan|inf)\b", said)


def test_the_page_goes_from_the_sentence_over_the_picture_to_the_tables_and_needs_nothing_from_outside(
    tmp_path: Path,
) -> None:
    run, connections = simulated_run()
    folder = write_run(tmp_path, run, connections)
    write_histograms(folder, run)
    page = page_of(folder)
    order = (
        "<h1>At 32 connections, lock reaches ",
        'id="timeline"',
        "<h2>Confidence</h2>",
        'id="certainty"',
        "<h2>Explanation</h2>",
        'id="percentiles"',
        '<h2 id="checks">Checks</h2>',
        "<h2>Conditions</h2>",
        "<h2>Tables</h2>",
    )
    places = [page.index(each) for each in order]
    assert places == sorted(places)
    outside = re.findall(r"""(?:src|href)=["']?(?!#)|url\((?!#)|@import""", page)
    assert not outside
    assert len(page.encode()) < 2_000_000


def test_the_page_is_whole_without_its_script(tmp_path: Path) -> None:
    page = page_of(write_run(tmp_path, *simulated_run(repeats=1)))
    (script,) = re.findall(r"<script>.*?</script>", page, re.DOTALL)
    assert page.index(script) > page.index("</main>")
    assert "createElement" in script
    assert not re.search(r"<[^>]* (?:hidden|on\w+=)", page.replace(script, ""))


def test_every_chart_has_its_numbers_beneath(tmp_path: Path) -> None:
    run, connections = simulated_run()
    folder = write_run(tmp_path, run, connections)
    write_histograms(folder, run)
    drawn = [card for card in re.split(r"(?=<section)", page_of(folder)) if "<svg" in card]
    assert len(drawn) >= 9
    for card in drawn:
        assert "<details><summary>Numbers</summary>" in card
        assert len(re.findall(r"<td[ >]", card)) >= 12


def test_the_same_folder_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = write_run(tmp_path, *simulated_run(repeats=1))
    write_report(Material.of(RunFolder.load(folder)), tmp_path / "first")
    made = {name: (folder / name).read_bytes() for name in ("report.html", "summary.md")}
    write_report(Material.of(RunFolder.load(folder)), tmp_path / "second")
    assert {name: (folder / name).read_bytes() for name in made} == made
    for chart in (tmp_path / "first").iterdir():
        assert chart.read_bytes() == (tmp_path / "second" / chart.name).read_bytes()


def test_page_and_terminal_print_the_same_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, *simulated_run())
    page, text = page_of(folder), text_of(folder)
    rows = [line.split() for line in text.splitlines() if line.startswith(("free ", "lock "))]
    assert len(rows) == 6
    for _, _, rate, *_ in rows:
        assert f"<td>{rate}</td>" in page
    headline = html.unescape(re.findall("<h1>(.*)</h1>", page)[0])
    assert headline in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_a_name_in_the_run_cannot_become_markup(tmp_path: Path) -> None:
    run = replace(simulated_run(repeats=1)[0], command="lockstep <b>compare</b>", notes=["<i>lost</i>"])
    page = page_of(write_run(tmp_path, run))
    assert "<b>compare</b>" not in page
    assert "&lt;i&gt;lost&lt;/i&gt;" in page


def test_what_the_checks_found_stands_in_page_and_table(tmp_path: Path) -> None:
    run, connections = simulated_run(repeats=1)
    folder = write_run(tmp_path, run, connections)
    for said in (page_of(folder), text_of(folder)):
        assert "single-repeat" in said


def test_a_degraded_run_says_so_above_everything_else_with_the_numbers(tmp_path: Path) -> None:
    folder = write_run(tmp_path, unequal(simulated_run(repeats=1)[0]))
    page, text = page_of(folder), text_of(folder)
    for said, headline in ((page, "<h1>"), (text, "No verdict")):
        top = said[: said.index(headline)]
        assert re.search("degraded run", top.split("</style>")[-1], re.IGNORECASE)
        assert "clients sent 1,000 messages, the server received 998" in top
        assert "1 of 2 workers reported" in top
    for said in (page, text, (folder / "summary.md").read_text(encoding="utf-8")):
        assert "No verdict, " in said
        assert "throughput (" not in said
    assert 'id="certainty"' not in page
    assert max(map(len, text.splitlines())) <= 80


def test_a_run_that_is_not_degraded_does_not_speak_of_it(tmp_path: Path) -> None:
    run = replace(simulated_run(repeats=1)[0], interrupted=True)
    folder = write_run(tmp_path, run)
    assert "Degraded" not in page_of(folder)
    assert "DEGRADED" not in text_of(folder)


def test_a_check_stands_beside_each_chart_that_it_touches_and_beside_no_other(tmp_path: Path) -> None:
    run, connections = simulated_run()
    late = of_values([40 * MS] * 100)
    cells = [
        replace(cell, health=[replace(each, loop_lag_us=late) for each in cell.health]) for cell in run.cells
    ]
    page = page_of(write_run(tmp_path, replace(run, cells=cells), connections))
    touched = {
        name: '<a href="#check-generator-lag">' in card
        for card in re.split(r"(?=<section)", page)
        for name in re.findall(r'^<section[^>]* id="([\w-]+)"', card)
    }
    assert {name for name, said in touched.items() if said} >= {"certainty", "response", "first-reply"}
    assert not any(touched[name] for name in ("timeline", "overlap", "throughput", "littles-law"))
    assert 'id="check-generator-lag"' in page
    in_full = [said for said in re.findall(r'<p class="touching">.*', page) if "event loops lagged" in said]
    assert len(in_full) == 1, "in full beside the first, by name beside the others"
    assert f"({len(cells)} of {len(cells)} cells)" in in_full[0]
    spent = next(card for card in re.split(r"(?=<section)", page) if 'id="time-spent"' in card)
    assert in_full[0] in spent, "where it matters: the first that speaks of times"


def test_a_topic_of_every_check_is_one_that_a_section_speaks_of(tmp_path: Path) -> None:
    closed = RunFolder.load(write_run(tmp_path, *simulated_run()))
    opened = RunFolder.load(write_run(tmp_path, simulated_open_run()))
    spoken = {
        topic
        for loaded in (closed, opened)
        for section in contents(Material.of(loaded)).sections
        for topic in section.topics
    }
    assert {topic for check in ALL_CHECKS for topic in check.touches} <= spoken


def test_workers_have_short_names_and_conditions_tell_which_is_which(tmp_path: Path) -> None:
    long_names = [f"bench_{digit * 32}" for digit in "ab"]
    run, _ = simulated_run(repeats=1)
    hosts = [HOST, *({**HOST, "role": "worker", "name": name} for name in long_names)]
    health = [health_of(name, 0.97) for name in long_names]
    cells = [replace(cell, health=health) for cell in run.cells]
    notes = [f"cell 3: no last report from {long_names[1]}"]
    folder = write_run(tmp_path, replace(run, hosts=hosts, cells=cells, notes=notes))
    page, text = page_of(folder), text_of(folder)
    for said in (page, text):
        assert "worker 1 used 97%; worker 2 used 97%" in " ".join(said.split())
        assert "no last report from worker 2" in said
        assert "b" * 32 not in said
    assert "<dt>master, worker 1, worker 2</dt>" in page
    assert "named bench, bench_aaaaaaaa, bench_bbbbbbbb" in page


def test_workers_keep_the_names_by_which_the_master_has_called_them() -> None:
    run, _ = simulated_run(repeats=1)
    hosts = [HOST, {**HOST, "role": "worker", "name": "b", "called": "worker 1"}]
    cells = [replace(run.cells[0], health=[health_of(name, 0.5) for name in "ab"])]
    short = with_short_names(replace(run, hosts=hosts, cells=cells, notes=["worker b has ended"]))
    assert [each.worker for each in short.cells[0].health] == ["worker 2", "worker 1"]
    assert short.notes == ["worker 1 has ended"]


@pytest.mark.parametrize(
    ("scenario", "beside", "told"),
    [
        ("session", (), {"messages per connection", "payload, bytes"}),
        ("greeting", (), set()),
        ("persistent", (), {"payload, bytes"}),
        ("pipelined", (), {"payload, bytes", "depth"}),
        ("receive-only", (), set()),
        ("file", (), set()),
        # Who is beside them sends payloads of that size too.
        ("file", ("slow-reader:2",), {"payload, bytes"}),
        ("one of a later version", (), {"messages per connection", "payload, bytes", "depth"}),
    ],
)
@pytest.mark.parametrize("kind", ["plan", "hand"])
def test_conditions_tell_those_settings_of_messages_that_make_a_difference_to_their_users(
    scenario: str, beside: tuple[str, ...], told: set[str], kind: str
) -> None:
    run, _ = simulated_run(repeats=1)
    traffic = {"scenario": scenario, "messages": 5, "payload_bytes": 64, "depth": 8}
    groups = conditions(replace(run, kind=kind, plan={"traffic": traffic, "beside": list(beside)}))
    (plan,) = (group for group in groups if group.heading == "Plan")
    names = {name.removeprefix("traffic: ") for name, _ in plan.pairs}
    assert names - {"scenario", "beside"} == told


def test_conditions_tell_which_cells_were_longer_than_the_others() -> None:
    run, _ = simulated_run(repeats=1)
    plan = Plan(longer=(Longer("lock", 32, 0.5, 3.9),)).to_json()
    (told,) = (group for group in conditions(replace(run, plan=plan)) if group.heading == "Plan")
    assert ("longer windows, as sessions need", "lock at 32 3.9 s") in told.pairs
    assert "longer" not in Plan().to_json()


def test_the_command_that_repeats_the_run_stands_alone_to_be_copied(tmp_path: Path) -> None:
    run, connections = simulated_run(repeats=1)
    assert f"<pre data-copy>{run.command}</pre>" in page_of(write_run(tmp_path, run, connections))


def test_every_chart_becomes_a_picture_that_stands_alone(tmp_path: Path) -> None:
    run, connections = simulated_run()
    folder = write_run(tmp_path, run, connections)
    write_histograms(folder, run)
    charts = tmp_path / "deep" / "charts"
    page = write_report(Material.of(RunFolder.load(folder)), charts).read_text(encoding="utf-8")
    drawn = {
        re.findall(r'id="([\w-]+)"', card)[0] for card in re.split(r"(?=<section)", page) if "<svg" in card
    }
    pictures = sorted(charts.iterdir())
    assert {picture.suffix for picture in pictures} == {".svg", ".png"}
    assert {picture.stem for picture in pictures} == drawn
    assert {"timeline", "certainty", "percentiles", "throughput"} <= {picture.stem for picture in pictures}
    for picture in charts.glob("*.svg"):
        text = picture.read_text(encoding="utf-8")
        ElementTree.fromstring(text)
        assert "currentColor" not in text
        assert not re.search(r"href=|url\((?!#)", text)
    for picture in charts.glob("*.png"):
        assert picture.read_bytes().startswith(b"\x89PNG")
    title = html.unescape(re.findall(r'id="timeline">\n<h3>(.*)</h3>', page)[0])
    assert title.split(",")[0] in (charts / "timeline.svg").read_text(encoding="utf-8")


def test_a_charts_folder_that_cannot_be_made_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = write_run(tmp_path, simulated_run(repeats=1)[0])
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ResultsError, match=r"cannot write charts to .*/file/charts: .*--charts") as refusal:
        write_report(Material.of(RunFolder.load(folder)), tmp_path / "file" / "charts")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("run", [simulated_run(), (simulated_open_run(), [])], ids=["closed", "open"])
def test_charts_keep_to_the_schema_of_vega_lite(tmp_path: Path, run: tuple[Run, list[Connection]]) -> None:
    folder = write_run(tmp_path, *run)
    write_histograms(folder, run[0])
    for section in contents(Material.of(RunFolder.load(folder))).sections:
        for drawing in section.drawings:
            drawing.chart.to_dict(validate=True)


def test_under_open_load_blocks_and_percentiles_speak_of_arrivals_and_of_both_times(tmp_path: Path) -> None:
    run = simulated_open_run()
    folder = write_run(tmp_path, run)
    write_histograms(folder, run)
    page = page_of(folder)
    assert "357 arrivals per second (64 users)" in page
    assert not re.search(r">64 connections<", page)
    assert "Dashed: round trip" in page


def test_an_open_load_is_held_against_theory_and_its_generator_described(tmp_path: Path) -> None:
    folder = write_run(tmp_path, simulated_open_run())
    page, text = page_of(folder), text_of(folder)
    for said in ("checked against queueing theory", "Little&#39;s law", "The load generator", "worker 2"):
        assert said in page
    assert page.index("checked against") < page.index(">Checks</h2>") < page.index("<h3>Results")
    assert re.search(r"<h1>At 357 arrivals per second \(64 users\), .*p99 response time", page)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


def test_the_page_says_why_by_overlap_order_and_the_scalability_law(tmp_path: Path) -> None:
    run = simulated_run(modes=("free", "lock"), levels=(1, 2, 4, 8, 16), repeats=2)
    page = page_of(write_run(tmp_path, *run))
    for said in (
        "Peak in service among a cell&#39;s first connections: 16 with free, 1 with lock",
        "1.0 with lock",
        "At 16 connections, no connection was overtaken by a later one.",
        "scalability law, contention is",
    ):
        assert said in page


def test_where_nothing_was_predicted_or_told_there_is_no_empty_section(tmp_path: Path) -> None:
    run = without_health(without_server(simulated_run(repeats=1)[0]))
    page = page_of(write_run(tmp_path, run))
    assert "queueing theory" not in page
    assert "The load generator" not in page


def test_what_is_said_of_a_single_repeat_takes_one_line_of_the_terminal(tmp_path: Path) -> None:
    text = text_of(write_run(tmp_path, simulated_run(repeats=1)[0]))
    (line,) = [line for line in text.splitlines() if "repeat" in line and "single" in line]
    assert line == "single-repeat: One repeat: no confidence interval. Use --repeats 3."


def test_a_line_of_a_check_that_is_broken_stays_set_in(tmp_path: Path) -> None:
    run, _ = simulated_run(repeats=1)
    cells = [replace(cell, health=[health_of(f"worker-{n}", 0.95) for n in range(9)]) for cell in run.cells]
    lines = text_of(write_run(tmp_path, replace(run, cells=cells))).splitlines()
    first = next(place for place, line in enumerate(lines) if line.startswith("generator-busy"))
    last = next(place for place, line in enumerate(lines) if "more cells" in line)
    assert last - first > 6
    assert all(line.startswith("  ") for line in lines[first + 2 : last + 1])
    assert max(map(len, lines)) <= 80


def test_what_degrades_a_run_is_told_once_with_its_advice_before_the_verdict(tmp_path: Path) -> None:
    run = unequal(simulated_run(repeats=1)[0])
    folder = write_run(tmp_path, run)
    (finding,) = [each for each in findings(run) if each.check.name == "missing-workers"]
    page = html.unescape(page_of(folder).split("</style>")[-1])
    for text in (" ".join(text_of(folder).split()), page):
        for said in (finding.check.message, finding.check.advice):
            assert text.count(said) == 1
        assert text.index(finding.check.advice) < text.index("No verdict")


def test_a_plan_that_was_stopped_says_how_much_of_it_was_measured(tmp_path: Path) -> None:
    run, _ = simulated_run(modes=("free", "lock"), levels=(1, 8), repeats=3)
    stopped = replace(run, cells=run.cells[:5], interrupted=True)
    page = page_of(write_run(tmp_path, stopped))
    assert "A plan of 12 cells, 5 of them measured: 2 modes, 2 levels, 3 repeats" in page
