"""What a machine's limits let a load be, and which more of it meets first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lockstep.control import WorkerLimits
from lockstep.doctor.limits import CONNECTION_BYTES, Limit, Needs, crowded, doubts, first, limits_of
from lockstep.doctor.machine import Machine
from lockstep.errors import PlanError
from lockstep.master.limits import SPARE_FILES, SPARE_THREADS, ServerLimits, check_capacity

MACHINE = Machine(4, None, 1_000_000 * CONNECTION_BYTES, 4096, "tsc")
WORKER = WorkerLimits("w", 10_000, 28_000, "n", reuse=0)
SERVER = ServerLimits(50_000, 30_000)
NEEDS = Needs(100, 50.0, 2)


def by_name(machine: Machine = MACHINE, needs: Needs = NEEDS) -> dict[str, Limit]:
    return {each.name: each for each in limits_of(machine, WORKER, SERVER, needs)}


def test_each_limit_says_how_many_connections_it_allows() -> None:
    allowed = {name: each.allows for name, each in by_name().items()}
    assert allowed == {
        "open files of a worker": 2 * (10_000 - SPARE_FILES),
        "open files of the server": 50_000 - SPARE_FILES,
        "local ports": 28_000,
        "threads of the server, one a connection": 30_000 - SPARE_THREADS,
        "free memory": 1_000_000,
        "backlog of a listener": 4096,
        "local ports, each held after its end": 28_000 / 60,
    }


def test_the_first_that_more_connections_meet_is_the_least() -> None:
    found = limits_of(MACHINE, WORKER, SERVER, NEEDS)
    least = first(found)
    assert least is not None
    assert least.name == found[0].name == "open files of a worker"


@pytest.mark.parametrize("connections", [19_872, 19_873, 28_001, 49_937])
def test_what_binds_is_what_a_run_is_refused_for(connections: int) -> None:
    """The doctor and the refusal of a run speak of the same numbers."""
    needs = replace(NEEDS, connections=connections)
    binds = [each.name for each in limits_of(MACHINE, WORKER, SERVER, needs) if each.binds]
    try:
        check_capacity(connections, [WORKER, replace(WORKER, worker="x")], SERVER, 0)
    except PlanError:
        assert binds
    else:
        assert not binds


def test_more_addresses_have_more_ports() -> None:
    four = by_name(needs=replace(NEEDS, sources=4))
    assert four["local ports"].allows == 112_000
    assert four["local ports, each held after its end"].allows == pytest.approx(112_000 / 60)


def test_an_open_load_may_open_too_many_a_second() -> None:
    held = by_name(needs=replace(NEEDS, opened_per_s=500.0))["local ports, each held after its end"]
    assert held.binds
    assert not by_name(needs=replace(NEEDS, opened_per_s=None))[held.name].binds


def test_what_is_not_limited_never_binds() -> None:
    found = limits_of(Machine(4), WorkerLimits("w", None, None, "n"), ServerLimits(None, None), NEEDS)
    assert not [each for each in found if each.binds]
    assert first(found) is None


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        (MACHINE, []),
        (replace(MACHINE, quota=4.0), []),
        (replace(MACHINE, quota=1.5), ["a quota of 1.5 CPUs"]),
        (replace(MACHINE, clock="hpet"), ["the clock source is hpet"]),
        (replace(MACHINE, clock=None), []),
    ],
)
def test_what_is_in_every_figure_is_said(machine: Machine, said: list[str]) -> None:
    assert [line[: len(words)] for line, words in zip(doubts(machine), said, strict=True)] == said


@pytest.mark.parametrize(
    ("cores", "quota", "processes", "said"),
    [(4, None, 3, False), (4, None, 4, True), (4, 2.0, 2, True), (2, 8.0, 1, False)],
)
def test_more_processes_than_cpus_are_told(
    cores: int, quota: float | None, processes: int, said: bool
) -> None:
    assert (crowded(Machine(cores, quota), processes) is not None) == said
