"""A check, what it found, and the rules by which one looks at a cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from lockstep.analysis.numbers import figures
from lockstep.runs.records import Cell


class Topic(Enum):
    """What a figure speaks of; a check that touches it is shown beside the figure."""

    CERTAINTY = "confidence in the figures"
    THROUGHPUT = "messages and sessions per second"
    TIMES = "times that clients measured"
    CONNECT = "the time of a connect"
    SERVER = "what the server reported: wait, service, hold, hand-off, in service"
    QUEUEING = "the wait that theory predicts"
    LITTLES_LAW = "the number of connections"
    GENERATOR = "the load generator"


@dataclass(frozen=True, slots=True)
class Check:
    """A named check. message: what is wrong, in words. advice: what to do about it.

    touches: of which figures a reader has to think of it.
    degrades: whether figures may be missing or wrong where it finds something: nobody should quote them then.
    """

    name: str
    message: str
    advice: str
    touches: tuple[Topic, ...]
    degrades: bool = False

    @property
    def subject(self) -> Topic:
        """What it says something of in the first place: confidence only where it is about nothing else."""
        return next((topic for topic in self.touches if topic is not Topic.CERTAINTY), Topic.CERTAINTY)


@dataclass(frozen=True, slots=True)
class Finding:
    """A check that found something. where: a line for each cell, none where it is the whole run."""

    check: Check
    where: tuple[str, ...]

    def touches(self, topics: Iterable[Topic]) -> bool:
        """Whether it has to be known of a figure that speaks of these topics."""
        return not set(self.check.touches).isdisjoint(topics)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a check looks at one cell.

    describe: what is wrong in words, "" where the cell's name says it all, None where all is well.
    """

    check: Check
    describe: Callable[[Cell], str | None]

    def look(self, cells: Sequence[Cell]) -> Iterable[Finding]:
        """One finding over the cells of which there is something to tell, if any."""
        described = [(cell, self.describe(cell)) for cell in cells]
        where = tuple(
            f"{cell_name(cell)}: {words}" if words else cell_name(cell)
            for cell, words in described
            if words is not None
        )
        return [Finding(self.check, where)] if where else []


def cell_name(cell: Cell) -> str:
    """A cell in words: `lock at 32, repeat 2`, under an open load `lock at 32 (150/s), repeat 2`.

    Cells of a search by rate differ in that alone.
    """
    rate = "" if cell.rate_per_s is None else f" ({figures(cell.rate_per_s)}/s)"
    return f"{cell.mode} at {cell.level}{rate}, repeat {cell.repeat}"
