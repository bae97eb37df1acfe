"""The live page, used as somebody would who starts a run and wants to see what it comes to."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, FrameLocator, Locator, Page, Route, expect

from lockstep.analysis.check import cell_name
from lockstep.runs.folder import RunFolder
from lockstep.web.state import COLUMNS, outcome_of
from tests.browser.conftest import OpenContext
from tests.browser.form import END_S, await_end, choose, fill, keep_picture, open_form, press, start
from tests.factories.simulated import simulated_run
from tests.support.load import LoadProcesses

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
# For something to appear that a busy machine may be slow with.
SOON_MS = 30_000
END_MS = END_S * 1000
# What a run of a few cells may take from its first to its last.
PLAN_MS = 90_000
A_NUMBER = re.compile(r"\d")
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}


def start_plan(page: Page, **more: str) -> None:
    """A plan of four cells: two modes, six connections, twice."""
    open_form(page)
    choose(page, "run", "comparison plan")
    choose(page, "arrival", "closed")
    asked = {"modes": "free,lock", "levels": "6", "repeats": "2", "seconds": "1.5", "warmup": "0.2"}
    fill(page, **{"rate": "0", **asked, **more})
    start(page)


def start_by_hand(page: Page, mode: str) -> None:
    open_form(page)
    choose(page, "run", "manual run")
    choose(page, "mode", mode)
    choose(page, "arrival", "closed")
    fill(page, userCount="4", spawnRate="4", rate="0")
    start(page)


def go_to_tab_by_keyboard(page: Page) -> FrameLocator:
    """From Locust's first tab to ours, which is the last."""
    page.get_by_role("tab", name="Statistics").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    tab = page.get_by_role("tab", name="Lockstep")
    expect(tab).to_be_focused()
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(page.get_by_title("Lockstep live")).to_be_visible()
    return page.frame_locator("#lockstep-live")


def inside(page: Page) -> Frame:
    """The live page in Locust's tab."""
    frame = page.query_selector("#lockstep-live")
    assert frame is not None
    content = frame.content_frame()
    assert content is not None
    return content


def violations(page: Page | Frame, only: str | None = None) -> list[str]:
    """What axe finds that breaks WCAG 2.1 A or AA: rule, and the elements."""
    found = Axe().run(page, {"include": [[only]]} if only else None, RULES)
    return [
        f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found.response["violations"]
    ]


def scrolls_sideways(page: Page | Frame) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def newest_run(load: LoadProcesses) -> Path:
    return max(load.results.glob("*"), key=lambda path: path.stat().st_mtime_ns)


def saved(load: LoadProcesses) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((newest_run(load) / "run.json").read_text())
    return document


def the_report_opens(page: Page, link: Locator, load: LoadProcesses) -> None:
    """By the keyboard, in a tab of its own: the report of the newest run, and it styles itself."""
    link.focus()
    with page.expect_popup() as opening:
        page.keyboard.press("Enter")
    report = opening.value
    expect(report).to_have_title(re.compile("^Lockstep: "))
    expect(report.get_by_text(newest_run(load).name).first).to_be_attached()
    ground = report.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)"), "its own style sheet was refused"
    keep_picture(report, f"report-{page.viewport_size['width'] if page.viewport_size else 0}")
    report.close()


def test_before_the_first_run_the_start_form_leads_to_a_page_that_says_so(page: Page) -> None:
    link = page.get_by_role("link", name="Lockstep live")
    expect(link).to_be_visible()
    keep_picture(page, "form-with-link")
    assert violations(page, "#lockstep-link") == []
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#run")).to_have_text("No run yet: start one on Locust's page.")
    expect(page.get_by_role("status")).to_have_text("nothing runs")
    expect(page.locator("#modes tr")).to_have_count(2)
    keep_picture(page, "live-before")
    assert violations(page) == []
    page.get_by_role("link", name="Locust's page").click()
    expect(page.get_by_role("button", name="Start")).to_be_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_plan_is_watched_from_the_tab_to_its_verdict_and_its_report(
    open_context: OpenContext, load: LoadProcesses, size: dict[str, int]
) -> None:
    page = open_context(viewport=size).new_page()
    page.goto(load.url)
    start_plan(page)
    live = go_to_tab_by_keyboard(page)
    name = f"live-{size['width']}"

    expect(live.locator("#cell")).to_have_text(re.compile("^[1-3] of 4: "), timeout=SOON_MS)
    answered = live.locator("#answered")
    expect(answered).to_have_text(A_NUMBER, timeout=SOON_MS)
    first = answered.inner_text()
    expect(live.locator("#left")).to_have_text(re.compile(r"^(about|at least) \d+ s$"), timeout=SOON_MS)
    expect(live.locator("#split")).to_contain_text("wait")
    keep_picture(page, f"{name}-running")
    expect(answered).not_to_have_text(first, timeout=SOON_MS)
    expect(live.locator("#cell")).to_have_text(re.compile("^4 of 4"), timeout=PLAN_MS)
    expect(live.locator("#figures tr").first).to_be_visible()
    heads = [head.strip() for head in live.locator("#figures-heads th").all_inner_texts()]
    assert heads == [column.head for column in COLUMNS]
    assert violations(inside(page)) == []
    assert not scrolls_sideways(inside(page))

    verdict = live.get_by_role("region", name="Verdict")
    expect(verdict).to_be_visible(timeout=PLAN_MS)
    link = verdict.get_by_role("link", name="Open the report")
    expect(link).to_be_visible(timeout=END_MS)
    told = outcome_of(RunFolder.load(newest_run(load)).run)
    assert verdict.locator("#headline").inner_text() == told.sentences[0]
    assert live.locator("#figures tr").count() == len(told.results) == 2
    keep_picture(page, f"{name}-done")
    assert violations(inside(page)) == []
    the_report_opens(page, link, load)
    assert len(saved(load)["cells"]) == 4
    await_end(page)


def test_the_servers_counts_and_the_mode_under_load_are_shown_by_mode(
    page: Page, load: LoadProcesses
) -> None:
    start_plan(page, modes="lock", repeats="1", seconds="6")
    live = go_to_tab_by_keyboard(page)
    row = live.locator("#modes tr").filter(has_text="lock (now)")
    expect(row).to_be_visible(timeout=SOON_MS)
    # Six connections want in, and the lock serves one of them.
    expect(row.locator("td").nth(1)).to_have_text(re.compile("^[345]$"), timeout=SOON_MS)
    expect(row.locator(".bar i")).to_have_count(3)
    await_end(page)
    expect(live.locator("#headline")).to_contain_text("lock's throughput")


def test_a_run_by_hand_ends_with_what_it_served_and_a_report(page: Page, load: LoadProcesses) -> None:
    start_by_hand(page, "lock")
    live = go_to_tab_by_keyboard(page)
    expect(live.locator("#run")).to_contain_text("Manual run")
    expect(live.locator("#p99")).to_have_text(A_NUMBER, timeout=SOON_MS)
    expect(live.locator("#cell")).to_have_text("lock, 4 connections", timeout=SOON_MS)
    expect(live.locator("#left")).to_have_text(A_NUMBER)
    keep_picture(page, "live-by-hand")
    press(page, "Stop")
    outcome = live.get_by_role("region", name="Outcome")
    expect(outcome.locator("#headline")).to_contain_text("lock's throughput", timeout=END_MS)
    link = outcome.get_by_role("link", name="Open the report")
    expect(link).to_be_visible(timeout=END_MS)
    the_report_opens(page, link, load)
    run = saved(load)
    assert (run["kind"], [cell["mode"] for cell in run["cells"]]) == ("hand", ["lock"])
    await_end(page)


def test_a_plan_that_is_stopped_in_its_first_cell_says_that_nothing_was_measured(
    page: Page, load: LoadProcesses
) -> None:
    start_plan(page, seconds="30")
    live = go_to_tab_by_keyboard(page)
    expect(live.get_by_role("status")).to_have_text("measuring", timeout=SOON_MS)
    press(page, "Stop")
    expect(live.locator("#headline")).to_have_text("No cell was measured to its end.", timeout=END_MS)
    expect(live.locator("#verdict-title")).to_contain_text("stopped before its plan was done")
    expect(live.locator("#strip .cut")).to_have_count(1)
    await_end(page)
    assert saved(load)["interrupted"]


def test_a_verdict_that_is_withheld_names_the_cells_and_what_to_do(page: Page, load: LoadProcesses) -> None:
    """By the records of a run in which a worker's report was lost: here none is."""
    run, _ = simulated_run(("free", "lock"), (1, 8), 3)
    lost = replace(run, cells=[replace(run.cells[0], workers_reported=1), *run.cells[1:]])
    outcome = outcome_of(lost)

    def doubt_it(route: Route) -> None:
        state = route.fetch().json()
        state["run"] = {"id": "r", "kind": "plan", "finished": True, "interrupted": False, "running_for": ""}
        state["verdict"] = {
            "sentences": list(outcome.sentences),
            "doubts": [asdict(doubt) for doubt in outcome.doubts],
        }
        route.fulfill(json=state)

    page.route("**/lockstep/state", doubt_it)
    page.goto(f"{load.url}/lockstep")
    doubts = page.locator("#doubts")
    expect(doubts.get_by_role("listitem")).to_contain_text(cell_name(run.cells[0]), timeout=SOON_MS)
    expect(doubts).to_contain_text(f"What to do: {outcome.doubts[0].advice}")
    expect(page.locator("#figures-words")).to_have_text("Figures may be missing or wrong: do not quote them.")
    keep_picture(page, "live-doubtful")
    assert violations(page) == []


def test_a_reload_keeps_the_last_minute_and_a_phone_says_where_a_table_goes_on(
    open_context: OpenContext, load: LoadProcesses
) -> None:
    page = open_context(viewport=PHONE).new_page()
    page.goto(f"{load.url}/lockstep")
    load.start(
        user_count=4,
        spawn_rate=9,
        host="tcp://127.0.0.1",
        run="manual run",
        mode="lock",
        arrival="closed",
        rate=0,
    )
    line = page.locator("#spark-answered path")
    expect(line).to_have_attribute("d", re.compile("(L.*){3}"), timeout=SOON_MS)
    drawn = (line.get_attribute("d") or "").count("L")
    page.reload()
    expect(page.locator("#p99")).to_have_text(A_NUMBER, timeout=SOON_MS)
    assert (line.get_attribute("d") or "").count("L") >= drawn
    assert load.post("/stop", {})[0] == 200
    figures = page.locator("#figures-card")
    expect(figures.locator(".wide")).to_have_count(1, timeout=END_MS)
    expect(figures.get_by_text("scroll the table")).to_be_visible()
    expect(page.locator("#report").get_by_role("link")).to_be_visible(timeout=END_MS)


def test_in_the_dark_the_page_is_dark_and_still_readable(
    open_context: OpenContext, load: LoadProcesses
) -> None:
    page = open_context(color_scheme="dark").new_page()
    page.goto(f"{load.url}/lockstep")
    expect(page.locator("#headline")).to_be_visible()
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(shade[:3]) < 64
    keep_picture(page, "live-dark")
    assert violations(page) == []


def test_locusts_own_switch_to_dark_reaches_the_tab(page: Page) -> None:
    page.goto(page.url.split("?")[0] + "?tab=lockstep")
    frame = page.frame_locator("#lockstep-live").locator("html")
    expect(frame).to_have_attribute("data-theme", "light", timeout=SOON_MS)
    page.locator("header button").last.click()
    expect(frame).to_have_attribute("data-theme", "dark", timeout=SOON_MS)
    page.locator("header button").last.click()
    expect(frame).to_have_attribute("data-theme", "light", timeout=SOON_MS)


def test_while_another_tab_is_shown_nobody_is_asked(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "lockstep/state" in request.url else None)
    with page.expect_request("**/lockstep/state", timeout=SOON_MS):
        go_to_tab_by_keyboard(page)
    page.get_by_role("tab", name="Statistics").click()
    expect(page.locator("#lockstep-live")).to_be_hidden()
    page.wait_for_timeout(1000)  # what was under way
    asked.clear()
    page.wait_for_timeout(3000)
    assert asked == []
    with page.expect_request("**/lockstep/state", timeout=SOON_MS):
        page.get_by_role("tab", name="Lockstep").click()


@pytest.mark.parametrize(
    ("status", "words"), [(503, "The master does not answer."), (302, "You are logged out")]
)
def test_a_page_that_gets_no_state_says_so_and_goes_on_trying(
    browser: Browser, load: LoadProcesses, status: int, words: str
) -> None:
    page = browser.new_page()  # whose console will complain of the answers
    page.goto(f"{load.url}/lockstep")
    expect(page.locator("#stage")).not_to_have_text("loading")

    def refuse(route: Route) -> None:
        route.fulfill(status=status, headers={"Location": "/login"})

    page.route("**/lockstep/state", refuse)
    expect(page.locator("#lost")).to_contain_text(words, timeout=SOON_MS)
    page.unroute("**/lockstep/state")
    expect(page.locator("#lost")).to_be_hidden(timeout=SOON_MS)
    page.close()
