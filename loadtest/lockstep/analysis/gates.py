"""Gates judged: each at each of its levels, from a run alone, so that a later report judges the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lockstep.analysis.anytime import RatioOf, ratio_of
from lockstep.analysis.checks import answers_nothing, degradations, findings
from lockstep.analysis.gate_syntax import Gate, parse_gates
from lockstep.analysis.limits import falling_short
from lockstep.analysis.metrics import Unit
from lockstep.analysis.series import modes_of
from lockstep.runs.records import Cell, Run


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate at one level.

    seconds: the measured time of the cells that it rests on. passed: None where the run is degraded.
    value: in the unit of the gate's bound; None where nothing was measured or judged. low, high: the minimum
    and maximum of the repeats, or a ratio's confidence interval (intervals.CONFIDENCE), None where there is
    none. reason: why there is no value, "" where there is one.
    """

    gate: Gate
    level: int
    seconds: float
    passed: bool | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Figure:
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class _Unmeasured:
    reason: str


def judge_gates(run: Run) -> list[GateResult]:
    """The run's gates in the order of its plan, levels ascending.

    Times and rates are judged by the median of the repeats, counts and shares by the worst repeat, ratios by
    that of geometric means, repeat against repeat. What was not measured in every repeat of the plan fails,
    as where it was stopped before its end; single repeats that were disturbed are left out. In a degraded run
    nothing is judged.
    """
    levels, repeats, ratio = run.planned_levels, run.planned_repeats, ratio_of(run)
    gates = parse_gates(run.planned.gates, list(modes_of(run)), levels)
    doubts = ", ".join(finding.check.name for finding in degradations(findings(run))) if gates else ""
    return [
        _judge(run.cells, gate, level, repeats, doubts, ratio)
        for gate in gates
        for level in (levels if gate.level is None else [gate.level])
    ]


def has_failed(run: Run) -> bool:
    """Whether a run is not as it has to be: a gate or a limit is not met, or nothing at all was answered."""
    return bool(unmet(judge_gates(run))) or bool(falling_short(run)) or answers_nothing(run)


def unmet(judged: Sequence[GateResult]) -> list[GateResult]:
    """Those that failed."""
    return [each for each in judged if each.passed is False]


def _judge(
    cells: Sequence[Cell], gate: Gate, level: int, repeats: int, doubts: str, ratio: RatioOf
) -> GateResult:
    here = [cell for cell in cells if cell.level == level and not cell.cut_short]
    # Single repeats that were disturbed are left out, and nobody lacks them.
    unsteady = {cell.repeat for cell in here if cell.too_short and cell.mode in (gate.mode, gate.baseline)}
    here = [cell for cell in here if cell.repeat not in unsteady]
    repeats -= len(unsteady)
    seconds = sum(cell.seconds for cell in here if cell.mode in (gate.mode, gate.baseline))
    broken = [
        cell for cell in cells if cell.level == level and cell.ended_early and gate.text in cell.ended_early
    ]
    if broken:
        # What happened has happened, whatever else is in doubt.
        return GateResult(gate, level, seconds, passed=False, reason=f"ended early: {broken[0].ended_early}")
    if doubts:
        return GateResult(gate, level, seconds, passed=None, reason=f"degraded: {doubts}")
    figure = (
        _own(here, gate, repeats)
        if gate.baseline is None
        else _ratio(here, gate, gate.baseline, repeats, ratio)
    )
    if isinstance(figure, _Unmeasured):
        return GateResult(gate, level, seconds, passed=False, reason=figure.reason)
    return GateResult(
        gate,
        level,
        seconds,
        passed=gate.holds(figure.value),
        value=figure.value,
        low=figure.low,
        high=figure.high,
    )


def _own(cells: Sequence[Cell], gate: Gate, repeats: int) -> _Figure | _Unmeasured:
    """The mode's own figure, or why there is none."""
    figures = _by_repeat(cells, gate, gate.mode)
    values = [figure for figure in figures.values() if figure is not None]
    if not values:
        return _Unmeasured(_why_not(cells, gate.metric.request))
    if len(values) < repeats:
        return _lacking(len(values), repeats)
    low, high = min(values), max(values)
    if gate.metric.counted:
        return _Figure(high if gate.asks_for_less else low, low, high)
    return _Figure(median(values), low, high)


def _why_not(cells: Sequence[Cell], request: str) -> str:
    """Names of messages are known only once they were sent."""
    names = sorted({name for cell in cells for name in cell.requests})
    if not request or request in names:
        return "not measured"
    there = f"there are {', '.join(names)}" if names else "none has a name"
    return f"no message is called {request}: {there}"


def _ratio(
    cells: Sequence[Cell], gate: Gate, baseline: str, repeats: int, ratio: RatioOf
) -> _Figure | _Unmeasured:
    """The mode's figure over the baseline's, or why there is none."""
    values, bases = _by_repeat(cells, gate, gate.mode), _by_repeat(cells, gate, baseline)
    # A figure that is missing is as good as 0 here: it leaves no ratio.
    both = [(values[repeat] or 0.0, bases[repeat] or 0.0) for repeat in sorted(values.keys() & bases.keys())]
    estimate = ratio([value for value, _ in both], [base for _, base in both])
    if estimate is None:
        return _Unmeasured("no ratio: 0 or not measured")
    if len(both) < repeats:
        return _lacking(len(both), repeats)
    return _Figure(estimate.ratio, estimate.low, estimate.high)


def _lacking(measured: int, repeats: int) -> _Unmeasured:
    return _Unmeasured(f"not measured in {repeats - measured} of {repeats} repeats")


def _by_repeat(cells: Sequence[Cell], gate: Gate, mode: str) -> dict[int, float | None]:
    """The mode's figure in each repeat; None where it was not measured.

    Of all messages, that is also where not one was sent: then none has failed, and that says nothing.
    """
    of_its_own = bool(gate.metric.request) or gate.metric.unit is Unit.US
    return {
        cell.repeat: gate.metric.of(cell) if cell.messages.sent or of_its_own else None
        for cell in cells
        if cell.mode == mode
    }
