"""How this worker process fares while it makes load: whether the figures are the server's or its own."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import gevent
from hdrh.histogram import HdrHistogram

from lockstep.control import Health
from lockstep.runs.histograms import HIGHEST_NS, encoded
from lockstep.worker.alarm import Alarm
from lockstep.worker.limits import open_files_limit
from lockstep.worker.pacer import WakeUp

_MOUNT = "sys/fs/cgroup"


class CpuGroups:
    """The groups of this process that limit its processor time. root: where `proc` and `sys` are."""

    def __init__(self, root: Path = Path("/")) -> None:
        text = _text(root / "proc/self/cgroup")
        self._folders = [] if text is None else [root / folder for folder in group_folders(text)]

    def quota_cores(self) -> float | None:
        """The tightest quota, in cores: 0.5 is half of one. None where there is none."""
        quotas = [self._quota(folder) for folder in self._folders]
        return min((quota for quota in quotas if quota is not None), default=None)

    def throttled_ns(self) -> int | None:
        """How long the groups have been kept from running since they were made, in ns; they only grow."""
        texts = [_text(folder / "cpu.stat") for folder in self._folders]
        times = [throttled_ns(text) for text in texts if text is not None]
        known = [time for time in times if time is not None]
        return sum(known) if known else None

    @staticmethod
    def _quota(folder: Path) -> float | None:
        together = _text(folder / "cpu.max")
        if together is not None:
            return quota_cores(together)
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        return None if quota is None or period is None else quota_cores(f"{quota.strip()} {period.strip()}")


def group_folders(text: str) -> list[str]:
    """The folders of the groups in /proc/self/cgroup that may limit the processor, innermost first.

    Relative to /. A container may not see all of them; its own group is then the mount itself, the last.
    """
    unified = None
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            return _upwards(f"{_MOUNT}/{controllers}", path)
        if not controllers:
            unified = path
    return [] if unified is None else _upwards(_MOUNT, unified)


def quota_cores(text: str) -> float | None:
    """`50000 100000`, quota and period in microseconds, is 0.5; None for `max 100000` and `-1 100000`."""
    quota, period = text.split()
    return None if quota in {"max", "-1"} else int(quota) / int(period)


def throttled_ns(text: str) -> int | None:
    """The throttled time out of a group's cpu.stat; None where the group does not count it."""
    rows = dict(line.split(" ", 1) for line in text.splitlines())
    if "throttled_usec" in rows:
        return int(rows["throttled_usec"]) * 1_000
    return int(rows["throttled_time"]) if "throttled_time" in rows else None


def _upwards(mount: str, path: str) -> list[str]:
    inner = PurePosixPath(path.lstrip("/"))
    # A path that leads out of what the process can see: only the mount is left.
    groups = [] if ".." in inner.parts else [part for part in (inner, *inner.parents) if part.parts]
    return [*(f"{mount}/{group}" for group in groups), mount]


def _text(file: Path) -> str | None:
    try:
        return file.read_text()
    except OSError:  # not this version of cgroups, not this controller, or not for our eyes
        return None


TICK_NS = 20_000_000
# To one part in a hundred: a lateness is judged by its size.
SIGNIFICANT_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Usage:
    """A moment's readings: the clock, the processor time of all threads, and the time throttled; all ns."""

    at_ns: int
    cpu_ns: int
    throttled_ns: int | None


class HealthMonitor:
    """Watches one worker during one cell, from `start` to `stop`. root: where `proc` and `sys` are.

    Cost: fifty wake-ups a second, and one open file.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._groups = CpuGroups(root)
        # One process runs Python on one core at a time.
        self._cores = min(self._groups.quota_cores() or 1.0, 1.0)
        self._open_files: int | None = None
        self._last: Health | None = None

    def start(self) -> None:
        """Begin to watch; once for each monitor."""
        self._began = self._usage()
        self._alarm = Alarm()
        self._lag = LoopLag(self._alarm)
        self._lag.start()

    def take(self) -> Health:
        """Everything since the start. After `stop`: as it was then."""
        if self._last is not None:
            return self._last
        now = self._usage()
        files = open_files(self._root / "proc/self/fd")
        if files is not None:
            self._open_files = max(files, self._open_files or 0)
        return Health(
            cpu_share=cpu_share(self._began, now, self._cores),
            # Encoded as it is: to sum it up here would stop the loop for many milliseconds.
            loop_lag=encoded(self._lag.histogram),
            throttled_s=throttled_s(self._began, now),
            open_files=self._open_files,
            open_files_limit=open_files_limit(),
            resident_bytes=self._resident_bytes(),
        )

    def stop(self) -> None:
        """Watch no longer. Stopping again does nothing."""
        if self._last is None:
            self._last = self.take()
            self._lag.stop()
            self._alarm.close()

    def _usage(self) -> Usage:
        return Usage(time.monotonic_ns(), time.process_time_ns(), self._groups.throttled_ns())

    def _resident_bytes(self) -> int | None:
        try:
            text = (self._root / "proc/self/statm").read_text()
        except OSError:  # no procfs here
            return None
        return resident_bytes(text, resource.getpagesize())


def cpu_share(before: Usage, after: Usage, cores: float) -> float:
    """Processor time over what `cores` gave meanwhile; above 1 where other threads ran too."""
    wall_ns = after.at_ns - before.at_ns
    return (after.cpu_ns - before.cpu_ns) / (wall_ns * cores) if wall_ns > 0 else 0.0


def throttled_s(before: Usage, after: Usage) -> float | None:
    """Seconds for which the control groups kept the process from running; None where they do not tell."""
    if before.throttled_ns is None or after.throttled_ns is None:
        return None
    return (after.throttled_ns - before.throttled_ns) / 1e9


def resident_bytes(statm: str, page_bytes: int) -> int:
    """The resident set out of /proc/self/statm, whose second number is in pages (proc_pid_statm(5))."""
    return int(statm.split()[1]) * page_bytes


def open_files(folder: Path) -> int | None:
    """How many files this process has open; folder is /proc/self/fd. None where there is none."""
    try:
        # Since Linux 6.2 the folder's size is the count, at once. Before, it is 0, and 20,000 entries take
        # tens of milliseconds to read.
        if count := folder.stat().st_size:
            return count
        with os.scandir(folder) as entries:
            return sum(1 for _ in entries) - 1  # the folder itself is open too
    except OSError:  # no procfs here, or no file left to open it with
        return None


class LoopLag:
    """A greenlet that wants to be woken every 20 ms and notes how late it was.

    Ticks are due at fixed moments: a loop that stood still for a second missed fifty, and each counts with
    its own lateness, or a long halt would weigh no more than a short one (coordinated omission: Tene, 2013).
    histogram: in nanoseconds. alarm: for this greenlet alone; whoever made it closes it, after `stop`.
    """

    def __init__(self, alarm: WakeUp, clock: Callable[[], int] = time.monotonic_ns) -> None:
        self.histogram = HdrHistogram(1, HIGHEST_NS, SIGNIFICANT_DIGITS)
        self._alarm = alarm
        self._clock = clock
        self._due_ns = 0
        self._greenlet = gevent.Greenlet(self._run)

    def start(self) -> None:
        """The first tick is due 20 ms from now. Once."""
        self._due_ns = self._clock()
        self._greenlet.start()

    def stop(self) -> None:
        """No more ticks."""
        self._greenlet.kill(block=False)

    def _run(self) -> None:
        while True:
            self._due_ns += TICK_NS
            self._alarm.wait_until(self._due_ns)
            self.histogram.record_value(min(max(self._clock() - self._due_ns, 1), HIGHEST_NS))
