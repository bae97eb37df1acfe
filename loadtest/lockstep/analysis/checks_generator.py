"""Rules on the load generator: whether the figures are the server's, or the generator's own.

Two of its delays, a late event loop and a late send, are part of every time that it takes. Like is compared
with like: such a delay matters where its p50 is more than a tenth of the response's p50, or its p99 of
the response's p99, for that is the percentile which it can shift. A delay's p99 against the response's p50
would cry wolf wherever the server makes a few wait long. Below a floor nothing is said: on a sound machine
too, timers and the scheduler are late by about a millisecond now and then.
"""

from __future__ import annotations

from collections.abc import Callable

from lockstep.analysis.check import Check, Rule, Topic
from lockstep.analysis.numbers import duration
from lockstep.measure import littles_law
from lockstep.runs.measures import Distribution, WorkerHealth
from lockstep.runs.records import Cell
from lockstep.scenario import answered

MAX_CPU_SHARE = 0.9
MAX_FILES_SHARE = 0.9
MAX_THROTTLED_SHARE = 0.01
MAX_LATE_SHARE = 0.01
MAX_DELAY_SHARE = 0.1
LOOP_LAG_FLOOR_US = 2_000
SEND_LAG_FLOOR_US = 1_000
SHOWN_TROUBLES = 3

GENERATOR_BUSY = Check(
    "generator-busy",
    "Workers used more than 90% of the CPU available to them: they may have been the bottleneck.",
    "Use more workers (--processes), on more cores or machines, or offer less load.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.GENERATOR),
)
THROTTLED = Check(
    "throttled",
    "Workers were throttled for more than 1% of the cell: their CPU quota was used up.",
    "Raise the CPU quota of the workers' container, or use more workers.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.GENERATOR),
)
GENERATOR_LAG = Check(
    "generator-lag",
    "Workers' event loops lagged by more than 10% of the response time; that lag is included in it.",
    "Use more workers (--processes) with fewer users each, or run them on other cores than the server.",
    touches=(Topic.CERTAINTY, Topic.TIMES, Topic.GENERATOR),
)
SEND_LAG = Check(
    "send-lag",
    "Messages were sent late by more than 10% of the response time; that delay is included in it.",
    "Compare response with round trip; use more users, so that one is free, or more workers.",
    touches=(Topic.CERTAINTY, Topic.TIMES, Topic.GENERATOR),
)
LATE_ARRIVALS = Check(
    "late-arrivals",
    "More than 1% of the arrivals were delayed: no user was free when they were due.",
    "Use more users: an open load needs as many as are in flight at its worst moment.",
    touches=(Topic.CERTAINTY, Topic.TIMES, Topic.GENERATOR),
)
DROPPED_ARRIVALS = Check(
    "dropped-arrivals",
    "Arrivals were dropped, because no user became free: the load was less than was offered.",
    "Use more users, or offer less load: beyond saturation the queue grows without bound.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.GENERATOR),
)
NO_PORTS = Check(
    "no-ports",
    "Connections had to wait for a local port: the throughput is limited by the ports, not by the server.",
    "A closed connection holds its port for a minute: give more local addresses (--source "
    "127.0.0.2,127.0.0.3), send more messages on each connection, or widen the range: "
    'sysctl net.ipv4.ip_local_port_range="1024 65535".',
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.GENERATOR),
    degrades=True,
)
BACKED_OFF = Check(
    "backed-off",
    "Connections failed, or ended before they were any use, and users backed off before they tried again.",
    "Look at the first failure of each kind; less load was offered than by users that retry immediately.",
    touches=(Topic.THROUGHPUT, Topic.CONNECT),
)
USER_CODE = Check(
    "user-code",
    "The users' own file raised errors, or ran out of data: these users did less than was asked for.",
    "Mend the file where it is named, and run it again.",
    touches=(Topic.CERTAINTY, Topic.THROUGHPUT, Topic.TIMES, Topic.GENERATOR),
    degrades=True,
)
OPEN_FILES = Check(
    "open-files",
    "Workers used more than 90% of their open-file limit.",
    "Raise the limit (ulimit -n) on the workers, or give each of them fewer users.",
    touches=(Topic.GENERATOR,),
)


def _workers(describe: Callable[[WorkerHealth, Cell], str | None]) -> Callable[[Cell], str | None]:
    """A rule on workers as a rule on their cell: the words of all of whom there is something to tell."""

    def describe_all(cell: Cell) -> str | None:
        described = ((health.worker, describe(health, cell)) for health in cell.health)
        return "; ".join(f"{worker} {text}" for worker, text in described if text is not None) or None

    return describe_all


def _busy(health: WorkerHealth, _: Cell) -> str | None:
    return f"used {health.cpu_share:.0%}" if health.cpu_share > MAX_CPU_SHARE else None


def _throttled(health: WorkerHealth, cell: Cell) -> str | None:
    stopped_s = health.throttled_s
    if stopped_s is None or stopped_s <= MAX_THROTTLED_SHARE * cell.seconds:
        return None
    return f"was throttled for {stopped_s:.2f} s of {cell.seconds:.1f} s"


def _loop_lag(health: WorkerHealth, cell: Cell) -> str | None:
    # Of what nobody answers the time is that of the sending.
    if not answered(cell.scenario):
        return None
    return _outweighs(health.loop_lag_us, cell.times.get("response"), LOOP_LAG_FLOOR_US)


def _open_files(health: WorkerHealth, _: Cell) -> str | None:
    opened, limit = health.open_files, health.open_files_limit
    if opened is None or limit is None or opened <= MAX_FILES_SHARE * limit:
        return None
    return f"had {opened:,} of {limit:,} open"


def _send_lag(cell: Cell) -> str | None:
    # Under closed load the lag lies before the response begins, and is nobody's wait.
    if cell.arrival == "closed":
        return None
    return _outweighs(cell.times.get("send_lag"), cell.times.get("response"), SEND_LAG_FLOOR_US)


def _outweighs(delay: Distribution | None, response: Distribution | None, floor_us: float) -> str | None:
    if delay is None or response is None:
        return None
    for name, late_us, whole_us in (
        ("p50", delay.p50, response.p50),
        ("p99", delay.p99, response.p99),
    ):
        if late_us > floor_us and late_us > MAX_DELAY_SHARE * whole_us:
            return f"lagged by {duration(late_us)} ({name}), a response takes {duration(whole_us)}"
    return None


def _late(cell: Cell) -> str | None:
    arrivals = littles_law.exchanges(cell)
    return f"{cell.late:,} of {arrivals:,.0f}" if cell.late > MAX_LATE_SHARE * arrivals else None


def _dropped(cell: Cell) -> str | None:
    return f"{cell.dropped:,} arrivals" if cell.dropped else None


def _backed_off(cell: Cell) -> str | None:
    return f"{cell.backed_off:,} waits" if cell.backed_off else None


def _no_ports(cell: Cell) -> str | None:
    return f"{cell.port_waits:,} connections" if cell.port_waits else None


def _user_code(cell: Cell) -> str | None:
    """The first ones: where a file is wrong, it is wrong in every iteration."""
    shown = [f"{words} ({count:,} times)" for words, count in cell.troubles.items()]
    more = len(shown) - SHOWN_TROUBLES
    return "; ".join([*shown[:SHOWN_TROUBLES], *([f"{more} others"] if more > 0 else [])]) or None


RULES = (
    Rule(USER_CODE, _user_code),
    Rule(NO_PORTS, _no_ports),
    Rule(BACKED_OFF, _backed_off),
    Rule(DROPPED_ARRIVALS, _dropped),
    Rule(LATE_ARRIVALS, _late),
    Rule(GENERATOR_BUSY, _workers(_busy)),
    Rule(THROTTLED, _workers(_throttled)),
    Rule(GENERATOR_LAG, _workers(_loop_lag)),
    Rule(SEND_LAG, _send_lag),
    Rule(OPEN_FILES, _workers(_open_files)),
)

# By these less was offered, or other things were done, than was asked for.
_OFFERED_LESS = (USER_CODE, NO_PORTS, GENERATOR_BUSY, THROTTLED)
_LACKED_USERS = (DROPPED_ARRIVALS, LATE_ARRIVALS)
# These only make times longer than they are.
_DELAYED = (GENERATOR_LAG, SEND_LAG)


def spoiled(cell: Cell, *, users_are_enough: bool, settled: bool) -> str | None:
    """By which of its limits the generator, not the server, made a cell what it is, in words; None by none.

    users_are_enough: whether users that lack are so many that the server has to be what keeps them. settled:
    whether a cell says what is asked of it however late the generator was.
    """
    checks = [*_OFFERED_LESS]
    if not users_are_enough:
        checks += _LACKED_USERS
    if not settled:
        checks += [GENERATOR_LAG] if users_are_enough else _DELAYED
    for rule in RULES:
        if rule.check in checks and (words := rule.describe(cell)) is not None:
            return f"{rule.check.name}: {words}"
    return None


def lateness_us(cell: Cell, statistic: str) -> float:
    """How late the generator was, by this statistic: so much of a time is at most its own."""
    late = [health.loop_lag_us for health in cell.health if health.loop_lag_us is not None]
    if cell.arrival != "closed" and "send_lag" in cell.times:
        late.append(cell.times["send_lag"])
    return max((each.statistic(statistic) for each in late), default=0.0)
