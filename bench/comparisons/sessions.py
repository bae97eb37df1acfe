"""Connect, request, reply, close: sessions per second of the generator's processor time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.counter import counting
from bench.findings import Finding
from bench.generators import Generator, Ours, Plain
from bench.rate import Rate, rate_of, ratio_of
from bench.ratio import Ratio, ratios_in_turn
from bench.settings import Settings, say

USERS = 50
NAME = "connect, request, reply, close: ours / plain Locust user"
UNIT = "sessions per CPU second"
WANTED = 1.5


def compare(settings: Settings) -> Iterator[Finding]:
    """Ours against a plain Locust user, both with a connection for every message.

    Every measurement has a port of its own, so that neither side meets the other's TIME_WAIT.
    """

    def measured(generator: Generator, turn: int) -> Rate:
        with counting() as counter, generator.load(counter.port, USERS) as process:
            rate = rate_of(process, counter.sessions, settings.seconds)
        say(f"sessions {turn + 1}: {generator.name}: {rate.told(UNIT)}")
        return rate

    def told(rates: list[list[Rate]]) -> list[Ratio]:
        mine, others = rates
        return [ratio_of(NAME, UNIT, mine, others, WANTED)]

    ours, plain = Ours(("--scenario", "session", "--messages", "1")), Plain("SessionUser")
    yield from ratios_in_turn([partial(measured, ours), partial(measured, plain)], settings, told)
