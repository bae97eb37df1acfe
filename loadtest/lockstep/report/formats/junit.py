"""The gates as JUnit XML, which pipelines show: one suite a run, one test case a gate and level.

A pure function of the run: the same run gives the same bytes. <failure> is a gate that was not met, <error>
one that could not be judged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from lockstep.analysis.gates import GateResult, judge_gates
from lockstep.report.sections.gates import value_with_spread
from lockstep.runs.records import Run

NAME = "lockstep"
# What XML 1.0 cannot hold, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(run: Run) -> str:
    """The document with its declaration. Times are measured seconds, the suite's those of all cells."""
    judged = judge_gates(run)
    counts = {
        "tests": str(len(judged)),
        "failures": str(sum(each.passed is False for each in judged)),
        "errors": str(sum(each.passed is None for each in judged)),
        "time": _seconds(sum(cell.seconds for cell in run.cells)),
    }
    root = ElementTree.Element("testsuites", {"name": NAME, **counts})
    # The schema's timestamp has no zone; runs start in UTC.
    when = run.started.partition("+")[0]
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": run.run_id, **counts, "skipped": "0", "timestamp": when}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _conditions(run):
        if value is None:
            continue
        said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        ElementTree.SubElement(properties, "property", {"name": _clean(name), "value": _clean(said)})
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
            {"classname": f"{NAME}.{_subject(each)}", "name": name, "time": _seconds(each.seconds)},
        )
        if each.passed is not True:
            _add_reason(case, each)


def _add_reason(case: ElementTree.Element, judged: GateResult) -> None:
    element, kind = ("failure", "gate") if judged.passed is False else ("error", "degraded")
    said = _clean(f"{judged.gate.text}: {value_with_spread(judged)}")
    ElementTree.SubElement(case, element, {"type": kind, "message": said}).text = said


def _subject(judged: GateResult) -> str:
    gate = judged.gate
    return gate.mode if gate.baseline is None else f"{gate.mode}/{gate.baseline}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f}"


def _clean(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
