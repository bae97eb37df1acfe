"""The gates: the page, the terminal, the JUnit file and the log say the same words of them."""

from __future__ import annotations

from collections.abc import Sequence

from lockstep.analysis.check import Topic
from lockstep.analysis.gate_syntax import Gate
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.metrics import Unit
from lockstep.report.material import Material
from lockstep.report.numbers import counted, duration, figures, rate
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import LEVEL

OK = "ok"
FAILED = "FAILED"
NOT_JUDGED = "not judged"
_VERDICTS = {True: OK, False: FAILED, None: NOT_JUDGED}

GATES: tuple[Column[GateResult], ...] = (
    Column("gate", "gate", lambda judged: judged.gate.text, text=True),
    LEVEL.over(lambda judged: f"{judged.level:,}"),
    Column("value", "value", lambda judged: _value(judged)),
    Column("spread", "spread", lambda judged: _spread(judged)),
    Column("verdict", "verdict", lambda judged: verdict_of(judged), warning=FAILED),
)


def gates_section(material: Material) -> Section | None:
    """What the plan demanded, and whether it was met."""
    judged = judge_gates(material.run)
    return table_section(
        "gates",
        _gates_title([verdict_of(each) for each in judged]),
        "Times and rates are judged by the median of the repeats, counts and shares by the worst repeat, "
        "ratios over all of them. Spread: minimum and maximum of the repeats, or a ratio's interval.",
        (Topic.CERTAINTY,),
        Table.of(GATES, judged),
    )


def _gates_title(verdicts: Sequence[str]) -> str:
    failed = verdicts.count(FAILED)
    if NOT_JUDGED in verdicts:
        return "Gates are not judged in a degraded run"
    return f"{failed} of {counted(len(verdicts), 'gate')} failed" if failed else "All gates are met"


def verdict_of(judged: GateResult) -> str:
    """OK, FAILED or NOT_JUDGED."""
    return _VERDICTS[judged.passed]


def value_at(judged: GateResult) -> str:
    """The figure in words: `at 32: 4.10 ms`; or why there is none."""
    return f"at {judged.level:,}: {_value(judged)}"


def value_with_spread(judged: GateResult) -> str:
    """The same with its spread: `at 32: 4.10 ms (3.90 ms to 4.40 ms)`."""
    spread = _spread(judged)
    return f"{value_at(judged)} ({spread})" if spread else value_at(judged)


def _value(judged: GateResult) -> str:
    return judged.reason if judged.value is None else _shown(judged.gate, judged.value)


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
