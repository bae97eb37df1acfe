"""Runs that the system has no room for are refused, with the limit, the need and the remedy."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtest.master.capacity import (
    SPARE_FILES,
    SPARE_THREADS,
    ServerLimits,
    WorkerLimits,
    check_capacity,
    own_limits,
    port_count,
    raise_open_files,
    thread_each,
)
from loadtest.plan import PlanError


def worker(
    name: str = "w1", open_files: int | None = None, ports: int | None = None, network: str | None = "n"
) -> WorkerLimits:
    return WorkerLimits(name, open_files, ports, network)


def two(**limits: Any) -> list[WorkerLimits]:
    return [worker("w1", **limits), worker("w2", **limits)]


@pytest.mark.parametrize(
    ("level", "workers", "server", "sources"),
    [
        pytest.param(100_000, [worker()], None, 1, id="no limits"),
        pytest.param(100_000, [], None, 1, id="no workers to ask"),
        pytest.param(100, two(ports=100), None, 1, id="just enough ports"),
        pytest.param(100, two(ports=100), None, 0, id="no address named"),
        pytest.param(300, two(ports=100), None, 3, id="three addresses"),
        pytest.param(
            200, [worker(ports=100), worker(ports=100, network="other")], None, 1, id="ports of their own"
        ),
        pytest.param(200, two(ports=100, network=None), None, 1, id="networks that are not known"),
        pytest.param(100, two(open_files=50 + SPARE_FILES), None, 1, id="just enough files"),
        pytest.param(
            100, [worker()], ServerLimits(100 + SPARE_FILES, 100 + SPARE_THREADS), 1, id="a server with room"
        ),
        pytest.param(100, [worker()], ServerLimits(None, None), 1, id="a server that tells nothing"),
    ],
)
def test_a_run_that_fits_is_let_through(
    level: int, workers: list[WorkerLimits], server: ServerLimits | None, sources: int
) -> None:
    check_capacity(level, workers, server, sources)


@pytest.mark.parametrize(
    ("level", "workers", "server", "sources", "words"),
    [
        pytest.param(
            101,
            two(ports=100),
            None,
            1,
            [
                "101 local ports",
                "w1 has 100",
                "--source 127.0.0.2,127.0.0.3",
                'ip_local_port_range="1024 65535"',
            ],
            id="workers share ports",
        ),
        pytest.param(301, two(ports=100), None, 3, ["has 300"], id="three addresses are too few"),
        pytest.param(
            300,
            [*two(ports=1000), worker("w3", ports=99, network="other")],
            None,
            1,
            ["100 local ports", "w3 has 99"],
            id="one network is smaller",
        ),
        pytest.param(
            101,
            [worker("w1"), worker("w2", open_files=114)],
            None,
            1,
            ["115 open files in each of 2 workers", "w2 may have 114", "more workers", "ulimit -n 115"],
            id="a worker's files",
        ),
        pytest.param(
            100,
            [worker()],
            ServerLimits(163, None),
            1,
            ["164 open files in the server", "may have 163", "ulimit -n 164"],
            id="the server's files",
        ),
        pytest.param(
            100,
            [worker()],
            ServerLimits(None, 115),
            1,
            ["116 threads in the server", "may have 115", "sysctl vm.max_map_count"],
            id="the server's threads",
        ),
    ],
)
def test_a_run_without_room_is_refused_in_one_line(
    level: int, workers: list[WorkerLimits], server: ServerLimits | None, sources: int, words: list[str]
) -> None:
    with pytest.raises(PlanError) as refusal:
        check_capacity(level, workers, server, sources)
    assert refusal.value.what == "levels"
    message = str(refusal.value)
    assert "\n" not in message
    assert [word for word in words if word not in message] == []


def test_a_mode_without_a_thread_for_each_connection_needs_only_files() -> None:
    check_capacity(100, [worker()], ServerLimits(None, 5), 1, thread_each=False)
    with pytest.raises(PlanError, match="open files in the server"):
        check_capacity(100, [worker()], ServerLimits(5, None), 1, thread_each=False)


@pytest.mark.parametrize(
    ("mode", "each"),
    [
        ("free", True),
        ("lock", True),
        ("semaphore=4/message", True),
        ("ticket", True),
        ("queue=4", False),
        ("iterative", False),
    ],
)
def test_modes_are_told_apart_by_who_waits_in_a_thread(mode: str, each: bool) -> None:
    assert thread_each(mode) is each


def test_a_port_range_includes_both_its_ends() -> None:
    assert port_count("32768\t60999\n") == 28232


def test_own_limits_are_those_of_the_process_and_its_network() -> None:
    limits = own_limits("w9")
    assert limits.worker == "w9"
    assert limits.open_files is None or limits.open_files > 0
    assert limits.ports is not None
    assert limits.ports > 0
    assert limits.network is not None
    assert limits.network == own_limits("w8").network


def test_what_the_system_hides_is_unknown(tmp_path: Path) -> None:
    limits = own_limits("w9", tmp_path)
    assert (limits.ports, limits.network) == (None, None)


@pytest.fixture
def files_limit() -> Iterator[tuple[int, int]]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_soft_limit_is_raised_to_the_hard_one(files_limit: tuple[int, int]) -> None:
    _, hard = files_limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    assert own_limits("w").open_files == 200
    raise_open_files()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
