"""Locust's page for services that are not ours: no host is needed, and what only ours tells is left out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenContext
from tests.browser.form import END_S, await_end, choose, fill, keep_picture, open_form, start
from tests.browser.test_live_page import A_NUMBER, SOON_MS, go_to_tab_by_keyboard, inside, violations
from tests.support.load import LoadProcesses
from tests.support.small_services import serving

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

TALK = """
[target]
url = "tcp://127.0.0.1:{port}"
framing = "line"

[[step]]
name = "hello"
send = "hello {{seq}}"
expect = "hello {{seq}}"
"""


def echo(link: object) -> None:
    while data := link.recv(65536):  # type: ignore[attr-defined]
        link.sendall(data)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(echo) as port:
        yield port


@contextmanager
def page_of(load: LoadProcesses, open_context: OpenContext) -> Iterator[Page]:
    with load:
        page = open_context().new_page()
        page.goto(load.url)
        try:
            yield page
        finally:
            # Before those it asks are gone, of which it would complain.
            page.close()
            print(load.logs())


def test_targets_are_compared_without_a_host_and_without_panels_that_nobody_could_fill(
    port: int, tmp_path: Path, open_context: OpenContext
) -> None:
    targets = f"new=tcp://127.0.0.1:{port} old=tcp://127.0.0.1:{port}"
    flags = ("--target", targets, "--framing", "line", "--reply", "echo")
    load = LoadProcesses("", tmp_path, flags=flags, host=None)
    with page_of(load, open_context) as page:
        open_form(page)
        expect(page.locator("input[name='host']")).to_have_value("")
        choose(page, "run", "comparison plan")
        fill(page, modes="new,old", levels="4", repeats="1", seconds="3", warmup="0.2")
        start(page)
        live = go_to_tab_by_keyboard(page)
        expect(live.locator("#p99")).to_have_text(A_NUMBER, timeout=SOON_MS)
        reason = live.get_by_text("services that are not Lockstep servers")
        expect(reason).to_have_count(1)
        expect(reason).to_be_visible()
        expect(live.locator("#figures tr").first).to_be_visible(timeout=SOON_MS)
        for left_out in ("#server", "#times", "#spark-service"):
            expect(live.locator(left_out)).to_be_hidden()
        heads = live.locator("#figures-heads th").all_inner_texts()
        assert [head.strip() for head in heads[:2]] == ["target", "connections"]
        assert not {"wait, mean", "peak in service"} & {head.strip() for head in heads}
        expect(live.locator("#figures .bars").first).to_be_hidden()
        keep_picture(page, "live-services")
        assert violations(inside(page)) == []
        expect(live.locator("#headline")).to_contain_text("throughput", timeout=END_S * 1000)
        await_end(page)


def test_a_file_that_says_where_to_is_started_without_a_host(
    port: int, tmp_path: Path, open_context: OpenContext
) -> None:
    talk = tmp_path / "talk.toml"
    talk.write_text(TALK.format(port=port))
    load = LoadProcesses("", tmp_path, flags=("--file", str(talk)), host=None)
    with page_of(load, open_context) as page:
        open_form(page)
        choose(page, "run", "comparison plan")
        fill(page, levels="2", repeats="1", seconds="1", warmup="0.2")
        start(page)
        await_end(page)
        expect(page.locator("table tbody")).to_contain_text("hello")
