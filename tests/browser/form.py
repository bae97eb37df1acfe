"""Locust's start form as a user fills it in, and pictures of what came of it."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.support.server import ROOT

PICTURES = ROOT / "artifacts" / "browser"
# The end of a run: last reports, the server's account, and the report made by a process of its own.
END_S = 60.0


def open_form(page: Page) -> None:
    tabs, parameters = page.get_by_role("tablist"), page.get_by_text("Custom parameters")
    expect(tabs.or_(parameters).first).to_be_visible()
    if tabs.is_visible():  # after a run the page shows its results first
        await_end(page)
        press(page, "New")
    parameters.click()
    expect(page.locator(".MuiCollapse-entered")).to_be_visible()  # wholly unfolded


def choose(page: Page, field: str, value: str) -> None:
    """Pick from a dropdown; a field's label is its name and, in brackets, its help."""
    page.locator(f"select[name='{field}']").select_option(value, force=True)


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"input[name='{name}']").fill(value)


def press(page: Page, button: str) -> None:
    """One of Locust's buttons, which a phone has in a menu."""
    menu = page.get_by_role("button", name="menu")
    if menu.is_visible() and button != "Start":
        menu.click()
    page.get_by_role("button", name=button, exact=True).click()


def start(page: Page) -> None:
    """Start what the form says; the menu that led to the form is left open behind it."""
    press(page, "Start")
    expect(page.locator("input[name='userCount']")).to_be_hidden()
    drawer = page.locator(".MuiDrawer-root")
    if drawer.is_visible():
        drawer.locator(".MuiBackdrop-root").click(position={"x": 20, "y": 400})  # beside the menu
        expect(drawer).to_be_hidden()


def await_end(page: Page) -> None:
    """Until the run is over and saved: only then Locust offers the next, which a phone has in a menu."""
    expect(page.locator("header button", has_text="New")).to_be_attached(timeout=END_S * 1000)


def keep_picture(page: Page, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
