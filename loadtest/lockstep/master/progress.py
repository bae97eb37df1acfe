"""Where a run stands: which cell, what is being done, and how long it will still take. Has no clock."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from lockstep.measure.cell import service_of
from lockstep.measure.edges import Service, fitting, foreseen, rounds_of
from lockstep.plan import Longer, Plan, PlannedCell
from lockstep.runs.records import Run
from lockstep.search import Fit, Search
from lockstep.target.admin import ServerView


class Stage(Enum):
    """What a run is doing, in the words of the page.

    IDLE -> STARTING -> OPENING -> WARM_UP -> MEASURING -> DRAINING -> SAVING -> REPORTING -> DONE
               ^                                                          |
               +------------------------- next cell ----------------------+

    OPENING is left out where connections do not stay. Whoever stops a run sends it from wherever it is to
    DRAINING or, between cells, to REPORTING; where it can no longer be saved it is DONE.
    """

    IDLE = "nothing runs"
    STARTING = "starting users"
    OPENING = "opening connections"
    WARM_UP = "warm-up"
    MEASURING = "measuring"
    DRAINING = "draining"
    SAVING = "saving"
    REPORTING = "making the report"
    DONE = "done"


class ReportState(Enum):
    """Whether a run's report can be read. TEXT: without what draws there is its text alone."""

    NONE = "none"
    MAKING = "making"
    READY = "ready"
    TEXT = "text"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class CellProgress:
    """The cell under way. Times are monotonic nanoseconds.

    began_ns: when its time began; None while connections are being opened. seconds: None where somebody ends
    it by hand. ending: what is done since its time was over; None before.
    """

    planned: PlannedCell
    warmup_s: float
    seconds: float | None
    began_ns: int | None
    ending: Stage | None = None

    def stage(self, now_ns: int) -> Stage:
        """What this cell is doing."""
        if self.ending is not None:
            return self.ending
        if self.began_ns is None:
            return Stage.OPENING
        return Stage.WARM_UP if now_ns < self.began_ns + self.warmup_s * 1e9 else Stage.MEASURING

    def left_s(self, now_ns: int) -> float | None:
        """What is left of its warm-up and window; None where somebody ends it by hand."""
        if self.seconds is None:
            return None
        whole_s = self.warmup_s + self.seconds
        if self.ending is not None:
            return 0.0
        gone_s = 0.0 if self.began_ns is None else (now_ns - self.began_ns) / 1e9
        return max(whole_s - gone_s, 0.0)


AT_LEAST, ABOUT, AT_MOST = "at least", "about", "at most"


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """bound: how near that is, in words.

    AT_LEAST where nothing but the cells' own time is known yet, for starting users and saving come on top;
    AT_MOST where it ends as soon as all is known.
    """

    seconds: float
    bound: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A run as its conductor leads it. Times are monotonic nanoseconds.

    planned: the cells of its plan in running order; empty in a manual run. at_most_s: how long it may take,
    where more of them come of what is measured; None where all are known. cell_s: warm-up and window
    of one. begun_ns: when the run began, saved_ns: when its last cell was saved. failure: why it could not go
    on.
    """

    run: Run | None = None
    planned: tuple[PlannedCell, ...] = ()
    at_most_s: float | None = None
    cell_s: float = 0.0
    cell: CellProgress | None = None
    begun_ns: int = 0
    saved_ns: int = 0
    report: ReportState = ReportState.NONE
    failure: str | None = None

    @property
    def done(self) -> int:
        """How many cells are saved."""
        return 0 if self.run is None else len(self.run.measured)

    @property
    def finished(self) -> bool:
        """Whether there was a run, and it is over."""
        return self.run is not None and self.run.finished is not None

    def stage(self, now_ns: int) -> Stage:
        """What the run is doing."""
        if self.run is None:
            return Stage.IDLE
        if self.finished:
            return Stage.REPORTING if self.report is ReportState.MAKING else Stage.DONE
        return Stage.STARTING if self.cell is None else self.cell.stage(now_ns)

    def left(self, now_ns: int) -> TimeLeft | None:
        """How long the plan will still take; None where there is none under way.

        As long a cell as the cells so far took, users and saving included; but never less than the cells' own
        time.
        """
        if self.finished or not self.planned:
            return None
        if self.at_most_s is not None:
            return TimeLeft(max(self.at_most_s - (now_ns - self.begun_ns) / 1e9, 0.0), AT_MOST)
        cells_left = len(self.planned) - self.done
        after_this = cells_left if self.cell is None else cells_left - 1
        own_s = after_this * self.cell_s
        if self.cell is not None:
            own_s += self.cell.left_s(now_ns) or 0.0
        if not self.done:
            return TimeLeft(own_s, AT_LEAST)
        a_cell_s = (self.saved_ns - self.begun_ns) / 1e9 / self.done
        estimate_s = a_cell_s * cells_left - (now_ns - self.saved_ns) / 1e9
        return TimeLeft(max(estimate_s, own_s), ABOUT)


def foresee(server_of: Callable[[str], ServerView | None], plan: Plan | None) -> str | None:
    """That connections are never admitted, or the plan's windows are too short, where that is arithmetic.

    It is where our own server says what it does. None where there is nothing to say. server_of: who tells of
    a mode.
    """
    if plan is None:
        return None
    if plan.traffic.keeps_connection:
        return _never_admitted(_services(server_of, plan), plan.levels)
    # Where arrivals say when users begin they say how long a session takes too.
    return None if plan.traffic.arrival.open else foreseen(_rounds(server_of, plan), plan.lengths)


def _never_admitted(services: Mapping[str, Service], levels: Sequence[int]) -> str | None:
    """Who stays holds its permit as long: in words, of the mode and level that admit the fewest."""
    left = {
        mode: max(levels) - service.permits
        for mode, service in services.items()
        if service.permits is not None and not service.by_message
    }
    mode = max(left, key=lambda each: left[each], default=None)
    if mode is None or left[mode] <= 0:
        return None
    return (
        f"with {mode} at {max(levels)} connections that stay, {left[mode]} are never admitted, and what they "
        f"sent is given up at a cell's end, for who stays holds its permit as long: use a "
        "mode that admits messages (lock/message), --scenario session, or no more connections than permits"
    )


def fit(
    server_of: Callable[[str], ServerView | None], plan: Plan, unset: Collection[str]
) -> tuple[Plan, str | None]:
    """The plan with cells as long as their sessions ask for, and what to say of that, None where they are.

    unset: which of `warmup` and `seconds` nobody set; the others stay. Where nobody tells how long a session
    takes, and where arrivals or stages say how long a cell is, all stays. Of a search it is the load that
    says so, which comes of what is measured (course.py).
    """
    if not unset or plan.traffic.changing is not None:
        return plan, None
    if plan.search is not None:
        return _fit_search(server_of, plan, plan.search, unset)
    if plan.traffic.arrival.open:
        return plan, None
    rounds_s = _rounds(server_of, plan)
    longer = []
    for (mode, level), round_s in rounds_s.items():
        warmup_s, seconds = fitting(round_s)
        asked = Longer(
            mode,
            level,
            max(plan.warmup_s, warmup_s if "warmup" in unset else 0.0),
            max(plan.seconds, seconds if "seconds" in unset else 0.0),
        )
        if (asked.warmup_s, asked.seconds) != (plan.warmup_s, plan.seconds):
            longer.append(asked)
    if not longer:
        return plan, None
    longest = max(longer, key=lambda each: rounds_s[each.mode, each.level])
    return replace(plan, longer=tuple(longer)), _told_longer(longest, rounds_s[longest.mode, longest.level])


def _fit_search(
    server_of: Callable[[str], ServerView | None], plan: Plan, search: Search, unset: Collection[str]
) -> tuple[Plan, str | None]:
    messages = plan.traffic.messages_per_iteration
    fits = tuple(
        Fit(mode, messages * told.hold_ns / 1e9, told.permits, "warmup" in unset, "seconds" in unset)
        for mode, told in _services(server_of, plan).items()
        if told.permits is not None and told.hold_ns
    )
    if not fits:
        return plan, None
    asks = "its turns ask" if search.by_rate else "its users ask"
    note = (
        f"each cell is as long as {asks} for, of which the server tells, and --at-most allows; --seconds and "
        "--warmup set others"
    )
    return replace(plan, search=replace(search, fits=fits)), note


def _told_longer(cell: Longer, round_s: float) -> str:
    return (
        f"with {cell.mode} at {cell.level} a session takes {round_s:.3g} s at least, waiting included: such "
        f"cells measure {cell.seconds:g} s after {cell.warmup_s:g} s of warm-up; --seconds and --warmup set "
        "others"
    )


def _rounds(server_of: Callable[[str], ServerView | None], plan: Plan) -> dict[tuple[str, int], float]:
    """How long sessions take at least, in seconds, of those modes of which a Lockstep server tells it."""
    return rounds_of(_services(server_of, plan), plan.levels, plan.traffic.messages_per_iteration)


def _services(server_of: Callable[[str], ServerView | None], plan: Plan) -> dict[str, Service]:
    """Those modes of which a Lockstep server tells what they do."""
    asked = {mode: server.snapshot() for mode in plan.modes if (server := server_of(mode)) is not None}
    return {mode: service_of(told, mode) for mode, told in asked.items() if mode in told.listeners}
