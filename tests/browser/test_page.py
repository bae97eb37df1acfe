"""Locust's page with our form, used as a user would: start, watch, stop, compare, get it wrong."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.form import await_end, choose, fill, keep_picture, open_form, press, start
from tests.support.commands import differences
from tests.support.load import LoadProcesses

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]

TABLE_S = 20.0
REPORT_S = 60.0
DROPDOWNS = {
    "run": ["manual run", "comparison plan"],
    "mode": ["free", "lock"],
    "clientMode": ["free", "locked"],
    "scenario": ["session", "greeting", "persistent", "pipelined", "send-only", "receive-only"],
    "arrival": ["closed", "constant", "poisson"],
}
FIELDS = ["run", "mode", "clientMode", "scenario", "arrival", "rate", "messages", "depth", "payload"]
FIELDS += ["modes", "levels", "repeats", "seconds", "warmup", "seed"]
# Medians and averages come with two decimals in Locust's page, percentiles with three digits.
ROUNDING_MS, BUCKET = 0.005, 0.005
TIMES = [
    "Min (ms)",
    "Median (ms)",
    "Average (ms)",
    "95%ile (ms)",
    "99%ile (ms)",
    "Max (ms)",
]


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


def await_rows(page: Page, mode: str) -> tuple[dict[str, float], dict[str, float]]:
    """A mode's connect row and its message row, once both are in the table."""
    deadline = time.monotonic() + TABLE_S
    while time.monotonic() < deadline:
        rows = table(page)
        both = {("connect", mode), ("message", mode)} <= rows.keys()
        if both and rows["message", mode]["# Requests"] > 50:
            return rows["connect", mode], rows["message", mode]
        page.wait_for_timeout(300)
    raise AssertionError(f"no messages of {mode} within {TABLE_S} s: {table(page)}")


def run_by_hand(
    page: Page, mode: str, arrival: str = "closed", rate: str = "0"
) -> tuple[dict[str, float], dict[str, float]]:
    open_form(page)
    choose(page, "run", "manual run")
    choose(page, "mode", mode)
    choose(page, "clientMode", "free")
    choose(page, "arrival", arrival)
    fill(page, userCount="4", spawnRate="4", rate=rate)
    press(page, "Start")
    seen = await_rows(page, mode)
    keep_picture(page, f"running-{mode}")
    press(page, "Stop")
    await_end(page)
    return seen


def runs(load: LoadProcesses) -> set[Path]:
    return set(load.results.glob("*"))


def newest_run(load: LoadProcesses) -> dict[str, Any]:
    """The last run, as it is kept. The page is told of its end first, then it is saved and reported."""
    folder = max(runs(load))
    deadline = time.monotonic() + REPORT_S
    while not (folder / "report.html").exists():
        assert time.monotonic() < deadline, f"no report within {REPORT_S} s: {list(folder.iterdir())}"
        time.sleep(0.1)
    run: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return run


def test_the_form_offers_the_servers_modes_and_keeps_our_order_of_fields(page: Page) -> None:
    open_form(page)
    keep_picture(page, "form")
    for field, choices in DROPDOWNS.items():
        assert page.locator(f"select[name='{field}'] option").all_inner_texts() == choices
    shown = page.locator("form [name]").evaluate_all("fields => fields.map(field => field.name)")
    assert [name for name in shown if name in FIELDS] == FIELDS


@pytest.mark.parametrize("mode", ["free", "lock"])
def test_a_run_by_hand_shows_true_fractions_of_a_millisecond(
    page: Page, load: LoadProcesses, mode: str
) -> None:
    connect, message = run_by_hand(page, mode)
    for row in (connect, message):
        assert all(row[title] > 0 for title in TIMES), row
        assert not all(row[title].is_integer() for title in TIMES), row
        assert row["Min (ms)"] <= row["Median (ms)"] + ROUNDING_MS
        assert row["Median (ms)"] <= row["99%ile (ms)"] + ROUNDING_MS
        assert row["99%ile (ms)"] <= row["Max (ms)"] * (1 + BUCKET)
        assert row["# Fails"] == 0
    assert connect["Min (ms)"] < 1, "loopback shakes hands within a millisecond"
    assert message["Min (ms)"] >= 2, "the server holds every message for 2 ms"
    run = newest_run(load)
    assert [cell["mode"] for cell in run["cells"]] == [mode]


def test_an_open_load_runs_from_the_page(page: Page, load: LoadProcesses) -> None:
    run_by_hand(page, "free", "constant", "50")
    run = newest_run(load)
    (cell,) = run["cells"]
    assert (cell["arrival"], cell["rate_per_s"]) == ("constant", 50)
    assert cell["times"]["response"]["count"] == cell["times"]["round_trip"]["count"] > 0
    assert not any(differences(cell).values())


def test_the_comparison_plan_runs_from_the_page_to_its_report(page: Page, load: LoadProcesses) -> None:
    open_form(page)
    choose(page, "run", "comparison plan")
    choose(page, "arrival", "closed")
    fill(page, rate="0")
    fill(page, modes="free,lock", levels="1,4", repeats="1", seconds="0.5", warmup="0.1")
    keep_picture(page, "form-plan")
    start(page)
    await_end(page)
    rows = table(page)
    keep_picture(page, "plan-done")
    assert {("message", "free"), ("message", "lock")} <= set(rows)
    run = newest_run(load)
    assert run["kind"] == "plan"
    assert len(run["cells"]) == 4
    assert not any(any(differences(cell).values()) for cell in run["cells"])


@pytest.mark.parametrize(
    ("entry", "explanation"),
    [
        ({"payload": "abc"}, "Payload: 'abc' is not a whole number: write for example 3"),
        ({"levels": "1,x"}, "Levels: '1,x' is not a list of whole numbers: write for example 1,8,32"),
        ({"rate": "50"}, re.compile("Rate: 50 does nothing with --arrival closed")),
        ({"modes": "lok"}, re.compile("'lok' is not offered by the server at .*: did you mean lock")),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_wrong_entry_is_explained_in_the_page_and_starts_nothing(
    page: Page, load: LoadProcesses, entry: dict[str, str], explanation: str | re.Pattern[str]
) -> None:
    before = runs(load)
    open_form(page)
    choose(page, "run", "comparison plan")
    choose(page, "arrival", "closed")
    fill(page, rate="0")
    fill(page, **entry)
    press(page, "Start")
    expect(page.get_by_role("alert")).to_have_text(explanation)
    keep_picture(page, f"wrong-{next(iter(entry))}")
    assert runs(load) == before
