"""Which cells belong together: a series is one mode under one set of client settings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from lockstep.runs.records import Cell, Mode, Run


@dataclass(frozen=True, slots=True)
class Settings:
    """What the clients did in a cell: only cells that agree in it may be compared.

    rate_per_s: the offered load, None where it is closed. stages: how it changes, "" where it does not.
    """

    client_mode: str
    messages_per_connection: int
    payload_bytes: int
    scenario: str
    arrival: str
    rate_per_s: float | None
    stages: str

    @classmethod
    def of(cls, cell: Cell) -> Settings:
        """Those of a cell."""
        return cls(
            client_mode=cell.client_mode,
            messages_per_connection=cell.messages_per_connection,
            payload_bytes=cell.payload_bytes,
            scenario=cell.scenario,
            arrival=cell.arrival,
            rate_per_s=cell.rate_per_s,
            stages=cell.stages,
        )


@dataclass(frozen=True, slots=True)
class Series:
    """Cells that differ in level and repeat alone: those of one mode under the same settings.

    Two are equal where mode and settings are, whatever they are called. name: the mode, and what else tells
    it from the other series of its SeriesIndex. name_beside_load: the same where the load is told beside it.
    """

    mode: str
    settings: Settings
    name: str = field(compare=False)
    name_beside_load: str = field(compare=False)

    def __str__(self) -> str:
        return self.name

    @property
    def rate_per_s(self) -> float | None:
        """The offered load; None where it is closed."""
        return self.settings.rate_per_s


class Place(NamedTuple):
    """Where a figure was measured: a series, and its level."""

    series: Series
    level: int

    @property
    def load(self) -> tuple[int, float]:
        """By which the heavier of two is found: the level, then the offered load."""
        return self.level, self.series.rate_per_s or 0.0


class SeriesIndex:
    """The series of some cells, named so that they can be told apart, in the order of a plan.

    A plan keeps its settings, so its series are its modes. A manual run may change them as it goes, runs
    differ, and cells that differ in more than level and repeat must never be taken for repeats of each other.
    """

    def __init__(self, cells: Sequence[Cell], modes: Collection[str] = ()) -> None:
        """modes: as the plan names them; series of modes that it does not name come last, as they ran.

        Those that differ in their rate alone ascend by it: a search tries rates in an order of its own.
        """
        position = {mode: number for number, mode in reversed(list(enumerate(modes)))}
        ordered = sorted(cells, key=lambda cell: (position.get(cell.mode, len(modes)), cell.index))
        identities = dict.fromkeys((cell.mode, Settings.of(cell)) for cell in ordered)
        alike = [(mode, replace(settings, rate_per_s=None)) for mode, settings in identities]
        first = {each: number for number, each in reversed(list(enumerate(alike)))}
        by_rate = sorted(
            zip(alike, identities, strict=True), key=lambda each: (first[each[0]], each[1][1].rate_per_s or 0)
        )
        identities = dict.fromkeys(identity for _, identity in by_rate)
        varying = _Varying.among([settings for _, settings in identities])
        self._series = {(mode, settings): _named(mode, settings, varying) for mode, settings in identities}

    @property
    def order(self) -> list[Series]:
        """Each series once. Cells run in an order shuffled by the seed; a reader expects the plan's."""
        return list(self._series.values())

    def of(self, cell: Cell) -> Series:
        """The series of one of the cells."""
        return self._series[cell.mode, Settings.of(cell)]

    def groups(self, cells: Iterable[Cell]) -> dict[Place, list[Cell]]:
        """These cells (some of the index's own) by place: series in the plan's order, levels ascending.

        The cells of a place keep their order.
        """
        groups: dict[Place, list[Cell]] = {}
        for cell in cells:
            groups.setdefault(Place(self.of(cell), cell.level), []).append(cell)
        position = {series: number for number, series in enumerate(self.order)}
        return {
            place: groups[place]
            for place in sorted(groups, key=lambda place: (position[place.series], place.level))
        }


@dataclass(frozen=True, slots=True)
class _Varying:
    """In what of their settings some series differ."""

    messages: bool
    payloads: bool
    scenarios: bool
    open_arrivals: bool
    loads: bool
    stages: bool

    @classmethod
    def among(cls, several: Sequence[Settings]) -> _Varying:
        return cls(
            messages=len({each.messages_per_connection for each in several}) > 1,
            payloads=len({each.payload_bytes for each in several}) > 1,
            scenarios=len({each.scenario for each in several}) > 1,
            open_arrivals=len({each.arrival for each in several if each.rate_per_s is not None}) > 1,
            loads=len({(each.arrival, each.rate_per_s) for each in several}) > 1,
            stages=len({each.stages for each in several}) > 1,
        )


def _named(mode: str, settings: Settings, varying: _Varying) -> Series:
    words = [mode]
    if settings.client_mode == "locked":
        words.append("locked clients")
    if varying.messages:
        words.append(_counted(settings.messages_per_connection, "message"))
    if varying.payloads:
        words.append(_counted(settings.payload_bytes, "byte"))
    if varying.scenarios:
        words.append(settings.scenario)
    if varying.open_arrivals and settings.rate_per_s is not None:
        words.append(settings.arrival)
    if varying.loads and settings.rate_per_s is None:
        words.append("closed load")
    if varying.stages:
        words.append(settings.stages or "no stages")
    rate = [per_second(settings.rate_per_s)] if varying.loads and settings.rate_per_s is not None else []
    return Series(mode, settings, name=", ".join([*words, *rate]), name_beside_load=", ".join(words))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def per_second(rate_per_s: float) -> str:
    """An offered load in a series' name: `148/s`."""
    return f"{rate_per_s:g}/s"


def whole_groups(cells: Sequence[Cell], modes: Collection[str]) -> dict[Place, list[Cell]]:
    """The whole cells of each series at each level: series in the plan's order, levels ascending."""
    return SeriesIndex(cells, modes).groups(cell for cell in cells if cell.whole)


def modes_of(run: Run) -> dict[str, Mode]:
    """The run's modes and what is known of them: in the order of its plan, or as they were first measured."""
    names = run.planned.modes or [cell.mode for cell in run.cells]
    return {name: run.mode(name) for name in names}
