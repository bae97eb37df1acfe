"""The gates: the page, the terminal, the JUnit file and the log say the same words of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from lockstep.analysis.check import Topic
from lockstep.analysis.gate_syntax import Gate
from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.analysis.metrics import Unit
from lockstep.analysis.numbers import figures
from lockstep.report.material import Material
from lockstep.report.section import Column, Section, Table, table_section
from lockstep.report.sections.figures import LEVEL
from lockstep.report.words import counted, in_unit
from lockstep.runs.records import Run

OK = "ok"
FAILED = "FAILED"
NOT_JUDGED = "not judged"
SUITES = "lockstep"
# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
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
    if gate.percent:
        return f"{100 * value:.3g}%" if value < 10 else f"{100 * value:,.0f}%"
    if gate.baseline is not None:
        return f"{value:.3g}" if value < 1 else figures(value)
    # The bound of a share may have a third digit.
    return f"{100 * value:.3g}%" if gate.metric.unit is Unit.SHARE else in_unit(gate.metric.unit, value)


def junit_xml(run: Run) -> str:
    """The gates as JUnit XML, which pipelines show: one suite a run, one test case a gate and level.

    <failure> is a gate that was not met, <error> one that could not be judged. Times are measured
    seconds, the suite's those of all cells.
    """
    judged = judge_gates(run)
    counts = {
        "tests": str(len(judged)),
        "failures": str(sum(each.passed is False for each in judged)),
        "errors": str(sum(each.passed is None for each in judged)),
        "time": _seconds(sum(cell.seconds for cell in run.cells)),
    }
    root = ElementTree.Element("testsuites", {"name": SUITES, **counts})
    # The schema's timestamp has no zone; runs start in UTC.
    when = run.started.partition("+")[0]
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": run.run_id, **counts, "skipped": "0", "timestamp": when}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _conditions(run):
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        ElementTree.SubElement(properties, "property", {"name": _clean(name), "value": _clean(text)})
    _add_cases(suite, judged)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _conditions(run: Run) -> Iterator[tuple[str, Any]]:
    """What was measured and where, for programs: the values of run.json, by their path in it."""
    yield from (("command", run.command), ("started", run.started), ("finished", run.finished))
    yield from ((f"plan.{name}", value) for name, value in run.plan.items())
    yield from ((f"server.{name}", value) for name, value in run.server.items())


def _add_cases(suite: ElementTree.Element, judged: Sequence[GateResult]) -> None:
    for each in judged:
        gate = each.gate
        name = _clean(gate.text if gate.level is not None else f"{gate.text} at {each.level:,}")
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": f"{SUITES}.{_subject(each)}", "name": name, "time": _seconds(each.seconds)},
        )
        if each.passed is not True:
            _add_reason(case, each)


def _add_reason(case: ElementTree.Element, judged: GateResult) -> None:
    element, kind = ("failure", "gate") if judged.passed is False else ("error", "degraded")
    message = _clean(f"{judged.gate.text}: {value_with_spread(judged)}")
    ElementTree.SubElement(case, element, {"type": kind, "message": message}).text = message


def _subject(judged: GateResult) -> str:
    gate = judged.gate
    return gate.mode if gate.baseline is None else f"{gate.mode}/{gate.baseline}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
