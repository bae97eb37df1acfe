"""What the server's connection records say of its queue: hold, hand-off and idle start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from operator import itemgetter

from lockstep.measure import distribution
from lockstep.runs.connections import ServerRecord
from lockstep.runs.records import Distribution

# Before any arrival: when a permit that was never taken became free.
_ALWAYS = -1


@dataclass(frozen=True, slots=True)
class Queueing:
    """How one cell's connections passed the gate; times in microseconds, None where nothing was counted.

    hold_us: admission to release. handoff_us: a release to the next admission while somebody waited.
    idle_start_us: arrival to admission where a permit lay free.
    """

    hold_us: Distribution | None
    handoff_us: Distribution | None
    idle_start_us: Distribution | None


def analyse(records: Sequence[ServerRecord], permits: int | None) -> Queueing:
    """Analyse one cell's records, in any order; permits is how many may be in service, None for no limit.

    Connections that were never admitted count nowhere; those not yet released keep their permit.
    """
    admitted = in_order_of_admission(records)
    handoffs_ns, idle_starts_ns = starts_ns(admitted, permits)
    return Queueing(
        hold_us=distribution.of_values(
            release_ns - admission_ns for admission_ns, release_ns, _ in admitted if release_ns is not None
        ),
        handoff_us=distribution.of_values(handoffs_ns),
        idle_start_us=distribution.of_values(idle_starts_ns),
    )


def starts_ns(
    admitted: Sequence[tuple[int, int | None, int]], permits: int | None
) -> tuple[list[int], list[int]]:
    """Hand-offs and idle starts of (admission, release, arrival) in nanoseconds, in order of admission.

    The k-th admission is held against the k-th arrival, whoever came in: then that many had arrived, and one
    fewer had been admitted, so somebody waited. It takes the permit that has been free longest. If that
    permit was released after that arrival, it was handed on; if it lay free already, the server had only to
    start. With one permit this is exact; with several, which of two free permits was taken is not recorded,
    but taking the oldest never calls a late start a hand-off. An admission beyond the permits (its
    predecessor's record was dropped) counts as neither; who was not released keeps its permit. Where nothing
    limits, every start is idle.
    """
    arrivals_ns = sorted(arrival_ns for _, _, arrival_ns in admitted)
    if permits is None:
        return [], [admission_ns - arrival_ns for admission_ns, _, arrival_ns in admitted]
    free_at_ns = [_ALWAYS] * permits
    handoffs_ns: list[int] = []
    idle_starts_ns: list[int] = []
    for arrival_ns, (admission_ns, release_ns, _) in zip(arrivals_ns, admitted, strict=True):
        if free_at_ns and free_at_ns[0] <= admission_ns:
            free_ns = heappop(free_at_ns)
            if free_ns >= arrival_ns:
                handoffs_ns.append(admission_ns - free_ns)
            else:
                idle_starts_ns.append(admission_ns - arrival_ns)
        if release_ns is not None:
            heappush(free_at_ns, release_ns)
    return handoffs_ns, idle_starts_ns


def in_order_of_admission(records: Sequence[ServerRecord]) -> list[tuple[int, int | None, int]]:
    """(admission, release, arrival) of those that were admitted, in nanoseconds."""
    return sorted(
        (
            (record.admission_ns, record.release_ns, record.arrival_ns)
            for record in records
            if record.admission_ns is not None
        ),
        key=itemgetter(0),
    )
