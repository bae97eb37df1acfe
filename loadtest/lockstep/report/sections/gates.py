"""The gates: the page, the terminal and the JUnit file say the same rows of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.analysis.check import Topic
from lockstep.analysis.gate_syntax import Gate
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.metrics import Unit
from lockstep.report.material import Material
from lockstep.report.numbers import counted, duration, figures, rate
from lockstep.report.section import Section, Table, table_section
from lockstep.runs.records import Run

OK = "ok"
FAILED = "FAILED"
NOT_JUDGED = "not judged"
_VERDICTS = {True: OK, False: FAILED, None: NOT_JUDGED}


def gates_section(material: Material) -> Section | None:
    """What the plan demanded, and whether it was met."""
    judged = gate_rows(material.run)
    rows = [(each.gate, each.level, each.value, each.spread, each.verdict) for each in judged]
    return table_section(
        "gates",
        _gates_title([each.verdict for each in judged]),
        "Times and rates are judged by the median of the repeats, counts and shares by the worst repeat, "
        "ratios over all of them. Spread: the least and the greatest repeat, or a ratio's interval.",
        (Topic.CERTAINTY,),
        Table(("gate", "connections", "value", "spread", "verdict"), tuple(rows), warning=(FAILED,)),
    )


def _gates_title(verdicts: Sequence[str]) -> str:
    failed = verdicts.count(FAILED)
    if NOT_JUDGED in verdicts:
        return "Gates are not judged in a degraded run"
    return f"{failed} of {counted(len(verdicts), 'gate')} failed" if failed else "All gates are met"


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate at one level, ready to be printed.

    value: the figure that was judged, or why there is none. spread: the least and the greatest repeat, or a
    ratio's interval; "" where there is none.
    """

    gate: str
    level: str
    value: str
    spread: str
    verdict: str

    @property
    def told(self) -> str:
        """The figure in words: `at 32: 4.10 ms`."""
        return f"at {self.level}: {self.value}"

    @property
    def told_with_spread(self) -> str:
        """The same with its spread: `at 32: 4.10 ms (3.90 ms to 4.40 ms)`."""
        return f"{self.told} ({self.spread})" if self.spread else self.told


def gate_rows(run: Run) -> list[GateRow]:
    """A row for each gate and level, in the order of the plan; none where the run has no gates."""
    return rows_of(judge_gates(run))


def rows_of(judged: Sequence[GateResult]) -> list[GateRow]:
    """The rows of what was judged, one for one."""
    return [
        GateRow(
            gate=each.gate.text,
            level=f"{each.level:,}",
            value=each.reason if each.value is None else _shown(each.gate, each.value),
            spread=_spread(each),
            verdict=_VERDICTS[each.passed],
        )
        for each in judged
    ]


def _spread(judged: GateResult) -> str:
    low, high = judged.low, judged.high
    if low is None or high is None or low == high:
        return ""
    return f"{_shown(judged.gate, low)} to {_shown(judged.gate, high)}"


def _shown(gate: Gate, value: float) -> str:
    if gate.baseline is not None:
        return f"{value:.3g}" if value < 1 else figures(value)
    match gate.metric.unit:
        case Unit.US:
            return duration(value)
        case Unit.SHARE:
            return f"{100 * value:.3g}%"
        case Unit.PER_S:
            return f"{rate(value)}/s"
        case Unit.COUNT:
            return f"{value:,.10g}"
