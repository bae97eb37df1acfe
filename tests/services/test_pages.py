"""The pages about services: every command on them runs, against the service that it names, and ends well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.services.runs import names_of, run_well, shortened, unanswered
from tests.support.pages import DOCS, blocks_of, commands_of

pytestmark = pytest.mark.services

Places = dict[str, str]
# A page -> the fixtures of what it loads, by the port that it names; the names its messages have.
PAGES: dict[str, tuple[dict[str, int], set[str]]] = {
    "services/redis.md": ({"redis": 6379, "nginx": 6380}, {"PING", "GET"}),
    "services/memcached.md": ({"memcached": 11211}, {"set", "get", "miss"}),
    "services/postgresql.md": ({"postgres": 5432}, {"SELECT"}),
    "services/mqtt.md": ({"mosquitto": 1883}, {"ping", "there and back"}),
    "services/tls.md": ({"redis": 6379, "stunnel": 6381}, {"PING", "GET"}),
    "services/own-protocol.md": ({}, {"measure"}),
    "services/two-builds.md": ({}, set()),
    "capacity.md": ({}, set()),
    "your-service.md": ({}, {"login", "do", "by pattern", "by prefix", "by size", "by hand"}),
}


@pytest.fixture
def places_of(request: pytest.FixtureRequest, small: dict[int, int], ca: Path) -> Callable[[str], Places]:
    """Gives, for a page, what it says and what stands there in a test."""

    def places(page: str) -> Places:
        there = {port: request.getfixturevalue(name) for name, port in PAGES[page][0].items()}
        ports = {f"127.0.0.1:{said}": f"127.0.0.1:{port}" for said, port in (there | small).items()}
        return {**ports, "ca.pem": str(ca)}

    return places


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_runs_and_ends_well(
    page: str, places_of: Callable[[str], Places], tmp_path: Path
) -> None:
    runs: list[dict[str, Any]] = []
    for number, (program, *words) in enumerate(commands_of(DOCS / page)):
        assert program == "lockstep"
        done, run = run_well(tmp_path / str(number), shortened(words, places_of(page)))
        assert list(unanswered(run)) == []
        assert "gate failed" not in done.out
        runs.append(run)
    assert runs
    assert set().union(*map(names_of, runs)) >= PAGES[page][1]


def test_every_page_about_a_service_is_tried() -> None:
    pages = {str(page.relative_to(DOCS)) for page in (DOCS / "services").glob("*.md")}
    assert pages == {page for page in PAGES if page.startswith("services/")}


@pytest.mark.parametrize("page", PAGES)
def test_the_code_on_a_page_is_that_of_an_example(page: str) -> None:
    examples = [file.read_text(encoding="utf-8") for file in (DOCS / "examples").glob("*.py")]
    for block in blocks_of(DOCS / page, "python"):
        assert any(block in example for example in examples), block
