"""What a page is built of: sections, each with drawings or a table, its numbers, and its topics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lockstep.analysis.check import Topic
from lockstep.analysis.numbers import ABSENT

if TYPE_CHECKING:
    from lockstep.report.charts.picture import Chart


# The name of the column that says whose figures a row has.
SERIES = "series"
Item = TypeVar("Item")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class Column(Generic[Item]):
    """One column of a table. name: by which formats pick it; head: what people read; value: a row's words.

    short: the head where there is little room, "" where that is the same. text: words, not numbers.
    warning: how words end that a reader must not miss, "" where none are. server_told: known where a server
    tells it, and left out where none has told any.
    """

    name: str
    head: str
    value: Callable[[Item], str]
    short: str = ""
    text: bool = False
    warning: str = ""
    server_told: bool = False

    @property
    def short_head(self) -> str:
        """The head in a terminal of 80 columns."""
        return self.short or self.head

    def over(self, value: Callable[[Other], str]) -> Column[Other]:
        """The same column of a table of other items: what is the same has one name in all of them."""
        return Column(self.name, self.head, value, self.short, self.text, self.warning, self.server_told)

    def warns(self, words: str) -> bool:
        """Whether a reader must not miss these words."""
        return bool(self.warning) and words.endswith(self.warning)


def told_of(columns: Iterable[Column[Item]], items: Sequence[Item]) -> tuple[Column[Item], ...]:
    """The columns without those that only a server could fill, and none has."""
    return tuple(
        column
        for column in columns
        if not column.server_told or not items or any(column.value(item) != ABSENT for item in items)
    )


def called(columns: Iterable[Column[Item]], noun: str) -> tuple[Column[Item], ...]:
    """The columns, where that of the series is headed by what they are in this run: modes, or targets."""
    return tuple(replace(column, head=noun) if column.name == SERIES else column for column in columns)


@dataclass(frozen=True, slots=True)
class Table:
    """Words in rows, under their columns."""

    columns: tuple[Column[Any], ...]
    rows: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, columns: Sequence[Column[Item]], items: Iterable[Item]) -> Table:
        """A row for each item."""
        return cls(tuple(columns), tuple(tuple(column.value(item) for column in columns) for item in items))

    @classmethod
    def told(cls, columns: Sequence[Column[Item]], items: Sequence[Item]) -> Table:
        """The same with the columns of which somebody told, see told_of."""
        return cls.of(told_of(columns, items), items)

    @property
    def heads(self) -> tuple[str, ...]:
        """What people read above the columns."""
        return tuple(column.head for column in self.columns)


@dataclass(frozen=True, slots=True)
class Look:
    """One entry of a legend. look: how it is drawn, in words; colours: of its swatch, side by side."""

    look: str
    meaning: str
    colours: tuple[str, ...]
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Drawing:
    """One chart. label: what a screen reader says of it. series and note: what stands above it.

    file: by which name it lies beside the page too, "" where it does not.
    """

    chart: Chart
    label: str
    series: str = ""
    note: str = ""
    file: str = ""

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
