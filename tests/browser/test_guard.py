"""What Locust's page would swallow: refusals and failures are said where the person looks."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import OpenContext
from tests.browser.form import END_S, await_end, choose, fill, keep_picture, open_form, press, start
from tests.support.load import LoadProcesses

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SOON_MS = 30_000


def start_by_hand(page: Page, mode: str, users: str = "4") -> None:
    open_form(page)
    choose(page, "run", "manual run")
    choose(page, "mode", mode)
    choose(page, "arrival", "closed")
    fill(page, userCount=users, spawnRate="9", rate="0")
    start(page)


def start_plan(page: Page) -> None:
    open_form(page)
    choose(page, "run", "comparison plan")
    choose(page, "arrival", "closed")
    fill(page, rate="0", modes="lock", levels="3", repeats="1", seconds="60", warmup="0")
    start(page)


def stop(page: Page) -> None:
    press(page, "Stop")
    await_end(page)


def edit(page: Page) -> Locator:
    """The open dialog of Edit, its custom parameters unfolded."""
    press(page, "Edit")
    dialog = page.get_by_role("presentation").filter(has_text="Edit running load test")
    dialog.get_by_text("Custom parameters").click()
    expect(dialog.locator(".MuiCollapse-entered")).to_be_visible()
    return dialog


def notice(page: Page) -> Locator:
    return page.locator("#lockstep-notice")


def test_an_edit_that_changes_more_than_the_users_is_refused_in_its_dialog_which_keeps_what_was_entered(
    page: Page,
) -> None:
    start_by_hand(page, "lock")
    dialog = edit(page)
    choose(page, "mode", "free")
    fill(page, userCount="6")
    dialog.get_by_role("button", name="Update").click()
    alert = dialog.get_by_role("alert")
    expect(alert).to_contain_text("Mode: stays 'lock' as long as this run goes on", timeout=SOON_MS)
    expect(dialog.locator("input[name='userCount']")).to_have_value("6")
    expect(dialog.locator("select[name='mode']")).to_have_value("free")
    keep_picture(page, "edit-refused")
    # Corrected where it stands, it goes through, and the dialog closes.
    choose(page, "mode", "lock")
    dialog.get_by_role("button", name="Update").click()
    expect(dialog).to_be_hidden(timeout=SOON_MS)
    expect(page.locator("header")).to_contain_text(re.compile("Users ?6"), timeout=SOON_MS)
    stop(page)


def test_after_a_reload_edit_shows_what_the_run_was_started_with(page: Page) -> None:
    start_by_hand(page, "lock", users="3")
    # Locust answers a start before it has begun, and a page that is loaded then sees no run.
    expect(page.locator("header")).to_contain_text(re.compile("Users ?[1-3]"), timeout=SOON_MS)
    page.reload()
    dialog = edit(page)
    expect(dialog.locator("select[name='mode']")).to_have_value("lock")
    expect(dialog.locator("input[name='userCount']")).to_have_value("3")
    fill(page, userCount="5")
    dialog.get_by_role("button", name="Update").click()
    expect(dialog).to_be_hidden(timeout=SOON_MS)
    expect(page.locator("header")).to_contain_text(re.compile("Users ?5"), timeout=SOON_MS)
    stop(page)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_during_a_plan_edit_and_reset_say_what_they_are_good_for(
    open_context: OpenContext, load: LoadProcesses, size: dict[str, int]
) -> None:
    page = open_context(viewport=size).new_page()
    page.goto(load.url)
    start_plan(page)
    expect(page.locator("button", has_text=re.compile("^Edit$")).first).to_have_attribute(
        "aria-disabled", "true", timeout=SOON_MS
    )
    menu = page.get_by_role("button", name="menu")
    if menu.is_visible():
        menu.click()
    page.get_by_role("button", name="Edit", exact=True).focus()
    page.keyboard.press("Enter")
    expect(notice(page)).to_contain_text("sets the users itself: let it end, or press Stop")
    expect(notice(page)).to_have_role("alert")
    expect(page.get_by_text("Edit running load test")).to_have_count(0)
    keep_picture(page, f"edit-in-a-plan-{size['width']}")
    notice(page).get_by_role("button", name="Close").click()
    expect(notice(page)).to_have_count(0)
    page.get_by_role("button", name="Reset", exact=True).click()
    expect(notice(page)).to_contain_text("The run, its figures and its report are not touched.")
    expect(notice(page)).to_have_role("status")
    page.get_by_role("button", name="Stop", exact=True).click()
    await_end(page)


def test_a_page_that_sees_a_run_stopping_sees_it_stopped_too(page: Page) -> None:
    """Locust's own page asks no more once it has seen that state."""
    start_by_hand(page, "free")
    stopping = iter(["stopping"] * 3)

    def delay(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        if told["state"] == "stopped" and (state := next(stopping, None)):
            told["state"] = state
        route.fulfill(response=answer, json=told)

    page.route("**/stats/requests", delay)
    stop(page)
    assert next(stopping, None) is None


def test_a_run_that_cannot_begin_says_why_and_the_page_goes_on(
    open_context: OpenContext, load: LoadProcesses
) -> None:
    """Something stands where the folder for results was."""
    hidden = load.results.with_name("hidden")
    load.results.mkdir(exist_ok=True)
    load.results.rename(hidden)
    load.results.write_text("a file")
    try:
        page = open_context().new_page()
        page.goto(load.url)
        for begin in (partial(start_by_hand, page, "free"), partial(start_plan, page)):
            begin()
            expect(notice(page)).to_contain_text("The run could not go on: ", timeout=END_S * 1000)
            expect(notice(page)).to_contain_text("results")
            keep_picture(page, "run-could-not-begin")
            page.reload()
            expect(notice(page)).to_contain_text("The run could not go on: ", timeout=SOON_MS)
            notice(page).get_by_role("button", name="Close").click()
    finally:
        load.results.unlink()
        hidden.rename(load.results)
    start_by_hand(page, "free")
    expect(page.locator("header button", has_text="Stop")).to_be_attached()
    page.wait_for_timeout(500)
    stop(page)
    assert any(Path(load.results).iterdir())
