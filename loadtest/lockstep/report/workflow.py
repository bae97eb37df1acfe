"""A run as the commands of a GitHub workflow: what was not met, and what casts doubt on it, beside the job.

The form is that of https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockstep.analysis.check import Finding
from lockstep.analysis.gates import judge_gates
from lockstep.report.material import Material
from lockstep.report.sections.gates import value_with_spread

# An annotation is one line; more places than this are in the report.
_TOLD = 3


def remarks(material: Material) -> Iterator[str]:
    """A line each: an error for a gate that was not met or not judged, and for what degrades the run, a
    warning for what else the checks found."""
    for each in judge_gates(material.run):
        if each.passed is not True:
            yield _command("error", each.gate.text, value_with_spread(each))
    for finding in material.findings:
        kind = "error" if finding.check.degrades else "warning"
        yield _command(kind, finding.check.name, _in_words(finding))


def refused(line: str) -> str:
    """What could not begin or go on, as an error."""
    return _command("error", "lockstep", line)


def _in_words(finding: Finding) -> str:
    more = len(finding.where) - _TOLD
    places = [*finding.where[:_TOLD], *([f"and {more} more"] if more > 0 else [])]
    where = f" ({'; '.join(places)})" if places else ""
    return f"{finding.check.message}{where} {finding.check.advice}"


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_escaped(title, ':,')}::{_escaped(message)}"


def _escaped(text: str, more: str = "") -> str:
    """What would end it, in percent signs; the percent sign comes first, for the others are made of it."""
    for sign in f"%\r\n{more}":
        text = text.replace(sign, f"%{ord(sign):02X}")
    return text
