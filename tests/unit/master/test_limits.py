"""Runs that the system has no room for are refused, with the limit, the need and the remedy."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.control import WorkerLimits
from lockstep.errors import PlanError
from lockstep.master.limits import (
    SPARE_FILES,
    SPARE_THREADS,
    ServerLimits,
    check_capacity,
    check_turnover,
    ways_out,
)
from lockstep.tcp.addresses import Address
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.traffic import Arrival, Traffic
from lockstep.worker.limits import own_limits, port_count, raise_open_files


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


def test_a_port_range_includes_both_its_ends() -> None:
    assert port_count("32768\t60999\n") == 28232


def turning(ports: int | None, reuse: int | None, network: str | None = "n") -> list[WorkerLimits]:
    return [WorkerLimits(name, None, ports, network, reuse) for name in ("w1", "w2")]


def turn_over(
    rate_per_s: float, cell_s: float | None, workers: list[WorkerLimits], sources: int, loopback: bool
) -> None:
    """Sessions at that rate, from so many sources."""
    traffic = Traffic(
        arrival=Arrival("poisson", rate_per_s),
        sources=tuple(f"127.0.0.{number + 1}" for number in range(sources)),
    )
    address = Address(socket.AF_INET, ("127.0.0.1" if loopback else "192.0.2.1", 80))
    check_turnover(traffic, lambda held_s: min(held_s, cell_s or held_s), workers, [address])


@pytest.mark.parametrize("traffic", [Traffic(), Traffic("persistent", arrival=Arrival("constant", 10_000.0))])
def test_connections_that_stay_or_whose_rate_nobody_knows_are_let_through(traffic: Traffic) -> None:
    check_turnover(traffic, float, turning(1, 0), [Address(socket.AF_INET, ("192.0.2.1", 80))])


@pytest.mark.parametrize(
    ("rate_per_s", "cell_s", "workers", "sources", "loopback"),
    [
        pytest.param(5, None, turning(300, 0), 1, True, id="as many as come free in a minute"),
        pytest.param(100, 3, turning(300, 0), 1, True, id="a cell that is over before"),
        pytest.param(20, None, turning(300, 0), 4, True, id="more sources"),
        pytest.param(300, None, turning(300, 2), 1, True, id="used again after a second on one machine"),
        pytest.param(300, None, turning(300, 1), 1, False, id="used again after a second everywhere"),
        pytest.param(10, None, turning(300, 0, None), 1, True, id="workers with ports of their own"),
        pytest.param(10_000, None, turning(None, 0), 1, True, id="ports are unknown"),
        pytest.param(10_000, None, turning(300, None), 1, True, id="reuse is unknown"),
        pytest.param(10_000, None, [], 1, True, id="no workers to ask"),
    ],
)
def test_a_rate_for_which_there_are_ports_enough_is_let_through(
    rate_per_s: float, cell_s: float | None, workers: list[WorkerLimits], sources: int, loopback: bool
) -> None:
    turn_over(rate_per_s, cell_s, workers, sources, loopback)


@pytest.mark.parametrize(
    ("rate_per_s", "cell_s", "workers", "loopback", "told"),
    [
        (5.1, None, turning(300, 0), True, r"5.1 connections .* take 306 local ports.* 60 s .* has 300"),
        (101, 3, turning(300, 0), True, "take 303 local ports"),
        (301, None, turning(300, 2), True, "take 301 local ports.* 1 s"),
        (6, None, turning(300, 2), False, "take 360 local ports"),
        (11, None, turning(300, 0, None), True, "take 330 local ports"),
    ],
)
def test_a_rate_that_would_use_up_the_ports_is_refused_with_the_arithmetic(
    rate_per_s: float, cell_s: float | None, workers: list[WorkerLimits], loopback: bool, told: str
) -> None:
    with pytest.raises(PlanError, match=told) as refusal:
        turn_over(rate_per_s, cell_s, workers, 0, loopback)
    assert refusal.value.what == "rate"
    assert "--source" in str(refusal.value)


def test_own_limits_are_those_of_the_process_and_its_network() -> None:
    limits = own_limits("w9")
    assert limits.worker == "w9"
    assert limits.open_files is None or limits.open_files > 0
    assert limits.ports is not None
    assert limits.ports > 0
    assert limits.network is not None
    assert limits.network == own_limits("w8").network
    assert limits.reuse in (0, 1, 2)


def test_what_the_system_hides_is_unknown(tmp_path: Path) -> None:
    limits = own_limits("w9", tmp_path)
    assert (limits.ports, limits.network, limits.reuse) == (None, None, None)


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


def test_a_unix_socket_takes_no_local_port() -> None:
    few = [WorkerLimits("w1", None, 10, "net")]
    endpoint = Endpoint("/run/it.sock", scheme=Scheme.UNIX)
    traffic, workers = ways_out(endpoint, Traffic(), few)
    check_capacity(5_000, workers, None, len(traffic.sources))
    with pytest.raises(PlanError, match="local ports"):
        check_capacity(5_000, few, None, 0)


@pytest.mark.parametrize(
    ("given", "used"), [((), ("127.0.0.2", "127.0.0.3")), (("127.0.0.9",), ("127.0.0.9",))]
)
def test_sources_of_the_url_have_ports_of_their_own_unless_others_are_given(
    given: tuple[str, ...], used: tuple[str, ...]
) -> None:
    endpoint = Endpoint.parse("tcp://127.0.0.1:80?source=127.0.0.2-127.0.0.3")
    assert ways_out(endpoint, Traffic(sources=given), [])[0].sources == used
