"""How many connections were in service at each moment: a step function made from the server's records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from lockstep.measure.sojourns import NEVER, Nanoseconds, Sojourns
from lockstep.runs.connections import ServerRecord
from lockstep.runs.measures import Overlap

BINS = 240
NS_PER_MS = 1_000_000
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Step:
    """From at_ns on (monotonic, server's host) until the next step, so many connections were in service."""

    at_ns: int
    in_service: int


@dataclass(frozen=True, slots=True)
class Span:
    """A cell's time by the server's clock, monotonic nanoseconds: its beginning, and the measured window."""

    start_ns: int
    window_start_ns: int
    window_end_ns: int


def in_service_steps(records: Iterable[ServerRecord]) -> list[Step]:
    """The steps in order of time, one for each moment at which connections came or went.

    A connection is in service from its admission up to, and without, its release; one never released stays.
    """
    changes: list[tuple[int, int]] = []
    for record in records:
        if record.admission_ns is not None:
            changes.append((record.admission_ns, 1))
            if record.release_ns is not None:
                changes.append((record.release_ns, -1))
    changes.sort()
    steps: list[Step] = []
    in_service = 0
    for at_ns, at_once in groupby(changes, key=lambda change: change[0]):
        in_service += sum(change for _, change in at_once)
        steps.append(Step(at_ns, in_service))
    return steps


def overlap_over(sojourns: Sojourns, span: Span, bins: int = BINS) -> Overlap | None:
    """The whole cell in bins, from its beginning to its last release; None where nobody was admitted.

    Exact: the step function is integrated over each bin. Whoever was never released stays to the end; whoever
    was closed without being admitted waited until then.
    """
    admitted = sojourns.admitted
    if not len(admitted):
        return None
    ends_ns = np.concatenate([admitted.admission_ns, admitted.release_ns])
    end_ns = max(int(ends_ns[ends_ns != NEVER].max()), span.window_end_ns)
    # Bins of whole nanoseconds; the last one ends less than a microsecond after the cell.
    bin_ns = -(-(end_ns - span.start_ns) // bins)
    edges_ns = span.start_ns + bin_ns * np.arange(bins + 1)
    in_service, peaks = _over_bins(admitted.admission_ns, admitted.release_ns, edges_ns)
    waiting, _ = _over_bins(
        sojourns.arrival_ns, np.minimum(sojourns.admission_ns, sojourns.close_ns), edges_ns
    )
    return Overlap(
        bin_ms=bin_ns / NS_PER_MS,
        window_start_ms=(span.window_start_ns - span.start_ns) / NS_PER_MS,
        window_end_ms=(span.window_end_ns - span.start_ns) / NS_PER_MS,
        in_service=in_service.round(_DECIMALS).tolist(),
        most=peaks.tolist(),
        waiting=waiting.round(_DECIMALS).tolist(),
    )


def _over_bins(
    from_ns: Nanoseconds, until_ns: Nanoseconds, edges_ns: Nanoseconds
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Of spans from a moment up to another, without it: each bin's time average and its peak.

    Edges are put among the changes as changes of nothing, so that every bin begins with one of its own. At
    the same moment spans end before a bin begins, and begin within it: one that follows another never doubles
    it.
    """
    at_ns = np.concatenate([until_ns, edges_ns, from_ns])
    change = np.repeat(np.array([-1, 0, 1]), [len(until_ns), len(edges_ns), len(from_ns)])
    order = np.argsort(at_ns, kind="stable")
    # What lies outside counts from the first edge on, and NEVER is after the last one.
    at_ns = np.clip(at_ns[order], edges_ns[0], edges_ns[-1])
    count = np.cumsum(change[order])
    area = np.concatenate([[0], np.cumsum(count[:-1] * np.diff(at_ns))])
    places = np.flatnonzero(change[order] == 0)
    average = np.diff(area[places]) / (edges_ns[1] - edges_ns[0])
    peaks = np.maximum.reduceat(count, places)[:-1]
    return average, peaks
