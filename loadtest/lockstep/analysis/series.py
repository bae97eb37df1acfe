"""Which cells belong together: a series is one mode under one set of client settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from lockstep.runs.records import Cell, Mode, Run

Place = tuple[str, int]
"""A series, and its level."""

Settings = tuple[str, int, int, str, str, float | None]

_BETWEEN = ", "


def series_names(cells: Sequence[Cell]) -> dict[int, str]:
    """Cell index -> the series' name, for the cells of one run."""
    name = namer(cells)
    return {cell.index: name(cell) for cell in cells}


def namer(cells: Sequence[Cell]) -> Callable[[Cell], str]:
    """How a cell's series is called: the mode, and what else tells it from its like among all these cells.

    A plan keeps its settings, so its series are its modes. A hand-driven run may change them as it goes, runs
    differ, and cells that differ in more than level and repeat must never be taken for repeats of each other.
    """
    several_messages = len({cell.messages_per_connection for cell in cells}) > 1
    several_payloads = len({cell.payload_bytes for cell in cells}) > 1
    several_loads = len({(cell.arrival, cell.rate_per_s) for cell in cells}) > 1
    several_arrivals = len({cell.arrival for cell in cells if cell.rate_per_s is not None}) > 1
    several_scenarios = len({cell.scenario for cell in cells}) > 1

    def name(cell: Cell) -> str:
        parts = [cell.mode]
        if cell.client_mode == "locked":
            parts.append(f"{cell.client_mode} clients")
        if several_messages:
            parts.append(_counted(cell.messages_per_connection, "message"))
        if several_payloads:
            parts.append(_counted(cell.payload_bytes, "byte"))
        if several_scenarios:
            parts.append(cell.scenario)
        if several_arrivals and cell.rate_per_s is not None:
            parts.append(cell.arrival)
        if several_loads:
            parts.append("closed load" if cell.rate_per_s is None else per_second(cell.rate_per_s))
        return _BETWEEN.join(parts)

    return name


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def mode_of(series: str) -> str:
    """The mode with which the series' name begins."""
    return series.partition(_BETWEEN)[0]


def without_rate(series: str, rate_per_s: float) -> str:
    """The series' name where its rate is told beside it."""
    return series.removesuffix(_BETWEEN + per_second(rate_per_s))


def per_second(rate_per_s: float) -> str:
    """An offered load in a series' name: `148/s`."""
    return f"{rate_per_s:g}/s"


def settings_of(cell: Cell) -> Settings:
    """What the clients did in a cell: only cells that agree in it may be compared."""
    return (
        cell.client_mode,
        cell.messages_per_connection,
        cell.payload_bytes,
        cell.scenario,
        cell.arrival,
        cell.rate_per_s,
    )


def in_plan_order(cells: Sequence[Cell], modes: Collection[str]) -> list[str]:
    """The series' names, each once: in the order the plan names their modes, then in order of appearance.

    Cells run in an order shuffled by the seed; a reader expects the order that was asked for.
    """
    name = namer(cells)
    position = {mode: place for place, mode in reversed(list(enumerate(modes)))}
    ordered = sorted(cells, key=lambda cell: (position.get(cell.mode, len(modes)), cell.index))
    return list(dict.fromkeys(map(name, ordered)))


def by_place(cells: Iterable[Cell], name: Callable[[Cell], str]) -> dict[Place, list[Cell]]:
    """The cells of each series at each level, in their own order. name: what a cell's series is called."""
    groups: dict[Place, list[Cell]] = {}
    for cell in cells:
        groups.setdefault((name(cell), cell.level), []).append(cell)
    return groups


def groups_in_plan_order(cells: Sequence[Cell], modes: Collection[str]) -> list[tuple[str, int, list[Cell]]]:
    """(series, level, its whole cells): series in the plan's order, levels ascending."""
    groups = by_place((cell for cell in cells if cell.whole), namer(cells))
    place = {series: number for number, series in enumerate(in_plan_order(cells, modes))}
    order = sorted(groups, key=lambda key: (place[key[0]], key[1]))
    return [(series, level, groups[series, level]) for series, level in order]


def modes_of(run: Run) -> dict[str, Mode]:
    """The run's modes and what is known of them: in the order of its plan, or as they were first measured."""
    names = [str(mode) for mode in run.plan.get("modes", ())] or [cell.mode for cell in run.cells]
    return {name: run.mode(name) for name in names}
