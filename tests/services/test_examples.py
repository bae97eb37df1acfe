"""The examples: each does what it says, in as many lines as the table of cases tells."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.services.runs import names_of, run_well, unanswered
from tests.support import small_services
from tests.support.commands import run_here
from tests.support.pages import DOCS, code_lines, commands_of
from tests.support.small_services import Handler, serving

pytestmark = pytest.mark.services

EXAMPLES = DOCS / "examples"
GOAL = 15
# Those that no page runs: what they talk to, and the names of their messages.
OTHERS: dict[str, tuple[Handler | str, set[str]]] = {
    "smtp_users.py": (small_services.mail, {"EHLO", "NOOP"}),
    "pubsub_users.py": ("redis", {"PUBLISH"}),
    "mllp_users.py": (small_services.clinic, set()),
    "pipeline_users.py": ("redis", {"ECHO"}),
    "heartbeat_users.py": (small_services.values, {"work", "heartbeat"}),
    "closing_users.py": (small_services.counter, {"hello", "half-close"}),
}
# It is Locust that runs this one.
OF_LOCUST = "shape_users.py"
SERVERS = {"echo_threads.py", "echo_asyncio.py"}

_CASE = re.compile(r"^\| (\d+) \| .* \| (\w+) \|$", re.MULTILINE)
_EXAMPLE = re.compile(r"\(examples/([\w.]+)\)")


@pytest.mark.parametrize("example", OTHERS)
def test_an_example_does_what_it_says(example: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    service, names = OTHERS[example]
    if isinstance(service, str):
        run = _load(example, request.getfixturevalue(service), tmp_path)
    else:
        with serving(service) as port:
            run = _load(example, port, tmp_path)
    assert names_of(run) >= names


def _load(example: str, port: int, out: Path) -> dict[str, object]:
    words = ["run", str(EXAMPLES / example), "--target", f"tcp://127.0.0.1:{port}"]
    _, run = run_well(out / "runs", [*words, "--users", "4", "--seconds", "0.6"])
    assert list(unanswered(run)) == []
    return run


def test_a_shape_and_listeners_of_ones_own_work_under_locust(small: dict[int, int]) -> None:
    command = [
        sys.executable,
        "-m",
        "locust",
        "-f",
        str(EXAMPLES / OF_LOCUST),
        "--headless",
        "--only-summary",
    ]
    host = f"tcp://127.0.0.1:{small[7008]}"
    done = run_here(*command, "--tags", "read", "--host", host, within_s=60)
    assert done.code == 0, done.err
    assert "AssertionError" not in done.err
    row = next(line.split() for line in done.err.splitlines() if "Aggregated" in line)
    assert row[2] == "0(0.00%)"
    assert int(row[1]) > 10


def test_every_example_is_run_by_a_page_or_here() -> None:
    pages = [DOCS / "your-service.md", *(DOCS / "services").glob("*.md")]
    said = " ".join(word for page in pages for words in commands_of(page) for word in words)
    ours = {file.name for file in EXAMPLES.iterdir() if file.suffix in (".py", ".toml")}
    run = {name for name in ours if f"docs/examples/{name}" in said}
    assert ours == run | OTHERS.keys() | {OF_LOCUST}
    assert run >= SERVERS


def test_the_table_of_cases_tells_the_lines_of_its_examples_and_none_is_over_the_goal() -> None:
    page = (DOCS / "your-service.md").read_text(encoding="utf-8")
    told, counted = {}, {}
    for case in _CASE.finditer(page):
        lines = [code_lines(EXAMPLES / name) for name in _EXAMPLE.findall(case[0])]
        told[int(case[1])] = case[2]
        counted[int(case[1])] = str(max(lines)) if lines else "none"
    assert told == counted
    assert sorted(told) == list(range(1, 21))
    assert all(int(lines) <= GOAL for lines in told.values() if lines != "none")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", 0),
        ('"""Two\nlines."""\n\n# a comment\nx = 1  # here\n', 1),
        ("def f():\n    return (1,\n            2)\n", 3),
        ('X = """a\nb"""\n', 2),
    ],
)
def test_lines_of_code_are_those_that_are_neither_blank_nor_comment(
    text: str, lines: int, tmp_path: Path
) -> None:
    file = tmp_path / "users.py"
    file.write_text(text)
    assert code_lines(file) == lines
