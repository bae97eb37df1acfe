"""The report's table: one row a mode and level, as text. The page and the terminal print the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.analysis.aggregate import Aggregate, Spread
from lockstep.report.numbers import duration, rate, whole


@dataclass(frozen=True, slots=True)
class TableRow:
    """One series at one level: medians over the repeats, ready to be printed."""

    series: str
    level: str
    messages_per_s: str
    spread: str
    response_p50: str
    response_p99: str
    first_reply_p50: str
    wait: str
    handoff: str
    in_service: str
    failed: str


def table_rows(aggregates: Sequence[Aggregate]) -> list[TableRow]:
    """The rows in the order of the plan."""
    return [
        TableRow(
            series=each.series,
            level=whole(each.level),
            messages_per_s=rate(median_of(each.messages_per_s)),
            spread=_spread(each.messages_per_s),
            response_p50=duration(median_of(each.time("response", "p50"))),
            response_p99=duration(median_of(each.time("response", "p99"))),
            first_reply_p50=duration(median_of(each.time("first_reply", "p50"))),
            wait=duration(median_of(each.time("wait", "mean"))),
            handoff=duration(median_of(each.time("handoff", "mean"))),
            in_service=whole(each.max_in_service),
            failed=whole(each.failures),
        )
        for each in aggregates
    ]


def median_of(spread: Spread | None) -> float | None:
    """The median of a spread, where there is one."""
    return None if spread is None else spread.median


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return rate(None)
    return f"{rate(spread.min)} to {rate(spread.max)}"
