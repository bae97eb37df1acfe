"""bench.json: the machine, the settings and every finding with all that it rests on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.findings import Figure, Finding, Growth, GrowthPoint, Missing
from bench.machine import Machine
from bench.processes import ToolError
from bench.ratio import Ratio
from bench.settings import Settings

KINDS = {Ratio: "ratio", Figure: "figure", Growth: "growth", Missing: "missing"}


def document_of(machine: Machine, settings: Settings, findings: Sequence[Finding]) -> dict[str, Any]:
    """The content of bench.json."""
    return {
        "machine": asdict(machine),
        "settings": asdict(settings),
        "findings": [_entry(finding) for finding in findings],
    }


def _entry(finding: Finding) -> dict[str, Any]:
    entry = {"kind": KINDS[type(finding)], **asdict(finding)}
    if isinstance(finding, Ratio):
        estimate = finding.estimate
        entry |= {"ratio": estimate.ratio, "low": estimate.low, "high": estimate.high}
    if isinstance(finding, Figure):
        entry |= {"median": finding.median}
    if isinstance(finding, Ratio | Figure):
        entry |= {"verdict": finding.verdict}
    return entry


def save(file: Path, document: dict[str, Any]) -> None:
    """Write it, its folder too where there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")


def load_growth(file: Path) -> Growth:
    """The growth that a bench.json holds. ToolError where it holds none."""
    remedy = "run `python -m bench --only growth` first"
    try:
        findings = json.loads(file.read_text())["findings"]
    except FileNotFoundError:
        raise ToolError(f"{file}: there is no such file: {remedy}") from None
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ToolError(f"{file}: is no bench.json: {remedy}") from None
    for entry in findings:
        if entry["kind"] == KINDS[Growth]:
            return Growth(entry["name"], [GrowthPoint(**point) for point in entry["points"]])
    raise ToolError(f"{file}: holds no growth: {remedy}")
