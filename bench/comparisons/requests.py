"""Request and response over 50 kept connections: messages per second of the generator's processor time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.counter import counting
from bench.findings import Figure, Finding, Missing
from bench.generators import Epoll, Generator, Ours, Own, Plain
from bench.processes import ToolError
from bench.rate import Rate, rate_of, ratio_of
from bench.ratio import Better, Ratio, ratios_in_turn
from bench.settings import Settings, say
from bench.tsung import Tsung

CONNECTIONS = 50
UNIT = "messages per CPU second"
WANTED = 2.0
# Its replies are all alike, so that it looks for one too many before each message; the scenario's differ.
DIALOGUE = Ours(("--file", "bench/echo.toml"), name="a dialogue")
NAME = f"request/response, {CONNECTIONS} connections"
# What only informs need not be measured as often.
TSUNG_TURNS = 2


def compare(settings: Settings) -> Iterator[Finding]:
    """Ours against a plain Locust user, and between them and what Python can do at all."""

    def measured(generator: Generator, turn: int) -> Rate:
        with counting() as counter, generator.load(counter.port, CONNECTIONS) as process:
            rate = rate_of(process, lambda: counter.messages(generator.frame_bytes), settings.seconds)
        say(f"requests {turn + 1}: {generator.name}: {rate.told(UNIT)}")
        return rate

    contestants = [partial(measured, each) for each in (Ours(), DIALOGUE, Own(), Plain(), Epoll())]
    yield from ratios_in_turn(contestants, settings, told)
    name = f"{NAME}: tsung"
    try:
        values = [measured(Tsung(), turn).per_cpu_s for turn in range(min(TSUNG_TURNS, settings.pairs))]
    except ToolError as error:
        yield Missing(name, str(error))
    else:
        yield Figure(name, UNIT, values, better=Better.HIGHER)


def told(rates: list[list[Rate]]) -> list[Ratio]:
    """The ratios of what they did, in the order in which they are measured."""
    ours, dialogue, own, plain, epoll = rates
    return [
        ratio_of(f"{NAME}: ours / plain Locust user", UNIT, ours, plain, WANTED),
        ratio_of(f"{NAME}: a TcpUser's own file / plain Locust user", UNIT, own, plain, WANTED),
        ratio_of(f"{NAME}: a dialogue / the scenario", UNIT, dialogue, ours),
        ratio_of(f"{NAME}: ours / bare epoll loop", UNIT, ours, epoll),
    ]
