"""What each of a machine's limits lets a load be, and which more of it meets first. Arithmetic only.

The refusals of a run that does not fit are in master/limits.py, and the same numbers stand behind both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lockstep.control import WorkerLimits
from lockstep.doctor.machine import Machine
from lockstep.master.limits import HELD_FOR_REUSE_S, HELD_S, SPARE_FILES, SPARE_THREADS, ServerLimits

# Of a connection between a worker and a `free` server on one machine, measured over 500 to 4,000 of them:
# 13 KiB for its user, 15 KiB for its thread in the server, and the kernel's for two sockets.
CONNECTION_BYTES = 32 << 10
WIDER = 'sysctl net.ipv4.ip_local_port_range="1024 65535"'
# Read from user space in some 20 ns; others take a microsecond or a system call, every time.
QUICK_CLOCKS = ("tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter")


@dataclass(frozen=True, slots=True)
class Needs:
    """What a load takes.

    connections: at once; None where that is what is looked for. opened_per_s: arrivals that open one each;
    None where a load is closed, or its connections stay. processes: workers. sources: local addresses that
    connections go out from.
    """

    connections: int | None
    opened_per_s: float | None
    processes: int
    sources: int = 1


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit. here: what it is, in words. allows: so many `of` at most, None where it limits nothing.

    needs: what the load takes of it; None where that is no number. remedy: how there is more.
    """

    name: str
    here: str
    of: str
    allows: float | None
    needs: float | None
    remedy: str

    @property
    def binds(self) -> bool:
        """Whether the load does not fit."""
        return self.allows is not None and self.needs is not None and self.needs > self.allows


CONNECTIONS, OPENED = "connections", "connections a second"


def limits_of(machine: Machine, worker: WorkerLimits, server: ServerLimits, needs: Needs) -> list[Limit]:
    """What limits connections, the least first, and then what limits how many are opened a second."""
    found = [*_of_connections(machine, worker, server, needs), *_of_rates(worker, needs)]
    return sorted(found, key=lambda each: (each.of != CONNECTIONS, each.allows or float("inf")))


def first(limits: Sequence[Limit]) -> Limit | None:
    """The one that more connections meet first."""
    known = [each for each in limits if each.of == CONNECTIONS and each.allows is not None]
    return min(known, key=lambda each: each.allows or 0, default=None)


def doubts(machine: Machine) -> Iterator[str]:
    """What limits no number of connections and yet is in every figure, in words with a remedy."""
    if machine.quota is not None and machine.quota < machine.cores:
        yield (
            f"a quota of {machine.quota:g} CPUs stops all threads at once, for up to 100 ms, when it is used "
            "up: give whole cores (cpuset) instead"
        )
    if machine.clock is not None and machine.clock not in QUICK_CLOCKS:
        yield (
            f"the clock source is {machine.clock}, slow to read, and every time is read from it: choose tsc "
            "where the machine has it (/sys/devices/system/clocksource)"
        )


def crowded(machine: Machine, processes: int) -> str | None:
    """Where workers and a server have fewer CPUs here than they are, in words; else None."""
    cores = machine.cores if machine.quota is None else min(machine.cores, machine.quota)
    if processes + 1 <= cores:
        return None
    return (
        f"{processes} workers and a server share {cores:g} CPUs: what they take from each other is in the "
        "figures; use fewer --processes, or workers on machines of their own"
    )


def _of_connections(
    machine: Machine, worker: WorkerLimits, server: ServerLimits, needs: Needs
) -> Iterator[Limit]:
    files = _less(worker.open_files, SPARE_FILES)
    yield Limit(
        "open files of a worker",
        _count(worker.open_files),
        CONNECTIONS,
        None if files is None else files * needs.processes,
        needs.connections,
        "more --processes, or ulimit -n",
    )
    yield Limit(
        "open files of the server",
        _count(server.open_files),
        CONNECTIONS,
        _less(server.open_files, SPARE_FILES),
        needs.connections,
        "ulimit -n before the server starts",
    )
    yield Limit(
        "local ports",
        _count(worker.ports),
        CONNECTIONS,
        None if worker.ports is None else worker.ports * needs.sources,
        needs.connections,
        f"--source 127.0.0.2,127.0.0.3, or {WIDER}",
    )
    yield Limit(
        "threads of the server, one a connection",
        _count(server.threads),
        CONNECTIONS,
        _less(server.threads, SPARE_THREADS),
        needs.connections,
        "sysctl vm.max_map_count, kernel.threads-max, ulimit -u, or queue=N",
    )
    memory = machine.memory_bytes
    yield Limit(
        "free memory",
        "not told" if memory is None else f"{memory / 2**30:.1f} GiB",
        CONNECTIONS,
        None if memory is None else memory // CONNECTION_BYTES,
        needs.connections,
        f"free some: a connection takes {CONNECTION_BYTES >> 10} KiB",
    )
    yield Limit(
        "backlog of a listener",
        _count(machine.backlog),
        "connects at once",
        machine.backlog,
        None,
        "sysctl net.core.somaxconn",
    )


def _of_rates(worker: WorkerLimits, needs: Needs) -> Iterator[Limit]:
    if worker.ports is None:
        return
    # Towards this machine itself a port is free again sooner where tcp_tw_reuse is 2.
    held_s = HELD_FOR_REUSE_S if worker.reuse in (1, 2) else HELD_S
    yield Limit(
        "local ports, each held after its end",
        f"for {held_s:g} s",
        OPENED,
        worker.ports * needs.sources / held_s,
        needs.opened_per_s,
        f"--source 127.0.0.2,127.0.0.3, or {WIDER}",
    )


def _less(limit: int | None, spare: int) -> int | None:
    return None if limit is None else max(limit - spare, 0)


def _count(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,}"
