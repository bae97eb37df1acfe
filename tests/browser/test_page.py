"""Locust's page with our form, used as a user would: start, watch, stop, compare, get it wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.load import LoadProcesses
from tests.support import ROOT, ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

FLAGS = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
PICTURES = ROOT / "artifacts" / "browser"
TABLE_S = 20.0


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadProcesses]:
    folder = tmp_path_factory.mktemp("load")
    with ServerProcess("free", "lock", flags=FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        with LoadProcesses(admin, folder) as load:
            yield load


@pytest.fixture
def page(load: LoadProcesses, chromium: str) -> Iterator[Page]:
    """A page whose console stays clean: whatever it complains of fails the test."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(load.url)
        yield page
        browser.close()
    assert not complaints


def open_form(page: Page) -> None:
    new, parameters = page.get_by_role("button", name="New"), page.get_by_text("Custom parameters")
    expect(new.or_(parameters).first).to_be_visible()
    if new.is_visible():  # after a run the page shows its results first
        new.click()
    parameters.click()
    expect(page.get_by_label("Messages (", exact=False)).to_be_visible()


def choose(page: Page, field: str, value: str) -> None:
    """Pick from a dropdown; a field's label is its name and, in brackets, its help."""
    page.locator(f"select[name='{field}']").select_option(value, force=True)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"input[name='{name}']").fill(value)


def keep_picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


def table(page: Page) -> dict[tuple[str, str], dict[str, float]]:
    """Locust's table of statistics: (type, name) -> column -> number."""
    titles = [" ".join(title.split()) for title in page.locator("table thead th").all_inner_texts()]
    rows = {}
    for row in page.locator("table tbody tr").all():
        words = row.locator("td").all_inner_texts()
        if len(words) == len(titles):
            rows[words[0], words[1]] = {
                title: float(word) for title, word in zip(titles[2:], words[2:], strict=True)
            }
    return rows


def await_rows(page: Page, mode: str) -> dict[str, float]:
    """The connect row of a mode, once it and its messages are in the table."""
    deadline = time.monotonic() + TABLE_S
    while time.monotonic() < deadline:
        rows = table(page)
        if rows.get(("message", mode), {}).get("# Requests", 0) > 50:
            return rows["connect", mode]
        page.wait_for_timeout(300)
    raise AssertionError(f"no messages of {mode} within {TABLE_S} s: {table(page)}")


def run_by_hand(page: Page, mode: str) -> dict[str, float]:
    open_form(page)
    choose(page, "run", "by hand")
    choose(page, "mode", mode)
    choose(page, "clientMode", "free")
    fill(page, userCount="4", spawnRate="4")
    page.get_by_role("button", name="Start").click()
    seen = await_rows(page, mode)
    keep_picture(page, f"running-{mode}")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="New")).to_be_visible(timeout=20_000)
    return seen


def newest_run(load: LoadProcesses) -> tuple[Path, dict[str, Any]]:
    folder = max(load.results.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    return folder, json.loads((folder / "run.json").read_text())


@pytest.mark.parametrize("mode", ["free", "lock"])
def test_a_run_by_hand_shows_true_fractions_of_a_millisecond(
    page: Page, load: LoadProcesses, mode: str
) -> None:
    connect = run_by_hand(page, mode)
    assert 0 < connect["Median (ms)"] < 5
    assert 0 < connect["Min (ms)"] < 1, "loopback shakes hands within a millisecond, and not in none"
    assert connect["Min (ms)"] <= connect["Median (ms)"] <= connect["Max (ms)"]
    folder, run = newest_run(load)
    assert [cell["mode"] for cell in run["cells"]] == [mode]
    assert (folder / "report.html").exists()


def test_the_comparison_plan_runs_from_the_page_to_its_report(page: Page, load: LoadProcesses) -> None:
    open_form(page)
    choose(page, "run", "comparison plan")
    fill(page, modes="free,lock", levels="1,4", repeats="1", seconds="0.5", warmup="0.1")
    keep_picture(page, "form-plan")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("button", name="New")).to_be_visible(timeout=60_000)
    rows = table(page)
    keep_picture(page, "plan-done")
    assert {("message", "free"), ("message", "lock")} <= set(rows)
    folder, run = newest_run(load)
    assert run["kind"] == "plan"
    assert len(run["cells"]) == 4
    assert all(cell["ledger"]["difference"] == 0 for cell in run["cells"])
    assert (folder / "report.html").exists()


def test_a_wrong_entry_is_explained_in_the_page_and_starts_nothing(page: Page, load: LoadProcesses) -> None:
    before = list(load.results.iterdir()) if load.results.exists() else []
    open_form(page)
    fill(page, payload="abc")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Payload: 'abc' is not a whole number")).to_be_visible()
    keep_picture(page, "wrong-entry")
    assert (list(load.results.iterdir()) if load.results.exists() else []) == before
