"""Every word that people read, exactly: compared with the files beside this one.

`make golden` writes the files anew; what has changed is then read in git, and is the change of words that was
meant. Elsewhere tests hold rules, not phrases.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

import pytest
from rich.console import Console

from lockstep.analysis.conditions import mismatches
from lockstep.analysis.history import make_history
from lockstep.analysis.run_diff import diff
from lockstep.report.contents import contents, render
from lockstep.report.diff import diff_markdown, print_diff, said
from lockstep.report.history import print_history, render_history
from lockstep.report.markdown import summary_md
from lockstep.report.material import Material
from lockstep.report.sections.gates import junit_xml
from lockstep.report.terminal import print_gates, print_report
from tests.golden.scenes import SCENES, days, diffed, material_of

HERE = Path(__file__).parent
ASIDE = frozenset({"style", "script", "svg"})
BLOCKS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "li", "tr", "summary", "section", "div", "dl", "title", "pre"}
)
# Of a long table the head and the first rows hold all words; the rest are figures, which other tests hold.
MAX_ROWS = 6


class _Text(HTMLParser):
    """A page's words without markup: a line a block, cells of a table apart, drawings left out."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._aside = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._aside += tag in ASIDE
        prefix = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### ", "li": "- ", "dd": ": "}.get(tag, "")
        separator = " | " if tag in {"td", "th"} else "\n" if tag in BLOCKS or tag == "dt" else ""
        self.words.append(separator + prefix)

    def handle_endtag(self, tag: str) -> None:
        self._aside -= tag in ASIDE
        if tag in BLOCKS:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._aside:
            self.words.append(data.replace("\n", " "))


def text_of(page: str) -> str:
    parser = _Text()
    parser.feed(page)
    lines = (" ".join(line.split()).removeprefix("| ") for line in "".join(parser.words).splitlines())
    blocks = groupby(filter(None, lines), key=lambda line: " | " in line)
    return "".join(f"{line}\n" for is_table, block in blocks for line in shortened(list(block), is_table))


def shortened(lines: list[str], is_table: bool) -> list[str]:
    """A block's lines; of a table the first."""
    left = len(lines) - 1 - MAX_ROWS
    return [*lines[: 1 + MAX_ROWS], f"... and {left} rows more"] if is_table and left > 0 else lines


def page_text(material: Material) -> str:
    """The page with each drawing's label, as a screen reader says it, in the drawing's place."""
    shown = contents(material)
    labels = {each.name: [f"[{drawing.label}]" for drawing in each.drawings] for each in shown.drawn}
    return text_of(render(material, shown, labels))


def printed(material: Material) -> str:
    out = io.StringIO()
    console = Console(file=out, width=80)
    print_report(material, console)
    print_gates(material.run, console)
    return out.getvalue()


def diff_words() -> str:
    parts = []
    for name, (first, second) in diffed().items():
        out = io.StringIO()
        found, differing = diff(first, second, 0.05), mismatches(first, second)
        print_diff(said(found), (first, second), differing, Console(file=out, width=80))
        markdown = diff_markdown(said(found), (first, second), differing)
        parts += [(f"{name}: terminal", out.getvalue()), (f"{name}: Markdown", markdown)]
    return joined(parts)


def history_words() -> str:
    history, out = make_history(days()), io.StringIO()
    print_history(history, ["x is not a run folder"], Console(file=out, width=80))
    page = text_of(render_history(history, {"run-2": "run-2/report.html"}, ["x is not a run folder"]))
    return joined([("terminal", out.getvalue()), ("page", page)])


def joined(parts: Iterable[tuple[str, str]]) -> str:
    """Each part beneath its name; without blanks at the ends of lines, which a table of the terminal has."""
    text = "\n".join(f"======== {name} ========\n{said}" for name, said in parts)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


@pytest.fixture(scope="module")
def materials(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Material]:
    return {name: material_of(make(), tmp_path_factory.mktemp("run")) for name, make in SCENES.items()}


@pytest.mark.parametrize(
    "name", ["page.txt", "terminal.txt", "summary.md", "junit.xml", "diff.txt", "history.txt"]
)
def test_the_words_are_those_of_the_golden_file(
    name: str, materials: dict[str, Material], pytestconfig: pytest.Config
) -> None:
    makers = {"page.txt": page_text, "terminal.txt": printed, "summary.md": summary_md}
    if name in makers:
        said = joined((scene, makers[name](material)) for scene, material in materials.items())
    elif name == "junit.xml":
        said = junit_xml(materials["closed load, gates"].run)
    else:
        said = diff_words() if name == "diff.txt" else history_words()
    file = HERE / name
    if pytestconfig.getoption("--renew-golden"):
        file.write_text(said, encoding="utf-8")
    assert said == file.read_text(encoding="utf-8"), "words have changed: `make golden`, and read the diff"
