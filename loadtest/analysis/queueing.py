"""What the server's connection records say of its queue: hold, hand-off, idle start and inversions."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from loadtest.analysis import distribution
from loadtest.results import Distribution, ServerRecord

# Before any arrival: when a permit that was never taken became free.
_ALWAYS = -1


@dataclass(frozen=True, slots=True)
class Queueing:
    """How one cell's connections passed the gate; times in microseconds, None where nothing was counted.

    hold_us: admission to release. handoff_us: a release to the next admission while somebody waited.
    idle_start_us: arrival to admission where a permit lay free. inversions: pairs of connections
    admitted against the order of their arrival.
    """

    hold_us: Distribution | None
    handoff_us: Distribution | None
    idle_start_us: Distribution | None
    inversions: int


def analyse(records: Sequence[ServerRecord], permits: int | None) -> Queueing:
    """Analyse one cell's records, in any order; permits is how many may be in service, None for no limit.

    Connections that were never admitted count nowhere; those not yet released keep their permit.
    """
    handoffs, idle_starts = _starts(records, permits)
    return Queueing(
        hold_us=distribution.of_values(
            record.release_ns - record.admission_ns
            for record in records
            if record.admission_ns is not None and record.release_ns is not None
        ),
        handoff_us=distribution.of_values(handoffs),
        idle_start_us=distribution.of_values(idle_starts),
        inversions=count_inversions(records),
    )


def _starts(records: Sequence[ServerRecord], permits: int | None) -> tuple[list[int], list[int]]:
    """Hand-offs and idle starts, in nanoseconds.

    Each admission takes the permit that has been free longest. If that permit was released after the
    connection had arrived, the connection was waiting for it: a hand-off. If it lay free already, the server
    had only to start: an idle start. With one permit this is exact; with several, which of two free permits
    was taken is not recorded, but taking the oldest never calls a late start a hand-off. An admission beyond
    the permits (its predecessor's record was dropped) counts as neither.
    """
    admitted = [
        (record.admission_ns, record.arrival_ns) for record in records if record.admission_ns is not None
    ]
    if permits is None:
        return [], [admission_ns - arrival_ns for admission_ns, arrival_ns in admitted]
    releases = deque(sorted(record.release_ns for record in records if record.release_ns is not None))
    free_since = deque([_ALWAYS] * permits)
    handoffs: list[int] = []
    idle_starts: list[int] = []
    for admission_ns, arrival_ns in sorted(admitted):
        while releases and releases[0] <= admission_ns:
            free_since.append(releases.popleft())
        if not free_since:
            continue
        released_ns = free_since.popleft()
        if released_ns >= arrival_ns:
            handoffs.append(admission_ns - released_ns)
        else:
            idle_starts.append(admission_ns - arrival_ns)
    return handoffs, idle_starts


def count_inversions(records: Sequence[ServerRecord]) -> int:
    """Pairs in which the later arrival was admitted first, in O(n log n); equal times are no inversion."""
    by_arrival = sorted(
        (record.arrival_ns, record.admission_ns) for record in records if record.admission_ns is not None
    )
    admissions = [admission_ns for _, admission_ns in by_arrival]
    ranks = sorted(set(admissions))
    # A Fenwick tree over the ranks: how many of those seen so far were admitted at or before a rank.
    tree = [0] * (len(ranks) + 1)
    inversions = 0
    for seen, admission_ns in enumerate(admissions):
        rank = bisect_left(ranks, admission_ns) + 1
        inversions += seen - _sum_to(tree, rank)
        _add_at(tree, rank)
    return inversions


def _sum_to(tree: list[int], rank: int) -> int:
    total = 0
    while rank > 0:
        total += tree[rank]
        rank -= rank & -rank
    return total


def _add_at(tree: list[int], rank: int) -> None:
    while rank < len(tree):
        tree[rank] += 1
        rank += rank & -rank
