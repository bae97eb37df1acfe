"""Redis and PostgreSQL over 50 connections: `lockstep run` against the tools that their makers ship."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

from bench import services
from bench.experts import Load, lockstep_run, pgbench, redis_benchmark
from bench.findings import Finding
from bench.processes import ON_SERVER_CORE
from bench.ratio import Better, Ratio, in_turn
from bench.settings import Settings, say

CONNECTIONS = 50
WANTED_RATE, WANTED_MEDIAN = 0.7, 1.4
# redis-benchmark asks for this very key where it is told of no others.
THE_KEY = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:__rand_int__\r\n$3\r\nxxx\r\n"

Side = Callable[[], Load]


def compare(settings: Settings) -> Iterator[Finding]:
    """Each on the same server, in turn, both sides on the same core."""
    seconds = settings.seconds
    with services.redis(ON_SERVER_CORE) as port:
        with socket.create_connection((services.LOOPBACK, port)) as link:
            link.sendall(THE_KEY)
            link.recv(64)
        for name, test, dialogue in (
            ("PING", "ping_mbulk", "redis_ping.toml"),
            ("GET", "get", "redis_get.toml"),
        ):
            yield from _against(
                f"Redis {name}, {CONNECTIONS} connections: ours / redis-benchmark",
                lambda dialogue=dialogue: lockstep_run(dialogue, port, CONNECTIONS, seconds),
                lambda test=test: redis_benchmark(test, port, CONNECTIONS, seconds),
                settings.pairs,
            )
    with services.postgres(ON_SERVER_CORE) as port:
        yield from _against(
            f"PostgreSQL simple query, {CONNECTIONS} connections: ours / pgbench",
            lambda: lockstep_run("select_1.toml", port, CONNECTIONS, seconds),
            lambda: pgbench("select_1.sql", port, CONNECTIONS, seconds),
            settings.pairs,
        )


def _against(name: str, ours: Side, theirs: Side, turns: int) -> Iterator[Finding]:
    def measured(side: Side, who: str, turn: int) -> Load:
        load = side()
        say(f"{name}, {turn + 1}: {who}: {load.told()}")
        return load

    mine, others = in_turn(
        [lambda turn: measured(ours, "ours", turn), lambda turn: measured(theirs, "theirs", turn)], turns
    )
    rates = [[load.per_s for load in side] for side in (mine, others)]
    medians = [[load.p50_us for load in side] for side in (mine, others)]
    yield Ratio(name, "messages per second", *rates, WANTED_RATE)
    yield Ratio(name, "µs, median", *medians, WANTED_MEDIAN, Better.LOWER)
