"""Redis and PostgreSQL over 50 connections: `lockstep run` against the tools that their makers ship.

A user of ours sends again as soon as it has its reply, so as many messages are in flight as there are
connections. redis-benchmark reads all replies that are there before it sends again, and its clock stands
meanwhile: by Little's law fewer are in flight. So a time is compared at the same number in flight too.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial
from operator import attrgetter

from bench import services
from bench.experts import Load, lockstep_run, pgbench, redis_benchmark
from bench.findings import Finding
from bench.processes import ON_SERVER_CORE
from bench.ratio import Better, Ratio, ratios_in_turn
from bench.settings import Settings, say

CONNECTIONS = 50
WANTED_RATE, WANTED_MEDIAN = 0.7, 1.4
# redis-benchmark asks for this very key where it is told of no others.
THE_KEY = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nxxx\r\n"

_PER_S, _P50_US, _IN_FLIGHT = attrgetter("per_s"), attrgetter("p50_us"), attrgetter("in_flight")

Side = Callable[[int, int, float], Load]
"""Loads a port over that many connections for so many seconds."""


def compare(settings: Settings) -> Iterator[Finding]:
    """Each on the same server, in turn, both sides on the same core."""
    with services.redis(ON_SERVER_CORE) as port:
        with socket.create_connection((services.LOOPBACK, port)) as link:
            link.sendall(THE_KEY)
            link.recv(64)
        for name, test, dialogue in (
            ("PING", "ping_mbulk", "redis_ping.toml"),
            ("GET", "get", "redis_get.toml"),
        ):
            ours, theirs = partial(lockstep_run, dialogue), partial(redis_benchmark, test)
            yield from _against(f"Redis {name}: ours / redis-benchmark", ours, theirs, port, settings)
    with services.postgres(ON_SERVER_CORE) as port:
        ours, theirs = partial(lockstep_run, "select_1.toml"), partial(pgbench, "select_1.sql")
        yield from _against("PostgreSQL simple query: ours / pgbench", ours, theirs, port, settings)


def _against(name: str, ours: Side, theirs: Side, port: int, settings: Settings) -> Iterator[Finding]:
    def measured(side: Side, who: str, turn: int, connections: int = CONNECTIONS) -> Load:
        load = side(port, connections, settings.seconds)
        say(f"{name}, {turn + 1}: {who}: {load.told()}")
        return load

    in_flight = CONNECTIONS

    def expert(turn: int) -> Load:
        nonlocal in_flight
        load = measured(theirs, "theirs", turn)
        in_flight = max(1, round(load.in_flight))
        return load

    def alike(turn: int) -> Load:
        return measured(ours, f"ours with {in_flight} connections", turn, in_flight)

    sides: list[Callable[[int], Load]] = [partial(measured, ours, "ours"), expert, alike]
    yield from ratios_in_turn(sides, settings, partial(_told, name))


def _told(name: str, loads: list[list[Load]]) -> list[Ratio]:
    mine, others, as_many = loads
    at_fifty, at_as_many = f"{name}, {CONNECTIONS} connections", f"{name}, as many in flight as theirs"
    return [
        Ratio(what, unit, list(map(figure, ours)), list(map(figure, others)), wanted, better)
        for what, unit, figure, ours, wanted, better in (
            (at_fifty, "messages per second", _PER_S, mine, WANTED_RATE, Better.HIGHER),
            (at_fifty, "µs, median", _P50_US, mine, WANTED_MEDIAN, Better.LOWER),
            (at_fifty, "messages in flight, by Little's law", _IN_FLIGHT, mine, None, Better.HIGHER),
            (at_as_many, "µs, median", _P50_US, as_many, WANTED_MEDIAN, Better.LOWER),
        )
    ]
