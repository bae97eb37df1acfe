"""Which connections and cells the pictures show: as many, over the same span, for each mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from lockstep.analysis.series import Series, SeriesIndex, modes_of
from lockstep.measure.connections import in_service_steps
from lockstep.runs.connections import ClientView, Connection, ServerRecord
from lockstep.runs.measures import Overlap
from lockstep.runs.records import Cell, CellDetail, Run
from lockstep.runs.watched import Watched

NS_PER_MS = 1_000_000
ROWS = 36


@dataclass(frozen=True, slots=True)
class Bar:
    """What a connection did from start_ms to end_ms, counted from the timeline's beginning.

    phase: `connecting` (network and kernel backlog), `waiting` (for admission), `in service`, or `closing`
    (its permit is back, but its client has not seen the end of it yet).
    """

    row: int
    phase: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Lane:
    """One series' timeline. shown: how many connections became rows, and done_ms: when the last was released.

    steps: (ms, connections in service) from 0 on, as far as the records are complete. by_message: whether
    messages are admitted: a bar is then a whole conversation.
    """

    series: Series
    shown: int
    done_ms: float
    bars: tuple[Bar, ...]
    steps: tuple[tuple[float, int], ...]
    by_message: bool = False

    @property
    def peak(self) -> int:
        """The greatest number in service that the steps show."""
        return max((in_service for _, in_service in self.steps), default=0)


@dataclass(frozen=True, slots=True)
class Timeline:
    """All series at one level over the same span. client_shown: whether connecting is drawn too."""

    level: int
    span_ms: float
    lanes: tuple[Lane, ...]
    client_shown: bool


def make_timeline(run: Run, connections: Sequence[Connection]) -> Timeline | None:
    """The greatest level's timeline, of each series' first whole cell; None where nothing was recorded.

    Every lane begins with its cell's first recorded admission and shows as many connections as any other.
    """
    by_cell: dict[int, list[_Stay]] = {}
    for connection in connections:
        record = connection.server
        if record is not None and record.admission_ns is not None:
            stay = _Stay(record.admission_ns, record, connection.client)
            by_cell.setdefault(connection.cell, []).append(stay)
    recorded = [cell for cell in run.cells if cell.index in by_cell and not cell.cut_short]
    if not recorded:
        return None
    level = max(cell.level for cell in recorded)
    client_shown = one_clock(run)
    windows = [
        (series, _Window.opening(by_cell[cell.index]))
        for series, cell in first_cells(_index(run), recorded, level).items()
    ]
    span_ns = max(window.done_ns for _, window in windows)
    lanes = [
        replace(_lane(series, window, span_ns, client_shown), by_message=run.mode(series.mode).by_message)
        for series, window in windows
    ]
    return Timeline(level, span_ns / NS_PER_MS, tuple(lanes), client_shown) if span_ns > 0 else None


def one_clock(run: Run) -> bool:
    """Whether every host ran the same kernel as the server: then all monotonic times compare."""
    boot_id = run.server.get("boot_id")
    return boot_id is not None and all(host.get("boot_id") == boot_id for host in run.hosts)


@dataclass(frozen=True, slots=True)
class _Stay:
    """An admitted connection; client: None if its client was not sampled."""

    admission_ns: int
    record: ServerRecord
    client: ClientView | None


@dataclass(frozen=True, slots=True)
class _Window:
    """One cell's records from its first admission on, and those that become rows, in order of arrival."""

    start_ns: int
    records: list[ServerRecord]
    rows: list[_Stay]

    @classmethod
    def opening(cls, stays: Sequence[_Stay]) -> _Window:
        """The window that begins with the first admission; at least one stay."""
        by_admission = sorted(stays, key=lambda stay: stay.admission_ns)
        rows = sorted(by_admission[:ROWS], key=lambda stay: stay.record.arrival_ns)
        return cls(by_admission[0].admission_ns, [stay.record for stay in by_admission], rows)

    @property
    def done_ns(self) -> int:
        """When the last of the rows was released, from the start."""
        ends = [stay.record.release_ns for stay in self.rows if stay.record.release_ns is not None]
        return max(ends, default=self.start_ns) - self.start_ns

    @property
    def complete_ns(self) -> int:
        """From the start until the last recorded arrival: whoever came later is not in the records."""
        return max(record.arrival_ns for record in self.records) - self.start_ns


def _index(run: Run) -> SeriesIndex:
    return SeriesIndex(run.cells, modes_of(run))


def first_cells(index: SeriesIndex, chosen: Sequence[Cell], level: int) -> dict[Series, Cell]:
    """Each series' earliest cell at that level among the chosen ones, in the plan's order."""
    at_level = (cell for cell in chosen if cell.level == level)
    return {
        place.series: min(group, key=lambda cell: (cell.repeat, cell.index))
        for place, group in index.groups(at_level).items()
    }


def _lane(series: Series, window: _Window, span_ns: int, client_shown: bool) -> Lane:
    def at_ms(time_ns: int) -> float:
        return min(max(time_ns - window.start_ns, 0), span_ns) / NS_PER_MS

    bars = [
        Bar(row, phase, at_ms(start_ns), at_ms(end_ns))
        for row, stay in enumerate(window.rows, start=1)
        for phase, start_ns, end_ns in _phases(stay, window.start_ns + span_ns, client_shown)
        if at_ms(end_ns) > at_ms(start_ns)
    ]
    return Lane(
        series=series,
        shown=len(window.rows),
        done_ms=window.done_ns / NS_PER_MS,
        bars=tuple(bars),
        steps=_steps(window, min(span_ns, max(window.complete_ns, window.done_ns))),
    )


def _phases(stay: _Stay, until_ns: int, client_shown: bool) -> Iterator[tuple[str, int, int]]:
    """(phase, start, end) of one connection; one that was not released lasts until the end."""
    record, client = stay.record, stay.client if client_shown else None
    if client is not None:
        yield "connecting", client.connect_start_ns, record.arrival_ns
    yield "waiting", record.arrival_ns, stay.admission_ns
    yield "in service", stay.admission_ns, until_ns if record.release_ns is None else record.release_ns
    if record.release_ns is not None:
        # With permits the server closes first and releases last: then only the client's view is later.
        closed_ns = None if client is None else client.closed_ns
        yield "closing", record.release_ns, max(record.close_ns or 0, closed_ns or 0)


def _steps(window: _Window, until_ns: int) -> tuple[tuple[float, int], ...]:
    """Connections in service from the start on, with a last point that ends the last step."""
    steps = [
        ((step.at_ns - window.start_ns) / NS_PER_MS, step.in_service)
        for step in in_service_steps(window.records)
        if step.at_ns - window.start_ns <= until_ns
    ]
    return (*steps, (until_ns / NS_PER_MS, steps[-1][1]))


@dataclass(frozen=True, slots=True)
class Panel:
    """One series' overlap over one whole cell; None where the server told no whole account of admissions.

    by_message: whether messages are admitted, not connections, whose records hold no such admissions.
    watched: the server's threads in the same cell.
    """

    series: Series
    level: int
    overlap: Overlap | None
    by_message: bool = False
    watched: Sequence[Watched] = ()

    @property
    def span_ms(self) -> float:
        """As far as it is known what was in the cell."""
        overlap_ms = 0.0 if self.overlap is None else self.overlap.span_ms
        return max(overlap_ms, *(each.until_ms for each in self.watched), 0.0)


def overlap_panels(run: Run, details: Mapping[int, CellDetail]) -> list[Panel]:
    """A panel for each series at the greatest level, in the plan's order; none where nothing is known.

    Of each series the repeat with the middle average of those that have an overlap; else the first that was
    watched, or the first of all, to say that it has none.
    """
    whole = [cell for cell in run.cells if not cell.cut_short]
    told = [cell for cell in whole if _tells(details.get(cell.index))]
    level = max((cell.level for cell in told), default=0)
    at_level = (cell for cell in whole if cell.level == level)
    return [
        replace(
            _panel(place.series, level, [details[cell.index] for cell in group if cell.index in details]),
            by_message=run.mode(place.series.mode).by_message,
        )
        for place, group in (_index(run).groups(at_level).items() if told else ())
    ]


def _tells(detail: CellDetail | None) -> bool:
    return detail is not None and (detail.overlap is not None or bool(detail.watched))


def _panel(series: Series, level: int, repeats: Sequence[CellDetail]) -> Panel:
    """Of the repeat whose average is in the middle, of two the lower; of what was watched without one."""
    kept = [(detail, overlap.kept or 0.0) for detail in repeats if (overlap := detail.overlap) is not None]
    ordered = sorted(kept, key=lambda each: each[1])
    watched = (detail for detail in repeats if detail.watched)
    chosen = ordered[(len(ordered) - 1) // 2][0] if ordered else next(watched, None)
    if chosen is None:
        return Panel(series, level, None)
    return Panel(series, level, chosen.overlap, watched=tuple(chosen.watched))
