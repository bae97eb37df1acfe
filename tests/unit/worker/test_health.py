"""A worker's own condition: what the system says of it, and how late its event loop is."""

from __future__ import annotations

import os
import time
from pathlib import Path

import gevent
import msgpack
import pytest

from lockstep.control import Health
from lockstep.measure.collector import worker_health
from lockstep.runs import histograms as distribution
from lockstep.worker.alarm import Alarm
from lockstep.worker.health import (
    TICK_NS,
    CpuGroups,
    HealthMonitor,
    LoopLag,
    Usage,
    cpu_share,
    group_folders,
    open_files,
    quota_cores,
    resident_bytes,
    throttled_ns,
    throttled_s,
)
from tests.support.hand_clock import HandClock, settle

FD = Path("/proc/self/fd")
V2_STAT = "usage_usec 5\nnr_periods 4\nnr_throttled 2\nthrottled_usec 1500\n"
V1_STAT = "nr_periods 4\nnr_throttled 2\nthrottled_time 1500000\n"


@pytest.mark.parametrize(
    ("text", "folders"),
    [
        pytest.param("0::/\n", ["sys/fs/cgroup"], id="version 2, in a container"),
        pytest.param("0::/a/b\n", ["sys/fs/cgroup/a/b", "sys/fs/cgroup/a", "sys/fs/cgroup"], id="version 2"),
        pytest.param("0::/../x\n", ["sys/fs/cgroup"], id="outside what is seen"),
        pytest.param(
            "12:memory:/m\n4:cpu,cpuacct:/a\n0::/u\n",
            ["sys/fs/cgroup/cpu,cpuacct/a", "sys/fs/cgroup/cpu,cpuacct"],
            id="version 1, beside 2",
        ),
        pytest.param(
            "2:cpuacct:/\n1:cpu:/a:b\n", ["sys/fs/cgroup/cpu/a:b", "sys/fs/cgroup/cpu"], id="a colon"
        ),
        pytest.param("3:cpuset:/\n", [], id="no group for the processor"),
        pytest.param("", [], id="no groups at all"),
    ],
)
def test_the_groups_that_limit_the_processor_are_found(text: str, folders: list[str]) -> None:
    assert group_folders(text) == folders


@pytest.mark.parametrize(
    ("text", "cores"),
    [("max 100000\n", None), ("-1 100000", None), ("50000 100000\n", 0.5), ("400000 100000", 4.0)],
)
def test_a_quota_is_told_in_cores(text: str, cores: float | None) -> None:
    assert quota_cores(text) == cores


@pytest.mark.parametrize(
    ("text", "time_ns"), [(V2_STAT, 1_500_000), (V1_STAT, 1_500_000), ("usage_usec 5\n", None), ("", None)]
)
def test_the_throttled_time_is_told_in_nanoseconds(text: str, time_ns: int | None) -> None:
    assert throttled_ns(text) == time_ns


V2, V1 = "sys/fs/cgroup", "sys/fs/cgroup/cpu"


@pytest.mark.parametrize(
    ("files", "cores", "throttled"),
    [
        pytest.param({}, None, None, id="nothing can be read"),
        pytest.param({"proc/self/cgroup": "0::/"}, None, None, id="a group that tells nothing"),
        pytest.param(
            {"proc/self/cgroup": "0::/", f"{V2}/cpu.max": "20000 100000", f"{V2}/cpu.stat": V2_STAT},
            0.2,
            1_500_000,
            id="version 2",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "0::/a/b",
                f"{V2}/a/b/cpu.max": "200000 100000",
                f"{V2}/a/cpu.max": "50000 100000",
                f"{V2}/a/cpu.stat": V2_STAT,
                f"{V2}/a/b/cpu.stat": V2_STAT,
            },
            0.5,
            3_000_000,
            id="the outer group is tighter",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/seen/from/outside",
                f"{V1}/cpu.cfs_quota_us": "25000\n",
                f"{V1}/cpu.cfs_period_us": "50000\n",
                f"{V1}/cpu.stat": V1_STAT,
            },
            0.5,
            1_500_000,
            id="version 1, in a container",
        ),
        pytest.param(
            {
                "proc/self/cgroup": "1:cpu:/",
                f"{V1}/cpu.cfs_quota_us": "-1\n",
                f"{V1}/cpu.cfs_period_us": "100000\n",
            },
            None,
            None,
            id="version 1 without a quota",
        ),
    ],
)
def test_a_process_is_under_the_limits_of_all_its_groups(
    tmp_path: Path, files: dict[str, str], cores: float | None, throttled: int | None
) -> None:
    write(tmp_path, files)
    groups = CpuGroups(tmp_path)
    assert (groups.quota_cores(), groups.throttled_ns()) == (cores, throttled)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("cpu_ns", "wall_ns", "cores", "share"),
    [
        (500, 1000, 1.0, 0.5),
        (500, 1000, 0.5, 1.0),
        (1500, 1000, 1.0, 1.5),
        (0, 1000, 1.0, 0.0),
        (7, 0, 1.0, 0.0),
    ],
)
def test_the_share_is_of_what_the_process_can_have(
    cpu_ns: int, wall_ns: int, cores: float, share: float
) -> None:
    assert cpu_share(Usage(100, 50, None), Usage(100 + wall_ns, 50 + cpu_ns, None), cores) == share


@pytest.mark.parametrize(
    ("before", "after", "seconds"), [(10**9, 3 * 10**9, 2.0), (None, 5, None), (5, None, None), (5, 5, 0.0)]
)
def test_throttled_is_what_was_added(before: int | None, after: int | None, seconds: float | None) -> None:
    assert throttled_s(Usage(0, 0, before), Usage(1, 0, after)) == seconds


def test_the_resident_set_is_the_second_number_in_pages() -> None:
    assert resident_bytes("765 442 414 5 0 123 0\n", 4096) == 442 * 4096


def test_open_files_are_counted() -> None:
    before = open_files(FD)
    assert before is not None
    more = [os.dup(0) for _ in range(10)]
    try:
        assert open_files(FD) == before + 10
    finally:
        for number in more:
            os.close(number)


def test_where_there_is_no_procfs_nothing_is_counted(tmp_path: Path) -> None:
    assert open_files(tmp_path / "absent") is None


def test_a_loop_that_stood_still_is_late_for_every_tick_that_it_missed() -> None:
    clock = HandClock(5)
    lag = LoopLag(clock, clock)
    lag.start()
    settle()
    clock.go_to(5 + TICK_NS)
    assert lag.histogram.get_total_count() == 1
    clock.go_to(5 + 5 * TICK_NS)
    lateness = distribution.of_histogram(lag.histogram)
    assert lateness is not None
    assert lateness.count == 5
    assert lateness.max == pytest.approx(3 * TICK_NS / 1000, rel=0.02)
    lag.stop()
    settle()
    clock.go_to(5 + 9 * TICK_NS)
    assert lag.histogram.get_total_count() == 5


def test_a_report_survives_the_wire_and_the_last_one_holds_all() -> None:
    monitor = HealthMonitor()
    monitor.start()
    assert worker_health("w1", monitor.take()).loop_lag_us is None
    alarm = Alarm()
    alarm.wait_until(time.monotonic_ns() + 2 * TICK_NS)
    alarm.close()
    monitor.stop()
    arrived = msgpack.unpackb(msgpack.packb(monitor.take().to_message()))
    last = worker_health("w1", Health.from_message(arrived))
    assert last.worker == "w1"
    assert last.loop_lag_us is not None
    assert last.loop_lag_us.count >= 1
    assert last.cpu_share >= 0
    assert last.resident_bytes is not None
    assert last.resident_bytes > 0
    assert last.open_files is not None
    assert last.open_files_limit is None or last.open_files < last.open_files_limit


def test_open_files_are_those_of_the_fullest_report() -> None:
    monitor = HealthMonitor()
    monitor.start()
    more = [os.dup(0) for _ in range(10)]
    full = monitor.take().open_files
    for number in more:
        os.close(number)
    monitor.stop()
    assert monitor.take().open_files == full


def test_a_monitor_without_procfs_says_what_it_can(tmp_path: Path) -> None:
    monitor = HealthMonitor(tmp_path)
    monitor.start()
    monitor.stop()
    health = worker_health("w1", monitor.take())
    assert (health.throttled_s, health.open_files, health.resident_bytes) == (None, None, None)


def test_stopping_ends_the_ticks_even_at_once_and_twice(capsys: pytest.CaptureFixture[str]) -> None:
    monitor = HealthMonitor()
    monitor.start()
    monitor.stop()
    monitor.stop()
    gevent.sleep(0)
    settle()
    assert capsys.readouterr().err == ""
    assert monitor.take() is monitor.take()
