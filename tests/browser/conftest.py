"""A browser, and pages of it that complain of nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.load import LoadProcesses
from tests.support.server import ServerProcess

FLAGS = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
# What a page asked for and no longer wants, because it was left.
LEFT = "net::ERR_ABORTED"


@pytest.fixture(scope="module")
def load_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoadProcesses]:
    folder = tmp_path_factory.mktemp("load")
    with ServerProcess("free", "lock", flags=FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        with LoadProcesses(admin, folder) as load:
            yield load


@pytest.fixture
def load(load_processes: LoadProcesses) -> Iterator[LoadProcesses]:
    yield load_processes
    load_processes.settle()


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def open_context(browser: Browser) -> Iterator[OpenContext]:
    """Opens windows (`viewport`, `color_scheme`, ...) whose consoles stay clean and whose requests succeed.

    Whatever a page of theirs complains of fails the test. Locust's own page needs no exception.
    """
    complaints: list[str] = []
    contexts: list[BrowserContext] = []

    def watch(page: Page) -> None:
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "requestfailed",
            lambda request: (
                complaints.append(f"{request.url}: {request.failure}") if request.failure != LEFT else None
            ),
        )

    def open_one(**how: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **how})
        context.on("page", watch)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        for each in context.pages:
            # Who is in the middle of answering for the master would else fail in the next test.
            each.unroute_all(behavior="ignoreErrors")
        context.close()
    assert not complaints


@pytest.fixture
def page(load: LoadProcesses, open_context: OpenContext) -> Iterator[Page]:
    """Locust's page."""
    page = open_context(viewport={"width": 1280, "height": 900}).new_page()
    page.goto(load.url)
    yield page
    print(load.logs())  # pytest shows it beside a failure
