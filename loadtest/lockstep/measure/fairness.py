"""In what order, and how evenly, a cell's connections were served."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lockstep.measure.sojourns import Sojourns
from lockstep.record import histograms as distribution
from lockstep.runs.connections import ServerRecord
from lockstep.runs.measures import Fairness

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
