"""What the kernel and the tools print, read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from bench import proc
from bench.experts import Load, load_of_csv, times_us_of_log, tps_of
from bench.findings import Figure, Missing
from bench.machine import cpu_model_of
from bench.ports import listens
from bench.processes import ToolError
from bench.run_summary import RunSummary, summary_of
from bench.sockperf import p50_us_of
from bench.tsung import configuration

STAT_TAIL = "S 1 7 7 0 -1 4194560 900 0 0 0 {} {} {} {} 20 0 1 0 100 1000 10 18446744073709551615"

SOCKPERF = """sockperf: Summary: Round trip is 59.981 usec
sockperf: \x1b[2;35mTotal 25830 observations\x1b[0m; each percentile contains 258.30 observations
sockperf: ---> percentile 75.000 =   63.344
sockperf: ---> percentile 50.000 =   57.094
sockperf: ---> percentile 25.000 =   52.738
"""

REDIS_BENCHMARK = """WARNING: Could not fetch server CONFIG
"test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
"PING_MBULK","9311.85","4.658","0.120","3.271","12.903","17.007","33.407"
"""

PGBENCH = """transaction type: select_1.sql
latency average = 2.105 ms
tps = 23752.431072 (without initial connection time)
"""

TCP_TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:9C40 0100007F:1F91 06 00000000:00000000 00:00000000 00000000     0
"""


@pytest.mark.parametrize("name", ["python", "a name with blanks", "beam.smp (x) 1 2 3 4"])
def test_dead_childrens_time_is_read_behind_the_commands_name_whatever_that_holds(name: str) -> None:
    assert proc.childrens_ticks_of(f"7 ({name}) " + STAT_TAIL.format(100, 20, 3, 4)) == 7


def test_a_process_is_told_the_time_that_its_own_clock_tells() -> None:
    telling = "import time\nwhile True:\n    print(time.process_time_ns(), flush=True)\n    input()"
    command = [sys.executable, "-c", telling]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        before_ns = int(process.stdout.readline())
        told_ns = proc.cpu_ns(process.pid)
        process.stdin.write("\n")
        process.stdin.flush()
        assert before_ns <= told_ns <= int(process.stdout.readline())
        process.kill()


def test_a_process_that_is_over_has_no_time() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert proc.cpu_ns(process.pid) == 0


def test_resident_memory_is_read_in_bytes() -> None:
    assert proc.resident_bytes_of("Name:\tpython\nVmHWM:\t   64 kB\nVmRSS:\t   32 kB\n") == 32 * 1024


def test_a_process_that_is_over_has_no_memory() -> None:
    assert proc.resident_bytes_of("Name:\tpython\nState:\tZ (zombie)\n") == 0


def test_sockperfs_median_is_found_among_its_percentiles() -> None:
    assert p50_us_of(SOCKPERF) == 57.094


@pytest.mark.parametrize(
    ("output", "word"),
    [
        ("sockperf: Test ended\nsockperf: No messages were received from the server.\n", "No messages"),
        ("", "said nothing"),
    ],
)
def test_sockperf_without_a_median_is_quoted(output: str, word: str) -> None:
    with pytest.raises(ToolError, match=word):
        p50_us_of(output)


@pytest.mark.parametrize(("port", "there"), [(8080, True), (8081, False), (40000, False), (80, False)])
def test_only_a_listening_socket_listens(port: int, there: bool) -> None:
    assert listens(TCP_TABLE, port) is there


def test_the_first_model_name_is_the_processors() -> None:
    assert cpu_model_of("processor\t: 0\nmodel name\t: Quick 9\nmodel name\t: Quick 9\n") == "Quick 9"
    assert cpu_model_of("processor\t: 0\n") == ""


def cell_json(**more: Any) -> dict[str, Any]:
    ledger = {"failed": 4, "explanation": ""}
    workers = {"workers_reported": 2, "workers_expected": 2}
    return {"messages": {"answered": 5}, "ledger": ledger, "times": {}, **workers, **more}


def run_json(*cells: dict[str, Any], notes: Sequence[str] = ()) -> dict[str, Any]:
    return {"run_id": "r1", "notes": list(notes), "cells": list(cells)}


def test_a_run_tells_what_was_answered_and_lost_how_long_it_opened_and_what_its_workers_take() -> None:
    health = [{"resident_bytes": 7}, {"resident_bytes": None}, {"resident_bytes": 9}]
    cell = cell_json(times={"round_trip": {"p50": 61.0}}, opening_s=1.5, health=health)
    assert summary_of(run_json(cell)) == RunSummary(5, 4, 61.0, 1.5, [7, 9], True, [])


def test_a_run_without_replies_has_no_round_trip() -> None:
    assert summary_of(run_json(cell_json())).round_trip_us is None


def test_what_explains_a_difference_in_the_ledger_is_a_note_like_the_others() -> None:
    cell = cell_json(ledger={"failed": 1, "explanation": "a lost report"})
    assert summary_of(run_json(cell, notes=["a note"])).notes == ["a note", "a lost report"]


def test_connections_that_did_not_all_open_are_an_error_in_the_runs_own_words() -> None:
    run = summary_of(run_json(cell_json(opening_s=None), notes=["the backlog is too small"]))
    with pytest.raises(ToolError, match="the backlog is too small"):
        run.all_open_s()


def test_what_was_lost_is_a_figure_that_is_to_be_nothing() -> None:
    assert list(summary_of(run_json(cell_json())).losses("run")) == [
        Figure("run: messages lost", "of 9", [4], 0)
    ]


def test_without_a_workers_last_report_what_was_lost_is_unknown_and_the_reason_is_told() -> None:
    run = summary_of(run_json(cell_json(workers_reported=1), notes=["no last report"]))
    assert list(run.losses("run")) == [Missing("run", "no last report")]


@pytest.mark.parametrize(
    "document", [run_json(), {"run_id": "r1"}, run_json(cell_json(), cell_json()), run_json(notes=["why"])]
)
def test_a_run_that_is_not_one_measured_cell_is_refused_by_its_name(document: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="r1"):
        summary_of(document)


def test_tsung_is_told_the_port_and_no_more_users_than_wanted() -> None:
    text = configuration(4711, 50)
    assert 'port="4711"' in text
    assert 'maxnumber="50"' in text


def test_redis_benchmarks_rate_and_median_are_read_from_its_table() -> None:
    assert load_of_csv(REDIS_BENCHMARK) == Load(9311.85, 3271, 4658)


@pytest.mark.parametrize("output", ["", "Could not connect to Redis", REDIS_BENCHMARK.rpartition('"PING')[0]])
def test_a_redis_benchmark_without_a_table_is_refused(output: str) -> None:
    with pytest.raises(ToolError, match="no table"):
        load_of_csv(output)


def test_pgbenchs_rate_is_what_it_prints_and_its_times_those_of_its_log() -> None:
    assert tps_of(PGBENCH) == 23752.431072
    assert times_us_of_log(["0 1 412 0 1 2", "1 1 399 0 1 2"]) == [412, 399]
    with pytest.raises(ToolError, match="no `tps`"):
        tps_of("pgbench: error: connection refused")
