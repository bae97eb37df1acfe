"""What each mode's synchronising costs the server in processor time, against none of it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench.epoll_load import FRAME
from bench.findings import Finding
from bench.generators import Epoll
from bench.our_server import our_listeners
from bench.processes import ON_SERVER_CORE
from bench.rate import Rate, rate_of, ratio_of
from bench.ratio import Ratio, ratios_in_turn
from bench.settings import Settings, say
from lockstep_server.modes import MESSAGE, MODES, Mode

CONNECTIONS = (1, 50)
UNIT = "messages per CPU second"
BASELINE = "free"
# So few hold a permit at once, where a mode takes a number and admits each message.
PERMITS = 4


def compare(settings: Settings) -> Iterator[Finding]:
    """Every mode of the server's table that can serve so many connections at once.

    One server offers them all: a listener without load costs nothing. On one connection nobody ever waits.
    """
    for connections in CONNECTIONS:
        yield from _over(connections, settings)


def listener(name: str, mode: Mode, connections: int) -> str | None:
    """The mode as a listener that has all of these connections in service; None where it cannot."""
    each_message = MESSAGE in mode.scopes
    number = PERMITS if each_message else connections
    permits = mode.permits(number if mode.counted else 1)
    if not each_message and permits is not None and permits < connections:
        return None
    return name + (f"={number}" if mode.counted else "") + ("/message" if each_message else "")


def _over(connections: int, settings: Settings) -> list[Ratio]:
    names = [each for name, mode in MODES.items() if (each := listener(name, mode, connections)) is not None]
    with our_listeners(names, place=ON_SERVER_CORE) as (ports, server):

        def measured(name: str, turn: int) -> Rate:
            with Epoll().load(ports[name], connections) as load:
                rate = rate_of(server, lambda: load.ask()["bytes"] // len(FRAME), settings.seconds)
            say(f"modes {turn + 1}: connections: {connections}: {name}: {rate.told(UNIT)}")
            return rate

        def told(rates: list[list[Rate]]) -> list[Ratio]:
            by_name = dict(zip(names, rates, strict=True))
            free = by_name.pop(BASELINE)
            return [
                ratio_of(f"server, connections: {connections}: {name} / {BASELINE}", UNIT, rate, free)
                for name, rate in by_name.items()
            ]

        return ratios_in_turn([partial(measured, name) for name in names], settings, told)
