"""Our server against the bare loop, and beside what else Python offers, under the same bare load."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from bench.epoll_load import FRAME
from bench.findings import Finding, Missing
from bench.generators import Epoll
from bench.module_server import module_server
from bench.our_server import our_server
from bench.processes import ON_SERVER_CORE, Running
from bench.rate import Rate, rate_of, ratio_of
from bench.ratio import Ratio, ratios_in_turn
from bench.settings import Settings, say

CONNECTIONS = (1, 50)
UNIT = "messages per CPU second"
WANTED = 0.95
BESIDE = {
    "socketserver.ThreadingTCPServer": ("bench.servers.threading_tcp",),
    "asyncio protocol": ("bench.servers.asyncio_protocol",),
    "uvloop protocol": ("bench.servers.asyncio_protocol", "uvloop"),
}

Serving = Callable[[], AbstractContextManager[tuple[int, Running]]]


def compare(settings: Settings) -> Iterator[Finding]:
    """Messages per second of the server's processor time; the wall clock's ratio beside it."""
    ours: Serving = partial(our_server, place=ON_SERVER_CORE)
    bare: Serving = partial(module_server, "bench.servers.bare")
    for connections in CONNECTIONS:
        told = partial(_against_bare, f"server, connections: {connections}: free / bare loop")
        yield from measured({"free": ours, "bare loop": bare}, connections, settings, told)
    if importlib.util.find_spec("uvloop") is None:
        yield Missing("server: uvloop protocol", "not installed: pip install uvloop")
    there = {
        name: partial(module_server, *module)
        for name, module in BESIDE.items()
        if module[-1] != "uvloop" or importlib.util.find_spec("uvloop") is not None
    }
    titles = [f"server, connections: {CONNECTIONS[-1]}: free / {name}" for name in there]

    def beside(rates: list[list[Rate]]) -> list[Ratio]:
        return [ratio_of(title, UNIT, rates[0], rate) for title, rate in zip(titles, rates[1:], strict=True)]

    yield from measured({"free": ours, **there}, CONNECTIONS[-1], settings, beside)


def measured(
    servers: dict[str, Serving],
    connections: int,
    settings: Settings,
    told: Callable[[list[list[Rate]]], list[Ratio]],
) -> list[Ratio]:
    """What is told of all servers' rates, in turn. All are always up; without load they cost nothing."""
    with ExitStack() as stack:
        up = {name: stack.enter_context(serving()) for name, serving in servers.items()}

        def one(name: str, turn: int) -> Rate:
            port, server = up[name]
            with Epoll().load(port, connections) as load:
                rate = rate_of(server, lambda: load.ask()["bytes"] // len(FRAME), settings.seconds)
            say(f"servers {turn + 1}: connections: {connections}: {name}: {rate.told(UNIT)}")
            return rate

        return ratios_in_turn([partial(one, name) for name in up], settings, told)


def _against_bare(name: str, rates: list[list[Rate]]) -> list[Ratio]:
    mine, others = rates
    by_the_clock = Ratio(name, "messages per second", _wall(mine), _wall(others))
    return [ratio_of(name, UNIT, mine, others, WANTED), by_the_clock]


def _wall(rates: list[Rate]) -> list[float]:
    return [rate.per_wall_s for rate in rates]
