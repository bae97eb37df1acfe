"""What a service gives to the tool that came with it, and to `lockstep run`: messages a second, median."""

from __future__ import annotations

import csv
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.processes import ON_LOAD_CORE, ROOT, ToolError, python, running
from bench.run_summary import read_document
from bench.services import LOOPBACK, program
from lockstep.errors import DEGRADED, DONE

DIALOGUES = ROOT / "bench" / "dialogues"
BOUND_S = 120.0
# So many requests say how many more a measurement takes.
PROBE_REQUESTS = 20_000
# pgbench logs each transaction, which would cost it time: of so many it does.
LOGGED = 0.1


@dataclass(frozen=True, slots=True)
class Load:
    """per_s: messages answered in a second of the wall clock. p50_us, mean_us: their times, microseconds."""

    per_s: float
    p50_us: float
    mean_us: float

    @property
    def in_flight(self) -> float:
        """How many messages were on their way at once, on average: Little's law."""
        return self.per_s * self.mean_us / 1e6

    def told(self) -> str:
        """In words, for a line of progress."""
        rate, median = f"{self.per_s:,.0f} messages per second", f"median {self.p50_us:,.0f} µs"
        return f"{rate}, {median}, {self.in_flight:.1f} in flight"


def lockstep_run(dialogue: str, port: int, connections: int, seconds: float) -> Load:
    """`lockstep run` of one of the bench's dialogues, all of its processes on the load's core."""
    with TemporaryDirectory() as out:
        command = python("-m", "lockstep", "run", str(DIALOGUES / dialogue), "--out", out)
        command += ["--target", f"tcp://{LOOPBACK}:{port}", "--users", str(connections), "--processes", "1"]
        command += ["--warmup", "0.5", "--seconds", f"{seconds:g}"]
        with running("lockstep run", command, ON_LOAD_CORE) as process:
            code = process.wait(seconds + BOUND_S)
            if code not in (DONE, DEGRADED):
                raise ToolError(f"lockstep run ended with {code}: {process.last_words()}")
        (cell,) = read_document(Path(out))["cells"]
    if failed := cell["ledger"]["failed"]:
        raise ToolError(f"lockstep run: {failed:,} messages failed: {cell['examples']}")
    response = cell["times"].get("response")
    if response is None:
        raise ToolError("lockstep run: its window was too short to give times: give more with --seconds")
    return Load(cell["messages_per_s"], response["p50"], response["mean"])


def redis_benchmark(test: str, port: int, connections: int, seconds: float) -> Load:
    """One thread, no pipeline. test: as its option -t takes it."""
    probe = _redis_benchmark(test, port, connections, PROBE_REQUESTS)
    return _redis_benchmark(test, port, connections, max(PROBE_REQUESTS, round(probe.per_s * seconds)))


def _redis_benchmark(test: str, port: int, connections: int, requests: int) -> Load:
    command = [program("redis-benchmark"), "-h", LOOPBACK, "-p", str(port), "-c", str(connections)]
    command += ["-n", str(requests), "-t", test, "--csv"]
    with running("redis-benchmark", command, ON_LOAD_CORE) as tool:
        tool.wait(BOUND_S)
        return load_of_csv(tool.said())


def load_of_csv(output: str) -> Load:
    """Out of what `redis-benchmark --csv` prints for one test. ToolError where there is no such table."""
    lines = output.strip().splitlines()
    heads = next((number for number, line in enumerate(lines) if line.startswith('"test"')), None)
    if heads is None or heads + 1 >= len(lines):
        raise ToolError(f"redis-benchmark: no table in its output: {lines[-1:]}")
    (row,) = csv.DictReader(lines[heads : heads + 2])
    return Load(float(row["rps"]), float(row["p50_latency_ms"]) * 1000, float(row["avg_latency_ms"]) * 1000)


def pgbench(script: str, port: int, connections: int, seconds: float) -> Load:
    """One thread, simple queries. script: one of the bench's."""
    whole_s = max(1, round(seconds))
    with TemporaryDirectory() as folder:
        command = [program("pgbench"), "-h", LOOPBACK, "-p", str(port), "-U", "postgres"]
        command += [
            "-n",
            "-M",
            "simple",
            "-f",
            str(DIALOGUES / script),
            "-c",
            str(connections),
            "-j",
            "1",
            "-T",
            str(whole_s),
        ]
        command += ["--log", f"--log-prefix={folder}/log", f"--sampling-rate={LOGGED}", "postgres"]
        with running("pgbench", command, ON_LOAD_CORE) as tool:
            code = tool.wait(whole_s + BOUND_S)
            if code != 0:
                raise ToolError(f"pgbench ended with {code}: {tool.last_words()}")
            per_s = tps_of(tool.said())
        logs = [line for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    times_us = times_us_of_log(logs)
    if not times_us:
        raise ToolError("pgbench: nothing in its log: give it more seconds")
    return Load(per_s, statistics.median(times_us), statistics.fmean(times_us))


def tps_of(output: str) -> float:
    """Transactions a second out of what pgbench prints. ToolError where it tells none."""
    for line in output.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise ToolError("pgbench: no `tps` in its output")


def times_us_of_log(lines: Iterable[str]) -> list[float]:
    """Of pgbench's log: the third column of each line, microseconds."""
    return [float(line.split()[2]) for line in lines]
