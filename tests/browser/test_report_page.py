"""The report as a browser shows it: on a screen, on a phone, in the dark, without its script."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from lockstep.analysis.history import make_history
from lockstep.report.history import render_history
from lockstep.report.material import Material
from lockstep.report.write import write_report
from lockstep.runs.folder import RunFolder
from tests.factories.folders import write_histograms, write_run
from tests.factories.runs import make_cell, run_of
from tests.factories.simulated import simulated_run
from tests.support.commands import run_here

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SCREEN = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run, connections = simulated_run()
    written = write_run(tmp_path_factory.mktemp("results"), run, connections)
    write_histograms(written, run)
    return written


@pytest.fixture(scope="module")
def report(folder: Path) -> str:
    return write_report(Material.of(RunFolder.load(folder))).as_uri()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, report: str) -> Iterator[Page]:
    page = browser.new_page(viewport=SCREEN)
    page.goto(report)
    yield page
    page.close()


def test_the_first_screen_holds_the_sentence_and_the_picture(page: Page) -> None:
    for part in (page.locator("h1"), *page.locator("#timeline svg").all()):
        box = part.bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= SCREEN["height"]
    assert page.locator("#timeline svg").count() == 2


@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_nothing_is_wider_than_the_window(browser: Browser, report: str, viewport: ViewportSize) -> None:
    page = browser.new_page(viewport=viewport)
    page.goto(report)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    page.close()


def test_a_history_of_long_names_fits_a_screen(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "history.html"
    modes = ["free", "lock", "ticket", "semaphore=4", "queue=1", "lock/message"]
    plan = {"modes": modes, "levels": [1, 8, 32], "gates": ["free: messages_per_s > 70"]}
    cells = [make_cell(mode, level) for mode in modes for level in (1, 8, 32)]
    runs = [(f"2026012{day}-101500-a1b2", run_of(cells, plan=plan)) for day in range(3)]
    file.write_text(render_history(make_history(runs), {}, []), encoding="utf-8")
    page = browser.new_page(viewport=SCREEN)
    page.goto(file.as_uri())
    tables = page.evaluate(
        "[...document.querySelectorAll('.scroll')].map((each) => each.scrollWidth - each.clientWidth)"
    )
    page.close()
    assert tables
    assert set(tables) == {0}


def test_the_page_is_dark_where_the_reader_wants_it_so(browser: Browser, report: str) -> None:
    grounds = []
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme in schemes:
        page = browser.new_page(color_scheme=scheme)
        page.goto(report)
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
        grounds.append(sum(ground))
        page.close()
    light, dark = grounds
    assert dark < 150 < 600 < light


def test_without_its_script_only_the_copy_buttons_are_missing(
    browser: Browser, page: Page, report: str
) -> None:
    still = browser.new_context(java_script_enabled=False).new_page()
    still.goto(report)
    buttons = page.locator("button.copy")
    assert buttons.count() > 10
    assert still.locator("button.copy").count() == 0
    assert still.locator("svg").count() == page.locator("svg").count()
    assert still.locator("table").count() == page.locator("table").count()
    still.context.close()


def test_a_copied_table_is_separated_by_tabs(page: Page) -> None:
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.copied = text; }")
    page.locator("#figures button.copy").click()
    rows = [line.split("\t") for line in page.evaluate("window.copied").split("\n")]
    assert rows[0][:3] == ["mode", "connections", "messages/s"]
    assert {len(row) for row in rows} == {len(rows[0])}
    assert len(rows) == 1 + 12


def test_the_picture_of_the_readme_is_the_first_screen(folder: Path, tmp_path: Path, chromium: str) -> None:
    picture = tmp_path / "picture.png"
    done = run_here(sys.executable, "docs/picture.py", str(folder), str(picture))
    assert done.code == 0, done.err
    width, height = struct.unpack(">II", picture.read_bytes()[16:24])
    assert (width, height) == (SCREEN["width"], SCREEN["height"])


def test_a_picture_of_no_run_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run_here(
        sys.executable, "docs/picture.py", str(tmp_path), str(tmp_path / "picture.png"), within_s=60
    )
    assert done.code == 2
    assert "not a run folder" in done.err
    assert len(done.err.splitlines()) == 1
