"""A few connections' lifetimes as lines of text: one row each, time from left to right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lockstep.runs.connections import ClientView, ServerRecord

WAITING, IN_SERVICE, HELD = "░", "█", "▒"
LEGEND = f"{WAITING} waits for admission   {IN_SERVICE} in service   {HELD} has left, permit still held"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One connection by name. Both views are on one monotonic clock: client and server run on one machine."""

    name: str
    client: ClientView
    server: ServerRecord | None


def draw_lifetimes(lifetimes: Sequence[Lifetime], width: int) -> list[str]:
    """Rows of at most `width` characters, a scale in seconds and a legend.

    Nothing where there is no lifetime.
    """
    spans = [span for lifetime in lifetimes for span in _spans(lifetime)]
    if not spans:
        return []
    start_ns = min(lifetime.client.connect_start_ns for lifetime in lifetimes)
    end_ns = max(end for _, _, end in spans)
    label = max(len(lifetime.name) for lifetime in lifetimes)
    cells = max(width - label - 4, 10)
    per_cell_ns = max((end_ns - start_ns) / cells, 1)
    rows = []
    for lifetime in lifetimes:
        row = [" "] * cells
        for mark, begin, end in _spans(lifetime):
            first = int((begin - start_ns) / per_cell_ns)
            last = max(first + 1, int((end - start_ns) / per_cell_ns))
            row[first:last] = mark * (min(last, cells) - min(first, cells))
        rows.append(f"{lifetime.name:<{label}}  {''.join(row)}".rstrip())
    scale = f"{(end_ns - start_ns) / 1e9:.3f} s"
    return [*rows, f"{'':<{label}}  0{scale:>{cells - 1}}", LEGEND]


def _spans(lifetime: Lifetime) -> list[tuple[str, int, int]]:
    """(mark, begin, end) in nanoseconds, in order; a later one is drawn over an earlier."""
    record, client = lifetime.server, lifetime.client
    if record is None or record.admission_ns is None:
        return [(WAITING, client.connect_start_ns, client.closed_ns or client.connect_start_ns)]
    spans = [(WAITING, record.arrival_ns, record.admission_ns)]
    left_ns = record.close_ns or record.admission_ns
    if record.release_ns is not None and record.release_ns > left_ns:
        spans.append((HELD, left_ns, record.release_ns))
    spans.append((IN_SERVICE, record.admission_ns, left_ns))
    return spans
