"""Which cells belong together: a series is one mode under one set of client settings."""

from __future__ import annotations

from collections.abc import Sequence

from loadtest.results import Cell, Run


def series_names(cells: Sequence[Cell]) -> dict[int, str]:
    """Cell index -> the series' name: the mode, and what else tells it from its like in this run.

    A plan keeps its settings, so its series are its modes. A hand-driven run may change them as it goes, and
    cells that differ in more than level and repeat must never be taken for repeats of each other.
    """
    several_messages = len({cell.messages_per_connection for cell in cells}) > 1
    several_payloads = len({cell.payload_bytes for cell in cells}) > 1
    several_loads = len({cell.rate_per_s for cell in cells}) > 1

    def name(cell: Cell) -> str:
        parts = [cell.mode]
        if cell.client_mode != "free":
            parts.append(f"{cell.client_mode} clients")
        if several_messages:
            parts.append(f"{cell.messages_per_connection} messages")
        if several_payloads:
            parts.append(f"{cell.payload_bytes} bytes")
        if several_loads:
            parts.append("closed load" if cell.rate_per_s is None else f"{cell.rate_per_s:g}/s")
        return ", ".join(parts)

    return {cell.index: name(cell) for cell in cells}


def in_plan_order(cells: Sequence[Cell], modes: Sequence[str]) -> list[str]:
    """The series' names, each once: in the order the plan names their modes, then in order of appearance.

    Cells run in an order shuffled by the seed; a reader expects the order that was asked for.
    """
    names = series_names(cells)
    position = {mode: place for place, mode in enumerate(modes)}
    ordered = sorted(cells, key=lambda cell: (position.get(cell.mode, len(position)), cell.index))
    return list(dict.fromkeys(names[cell.index] for cell in ordered))


def groups_in_plan_order(cells: Sequence[Cell], modes: Sequence[str]) -> list[tuple[str, int, list[Cell]]]:
    """(series, level, its whole cells): series in the plan's order, levels ascending."""
    names = series_names(cells)
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        if not cell.cut_short:
            groups.setdefault((names[cell.index], cell.level), []).append(cell)
    place = {series: number for number, series in enumerate(in_plan_order(cells, modes))}
    order = sorted(groups, key=lambda key: (place[key[0]], key[1]))
    return [(series, level, groups[series, level]) for series, level in order]


def modes_of(run: Run) -> list[str]:
    """The modes in the order of the plan; empty for a hand-driven run, which has no plan to name them."""
    return [str(mode) for mode in run.plan.get("modes", ())]
