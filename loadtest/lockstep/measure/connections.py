"""What the records of a cell's connections say: how they overlapped, and how fairly they were served.

A hundred thousand of them are looked at in milliseconds, as columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from lockstep.plan import PlannedCell
from lockstep.runs import histograms as distribution
from lockstep.runs.connections import ClientView, Connection, ServerRecord
from lockstep.runs.measures import Fairness, Overlap

Nanoseconds = npt.NDArray[np.int64]

# Stands for None among plain numbers: later than any clock comes, so that whoever never left is still there.
NEVER = np.iinfo(np.int64).max

# Of a cell, both views of each, in the run folder.
KEPT_CONNECTIONS = 200


@dataclass(frozen=True, slots=True)
class Sojourns:
    """One cell's connections in the order of their arrival; monotonic nanoseconds of the server's host.

    NEVER where it did not happen. messages: how many each was answered.
    """

    arrival_ns: Nanoseconds
    admission_ns: Nanoseconds
    release_ns: Nanoseconds
    close_ns: Nanoseconds
    messages: npt.NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[ServerRecord]) -> Sojourns:
        """Of records in any order; of two that arrived at one moment the one admitted first comes first."""
        columns = cls(*(_column(records, name) for name in cls.__dataclass_fields__))
        return columns._at(np.lexsort((columns.admission_ns, columns.arrival_ns)))

    def __len__(self) -> int:
        return len(self.arrival_ns)

    @property
    def admitted(self) -> Sojourns:
        """Those that were admitted."""
        return self._at(np.flatnonzero(self.admission_ns != NEVER))

    @property
    def released(self) -> Sojourns:
        """Those that were admitted, and released since."""
        return self._at(np.flatnonzero((self.admission_ns != NEVER) & (self.release_ns != NEVER)))

    def since(self, moment_ns: int) -> Sojourns:
        """Those that arrived then or later."""
        return self._at(np.flatnonzero(self.arrival_ns >= moment_ns))

    def _at(self, places: npt.NDArray[np.intp]) -> Sojourns:
        return Sojourns(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def _column(records: Sequence[ServerRecord], name: str) -> Nanoseconds:
    values = (NEVER if value is None else value for value in map(attrgetter(name), records))
    return np.fromiter(values, dtype=np.int64, count=len(records))


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


NS_PER_US = 1_000
NS_PER_S = 1_000_000_000


def measure_fairness(
    admitted: Sojourns, visits: Mapping[str, Sequence[ServerRecord]], window_start_ns: int
) -> Fairness | None:
    """The fairness of one cell's admitted connections; None where there are none.

    visits: user -> its connections, in order, as far as they are known. window_start_ns: who arrived before
    has no part in Jain's index. A cell's first connections meet an empty server, and then a line that is
    still growing: in whatever order it serves, the first of them fare many times better than the last.
    """
    if not len(admitted):
        return None
    waits_ns = admitted.admission_ns - admitted.arrival_ns
    return Fairness(
        connections=len(admitted),
        overtaken=count_overtaken(admitted),
        longest_wait_us=int(waits_ns.max()) / NS_PER_US,
        jain=jains_index(_rates_per_s(admitted.released.since(window_start_ns))),
        reacquire_us=distribution.of_values(_reacquire_ns(visits.values())),
    )


def count_overtaken(admitted: Sojourns) -> int:
    """How many were admitted later than somebody who had arrived after them.

    A share of connections is easier to grasp than a share of pairs, and cannot be hidden by their number: of
    n connections there are n (n - 1) / 2 pairs, most of them hours apart in a long run.
    """
    later_ns = np.minimum.accumulate(admitted.admission_ns[::-1])[::-1]
    return int((later_ns < admitted.admission_ns).sum())


def count_inversions(admitted: Sojourns) -> int:
    """Pairs in which the later arrival was admitted first, in O(n log n); equal times are no inversion.

    From the highest bit of the admissions' ranks down: of those that are alike above a bit, one that lacks it
    was admitted before each that came earlier and has it.
    """
    _, ranks = np.unique(admitted.admission_ns, return_inverse=True)
    inversions = 0
    for bit in reversed(range(int(ranks.max(initial=0)).bit_length())):
        alike = ranks >> (bit + 1)
        higher = ranks >> bit & 1
        higher_before = np.cumsum(higher) - higher
        first_alike = np.searchsorted(alike, alike)
        inversions += int((higher_before - higher_before[first_alike])[higher == 0].sum())
        ranks = ranks[np.argsort(ranks >> bit, kind="stable")]
    return inversions


def jains_index(shares: npt.NDArray[np.float64]) -> float | None:
    """(sum of x)^2 / (n times sum of x^2): Jain, Chiu and Hawe (1984). None where nobody got anything.

    From 1/n, where one has all, to 1, where all have the same. If a part k of them shares evenly and the rest
    has nothing, it is k.
    """
    squares = float(np.square(shares).sum())
    return float(shares.sum()) ** 2 / (len(shares) * squares) if squares else None


def _rates_per_s(released: Sojourns) -> npt.NDArray[np.float64]:
    """Each connection's messages per second, from its arrival to its release."""
    stayed_s = np.maximum(released.release_ns - released.arrival_ns, 1) / NS_PER_S
    rates_per_s: npt.NDArray[np.float64] = released.messages / stayed_s
    return rates_per_s


def _reacquire_ns(users: Iterable[Sequence[ServerRecord]]) -> list[int]:
    """Every user's times from a release of its own to its next admission, in nanoseconds."""
    return [
        max(later.admission_ns - earlier.release_ns, 0)
        for visits in users
        for earlier, later in pairwise(visits)
        if earlier.release_ns is not None and later.admission_ns is not None
    ]


_recorded = itemgetter(*ServerRecord.__dataclass_fields__)


def to_record(row: dict[str, Any]) -> ServerRecord:
    """One row of the server's /connections, as the run folder keeps it."""
    return ServerRecord(*_recorded(row))


def join_connections(
    planned: PlannedCell, records: Sequence[dict[str, Any]], clients: dict[str, ClientView]
) -> list[Connection]:
    """The cell's first connections, both views joined on the client's address.

    From the very first, warm-up included: whoever comes later meets others of whom nothing would be shown.
    """
    if records:
        rows = sorted(records, key=lambda row: row["arrival_ns"])[:KEPT_CONNECTIONS]
        return [
            Connection(planned.index, planned.mode, row["peer"], clients.get(row["peer"]), to_record(row))
            for row in rows
        ]
    earliest = sorted(clients.items(), key=lambda item: item[1].connect_start_ns)[:KEPT_CONNECTIONS]
    return [Connection(planned.index, planned.mode, address, view) for address, view in earliest]
