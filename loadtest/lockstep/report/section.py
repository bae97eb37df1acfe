"""What a page is built of: sections, each with drawings or a table, its numbers, and its topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lockstep.analysis.check import Topic

if TYPE_CHECKING:
    from lockstep.report.charts.picture import Chart


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column of a table. name: by which formats pick it; head: what people read; value: a row's words."""

    name: str
    head: str
    value: Callable[[Item], str]


@dataclass(frozen=True, slots=True)
class Table:
    """Words in rows. columns: their heads. texts: how many of the first columns are text, not numbers.

    warning: words that a reader must not miss.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    warning: tuple[str, ...] = ()

    @classmethod
    def of(cls, columns: Sequence[Column[Item]], items: Iterable[Item]) -> Table:
        """A row for each item."""
        rows = tuple(tuple(column.value(item) for column in columns) for item in items)
        return cls(tuple(column.head for column in columns), rows)


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of a legend. look: how it is drawn, in words; colours: of its swatch, side by side."""

    look: str
    meaning: str
    colours: tuple[str, ...]
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart. label: what a screen reader says of it. series and note: what stands above it."""

    chart: Chart
    label: str
    series: str = ""
    note: str = ""

    @property
    def caption(self) -> str:
        """What stands above it in one line."""
        return ": ".join(words for words in (self.series, self.note) if words)


@dataclass(frozen=True, slots=True)
class Section:
    """One thing to see. name: its anchor, and the name of its picture file. title: what is seen.

    note: how to read it. topics: what it speaks of; checks that touch one are shown with it. numbers: what is
    drawn, as a table, or where nothing is drawn the table itself. wide: takes the width of the page.
    """

    name: str
    title: str
    note: str
    topics: tuple[Topic, ...]
    drawings: tuple[Drawing, ...] = ()
    numbers: Table | None = None
    legend: tuple[Look, ...] = ()
    wide: bool = False

    @property
    def note_with_legend(self) -> str:
        """The note with the legend in words, for a picture that has no page around it."""
        return " ".join([self.note, *(f"{each.look}: {each.meaning}." for each in self.legend)])


@dataclass(frozen=True, slots=True)
class Chapter:
    """Sections that answer one question."""

    heading: str
    sections: tuple[Section, ...]


def chapter(heading: str, sections: Iterable[Section | None]) -> Chapter:
    """Those of the sections for which there was something to show."""
    return Chapter(heading, tuple(each for each in sections if each is not None))


def one_drawing(
    name: str,
    title: str,
    note: str,
    topics: Sequence[Topic],
    chart: Chart | None,
    numbers: Table,
    legend: Sequence[Look] = (),
) -> Section | None:
    """The section of a single chart; None where there was nothing to draw."""
    if chart is None:
        return None
    return Section(name, title, note, tuple(topics), (Drawing(chart, title),), numbers, tuple(legend))


def table_section(name: str, title: str, note: str, topics: Sequence[Topic], table: Table) -> Section | None:
    """The section of a table; None where it has no rows."""
    return Section(name, title, note, tuple(topics), numbers=table, wide=True) if table.rows else None


def table_of(heads: Sequence[str], rows: Sequence[Any]) -> Table:
    """A table of rows that are records of words, or of several words at a time."""
    return Table(tuple(heads), tuple(tuple(_words(row)) for row in rows))


def _words(row: Any) -> list[str]:
    words: list[str] = []
    for field in fields(row):
        value = getattr(row, field.name)
        words += [value] if isinstance(value, str) else value
    return words
