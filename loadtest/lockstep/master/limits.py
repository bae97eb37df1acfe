"""What a run needs of the system against what the system gives: refused before it starts, not half-way."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lockstep.control import WorkerLimits
from lockstep.errors import PlanError
from lockstep.tcp.addresses import Address
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.traffic import Traffic

# What a process has open besides its connections: logs, the event loop, Locust's own sockets.
SPARE_FILES = 64
# What a server has besides a thread for each connection: listeners, the admin port.
SPARE_THREADS = 16
# How long Linux holds the port of a connection that was closed from here (TIME_WAIT), and how long where it
# may be used again for the same target: `tcp_tw_reuse` 1, or 2 towards this machine itself.
HELD_S = 60.0
HELD_FOR_REUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """What the server's process may use; None where it does not tell or has no limit."""

    open_files: int | None
    threads: int | None


def check_capacity(
    level: int,
    workers: Sequence[WorkerLimits],
    server: ServerLimits | None,
    sources: int,
    thread_each: bool = True,
) -> None:
    """PlanError where `level` connections at once to one port run into a limit; the first one found.

    server: None where nobody can be asked. sources: how many local addresses connections go out from, 0 where
    none is named. thread_each: whether the server's mode gives each connection a thread.
    """
    _check_ports(level, workers, max(sources, 1))
    _check_worker_files(level, workers)
    if server is not None:
        _check_server(level, server, thread_each)


def ways_out(
    endpoint: Endpoint, traffic: Traffic, workers: Sequence[WorkerLimits]
) -> tuple[Traffic, Sequence[WorkerLimits]]:
    """The traffic with the local addresses that it goes out from, and the workers with the ports it takes."""
    if endpoint.scheme is Scheme.UNIX:
        return traffic, [replace(each, ports=None) for each in workers]
    return replace(traffic, sources=traffic.sources or endpoint.options.source), workers


def check_turnover(
    traffic: Traffic,
    load_s: Callable[[float], float],
    workers: Sequence[WorkerLimits],
    addresses: Sequence[Address],
) -> None:
    """PlanError where an open load's connections would use up the local ports.

    Each that is closed holds its port for a while after. load_s: of so many seconds, during how many one mode
    is under load. addresses: the target's. Of a closed load nobody knows the rate before: there a connection
    that finds no port waits for one, and the cell says so.
    """
    rate_per_s = traffic.arrival.rate_per_s
    if rate_per_s is None or traffic.keeps_connection:
        return
    loopback = all(address.loopback for address in addresses)
    sharing = Counter(limits.network for limits in workers)
    for limits in workers:
        if limits.ports is None or limits.reuse is None:
            continue
        reused = limits.reuse == 1 or (limits.reuse == 2 and loopback)
        held_s = HELD_FOR_REUSE_S if reused else HELD_S
        sharers = 1 if limits.network is None else sharing[limits.network]
        need = math.ceil(rate_per_s * sharers / len(workers) * load_s(held_s))
        have = limits.ports * max(len(traffic.sources), 1)
        if need > have:
            raise PlanError(
                "rate",
                f"{rate_per_s:g} connections a second take {need:,} local ports, for each is held for "
                f"{held_s:g} s after its end, but the network of worker {limits.worker} has {have:,}: lower "
                "it, give more addresses, as in --source 127.0.0.2,127.0.0.3, or widen the range: "
                'sysctl net.ipv4.ip_local_port_range="1024 65535"',
            )


def _check_ports(level: int, workers: Sequence[WorkerLimits], sources: int) -> None:
    # A connection is told from others to the same address and port by its local address and port alone.
    sharing = Counter(limits.network for limits in workers)
    for limits in workers:
        if limits.ports is None:
            continue
        sharers = 1 if limits.network is None else sharing[limits.network]
        need = min(level, sharers * _share(level, workers))
        have = limits.ports * sources
        if need > have:
            raise PlanError(
                "levels",
                f"{level} needs {need} local ports for one server's port, but the network of worker "
                f"{limits.worker} has {have}: lower it, give more addresses, as in "
                "--source 127.0.0.2,127.0.0.3, or widen the range: "
                'sysctl net.ipv4.ip_local_port_range="1024 65535"',
            )


def _check_worker_files(level: int, workers: Sequence[WorkerLimits]) -> None:
    if not workers:
        return
    need = _share(level, workers) + SPARE_FILES
    for limits in workers:
        if limits.open_files is not None and need > limits.open_files:
            raise PlanError(
                "levels",
                f"{level} needs {need} open files in each of {len(workers)} workers, but worker "
                f"{limits.worker} may have {limits.open_files}: lower it, start more workers, or raise the "
                f"limit: ulimit -n {need}",
            )


def _check_server(level: int, server: ServerLimits, thread_each: bool) -> None:
    files = level + SPARE_FILES
    if server.open_files is not None and files > server.open_files:
        raise PlanError(
            "levels",
            f"{level} needs {files} open files in the server, but it may have {server.open_files}: lower it, "
            f"or start the server with a higher limit: ulimit -n {files}",
        )
    threads = level + SPARE_THREADS
    if thread_each and server.threads is not None and threads > server.threads:
        # A thread takes three mappings (stack, guard, its frames); a fourth for what it allocates.
        mappings = max(4 * threads, 262_144)
        raise PlanError(
            "levels",
            f"{level} needs {threads} threads in the server, but it may have {server.threads}: lower it, "
            "choose a mode without a thread for each connection (queue=N), or raise what limits them: "
            f"sysctl vm.max_map_count={mappings}, kernel.threads-max, ulimit -u",
        )


def _share(level: int, workers: Sequence[WorkerLimits]) -> int:
    """The maximum of connections that one worker carries."""
    return -(-level // len(workers))
