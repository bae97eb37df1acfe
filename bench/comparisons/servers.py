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
from bench.ratio import Ratio, in_turn
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
        mine, others = measured({"free": ours, "bare loop": bare}, connections, settings)
        name = f"server, connections: {connections}: free / bare loop"
        yield ratio_of(name, UNIT, mine, others, WANTED)
        yield Ratio(name, "messages per second", _wall(mine), _wall(others))
    if importlib.util.find_spec("uvloop") is None:
        yield Missing("server: uvloop protocol", "not installed: pip install uvloop")
    there = {
        name: partial(module_server, *module)
        for name, module in BESIDE.items()
        if module[-1] != "uvloop" or importlib.util.find_spec("uvloop") is not None
    }
    rates = measured({"free": ours, **there}, CONNECTIONS[-1], settings)
    for name, rate in zip(there, rates[1:], strict=True):
        title = f"server, connections: {CONNECTIONS[-1]}: free / {name}"
        yield ratio_of(title, UNIT, rates[0], rate)


def measured(servers: dict[str, Serving], connections: int, settings: Settings) -> list[list[Rate]]:
    """Every server's rates, in turn; all of them are up all the time, and those without load cost nothing."""
    with ExitStack() as stack:
        up = {name: stack.enter_context(serving()) for name, serving in servers.items()}

        def one(name: str, turn: int) -> Rate:
            port, server = up[name]
            with Epoll().load(port, connections) as load:
                rate = rate_of(server, lambda: load.ask()["bytes"] // len(FRAME), settings.seconds)
            say(f"servers {turn + 1}: connections: {connections}: {name}: {rate.told(UNIT)}")
            return rate

        return in_turn([partial(one, name) for name in up], settings.pairs)


def _wall(rates: list[Rate]) -> list[float]:
    return [rate.per_wall_s for rate in rates]
