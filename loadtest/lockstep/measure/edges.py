"""Whether a cell's window is long enough for its exchanges. Pure arithmetic, on sums that add up exactly.

Times are of the exchanges that ended in the window. Their time is all time under way in it, and the part of
them that lies before it, less the part of those still under way at its end. Divided by the window, that is
Little's law, L = X T, and what it is off by is the difference of these two parts alone. In a steady state
they are alike: as much was cut off as was brought along. They are not where the window begins before the line
in front of a gate has formed, or is so short that it depends on luck who ends in it: then the times are those
of a lucky few, however many messages that is.

How long a window has to be was simulated (tests/factories/closed_users.py): closed users under free, ticket,
a lock and a semaphore that admit in any order, and a lock by message, from one to 32 users, beginning at
once. With a window of 30 mean exchange times none of 9,700 such cells was off by 5%, whatever its warm-up;
with one of 24, up to 2 in 100. A warm-up of one exchange time lets 20 do; that is not asked for, since one
number is easier to follow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lockstep.record.sums import SpanSums
from lockstep.runs.measures import Edges

# By Little's law throughput and times are to agree within 5%; the rest is for what has other causes.
MAX_SHARE = 0.045
EXCHANGE_TIMES = 30
# With fewer completed a mean time is a guess.
MIN_COMPLETED = 5
# Exchanges that are cut through are no percentile's, up to this part of those completed.
FEW = 0.01
# In a warm-up of so many of a cell's sessions the line in front of a gate forms. Where it is served nearly in
# order, as by a lock, a window of so many has about as much under way at both ends: on a busy machine of two
# cores windows of 4.5 were off by up to 15%, which is a third of that in one of 12.
WARMUP_ROUNDS = 1.5
WINDOW_ROUNDS = 12
# Of arrivals at random, in turns of a permit. Lines come and go slowly: simulated, the rate at which 99 of
# 100 wait for ten turns at most came out 28% too great in windows of 75 turns, 13% in 200, 5% in 500, 3% in
# 1,000.
WARMUP_TURNS = 100
WINDOW_TURNS = 1_000
NS_PER_US = 1_000
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Service:
    """What a server says of its modes beforehand. hold_ns: of a message. permits: None for no limit.

    by_message: whether a permit is held for a message, not for a connection.
    """

    hold_ns: int
    permits: int | None
    by_message: bool


def round_ns(service: Service, level: int, messages: int) -> float:
    """The minimum time of one session of `level` users that go round and round, each as soon as it can.

    A session holds for its messages; as many go on at once as there are permits, and the others wait.
    """
    session_ns = messages * service.hold_ns
    return session_ns * max(1.0, level / (service.permits or level))


def needed_s(exchange_ns: float) -> float:
    """The window that exchanges of this time need, in seconds; two figures, rounded up."""
    return _two_figures(EXCHANGE_TIMES * exchange_ns / NS_PER_S)


def _two_figures(seconds: float) -> float:
    """Rounded up."""
    if seconds <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(seconds)) - 1)
    return round(math.ceil(seconds / step - 1e-9) * step, 9)


def rounds_of(
    services: Mapping[str, Service], levels: Sequence[int], messages: int
) -> dict[tuple[str, int], float]:
    """How long a session takes at least, in seconds, by mode and level."""
    return {
        (mode, level): round_ns(service, level, messages) / NS_PER_S
        for mode, service in services.items()
        for level in levels
    }


def fitting(round_s: float) -> tuple[float, float]:
    """The warm-up and the window that sessions ask for which take so long, in seconds."""
    return _two_figures(WARMUP_ROUNDS * round_s), _two_figures(WINDOW_ROUNDS * round_s)


def fitting_arrivals(turn_s: float) -> tuple[float, float]:
    """The same of arrivals at random. turn_s: a session's time over how many of them are served at once."""
    return _two_figures(WARMUP_TURNS * turn_s), _two_figures(WINDOW_TURNS * turn_s)


def foreseen(
    rounds_s: Mapping[tuple[str, int], float], lengths: Callable[[str, int], tuple[float, float]]
) -> str | None:
    """What can be said before a plan's load: that its windows are over before every user has iterated twice.

    rounds_s: see rounds_of. lengths: a cell's warm-up and window, in seconds. None where every user goes
    round twice before the window is over; that may still be too short, and is measured.
    """
    short = {place: round_s for place, round_s in rounds_s.items() if sum(lengths(*place)) < 2 * round_s}
    if not short:
        return None
    (mode, level), round_s = max(short.items(), key=lambda item: item[1])
    seconds = lengths(mode, level)[1]
    needs = f"{needed_s(round_s * NS_PER_S):g} s"
    return (
        f"too short a window is foreseen: with {mode} at {level} a session takes {round_s:.3g} s at least, "
        f"waiting included, and cells measure {seconds:g} s; {EXCHANGE_TIMES} times as long as a session is "
        f"needed, about {needs}"
    )


def weigh_edges(
    units: Mapping[str, SpanSums], seconds: float, min_session_ns: float | None = None
) -> Edges | None:
    """What the edges of a window weigh, of the kind of exchange on which they weigh most.

    units: sums by kind, session and message. seconds: how long the window was. min_session_ns: the minimum
    time of a session, where it is known beforehand. None where nothing was under way in the window.
    """
    shares = {unit: _share(sums) for unit, sums in units.items() if sums.inside_ns > 0}
    if not shares:
        return None
    unit = max(shares, key=lambda name: abs(shares[name]))
    sums, share = units[unit], shares[unit]
    edges = Edges(share=share, under_way=sums.under_way, longest_us=sums.longest_ns / NS_PER_US)
    if abs(share) <= MAX_SHARE:
        return edges
    exchange_ns = max([min_session_ns or 0.0, *(_exchange_ns(each) for each in units.values())])
    known = min_session_ns or all(each.completed >= MIN_COMPLETED for each in units.values())
    needs_s = needed_s(exchange_ns)
    if known and needs_s <= seconds and max(sums.brought, sums.under_way) <= FEW * sums.completed:
        # Who met a pause of the machine at one end: too few to be anybody's p99.
        return replace(edges, disturbed=True)
    return replace(edges, needs_s=needs_s, at_least=not known)


def _share(sums: SpanSums) -> float:
    return (sums.before_ns - sums.after_ns) / sums.inside_ns


def _exchange_ns(sums: SpanSums) -> float:
    """An exchange's mean time, not too low: by Little's law, for of a short window it is the ends that lack.

    Throughput is right long before times are. Of few it is a matter of luck how many, so they count as fewer.
    """
    if sums.completed < MIN_COMPLETED:
        return max(sums.inside_ns / max(sums.completed, 1), sums.longest_ns)
    return (sums.inside_ns - sums.failed_ns) / (sums.completed - math.sqrt(sums.completed))
