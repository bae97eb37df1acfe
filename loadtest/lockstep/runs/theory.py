"""What a cell is held against: Little's law, the ends of its window, the wait that had to be."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LittlesLaw:
    """L = X T, one cell's: a number at once that was counted, and the same out of throughput and time.

    counted: users, or connections in service (time average). computed: throughput times mean time.
    """

    counted: float
    computed: float


@dataclass(frozen=True, slots=True)
class Edges:
    """What the two ends of a cell's window cut through, of sessions or messages: those it weighs on most.

    share: the part of the completed that lies before the window, less the part within it of those still under
    way at its end, as a part of all time under way in it: so far Little's law is off for their sake alone.
    under_way: how many were under way at the end, of which only that they take longer is known; longest_us:
    what one of them had taken by then, at most. needs_s: seconds that the window should last, None where it
    is long enough; at_least: whether that is a lower bound, because next to nothing ended.
    """

    share: float
    under_way: int
    longest_us: float
    needs_s: float | None = None
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class WaitPrediction:
    """One cell's mean wait for admission, and what queueing theory says it had to be. Times in microseconds.

    utilisation: the part of the time in which a permit was held or being handed on. predicted_us: by the
    recursion of Lindley, or of Kiefer and Wolfowitz, over the recorded arrivals. hold_only_us: the same
    without hand-off and idle start.
    khinchine_us: the Pollaczek-Khinchine mean, and the interval in which a run of this length falls 95 times
    of 100; None where there is more than one permit, or no Poisson arrivals.
    """

    connections: int
    permits: int
    utilisation: float
    measured_us: float
    predicted_us: float
    hold_only_us: float
    khinchine_us: float | None = None
    khinchine_low_us: float | None = None
    khinchine_high_us: float | None = None
