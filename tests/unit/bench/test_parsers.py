"""What the kernel and the tools print, read."""

from __future__ import annotations

from typing import Any

import pytest

from bench import proc
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

TCP_TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:1F91 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:9C40 0100007F:1F91 06 00000000:00000000 00:00000000 00000000     0
"""


@pytest.mark.parametrize("name", ["python", "a name with blanks", "beam.smp (x) 1 2 3 4"])
def test_processor_time_is_read_behind_the_commands_name_whatever_that_holds(name: str) -> None:
    assert proc.ticks_of(f"7 ({name}) " + STAT_TAIL.format(100, 20, 3, 4)) == 127


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


def run_json(**cell: Any) -> dict[str, Any]:
    messages = {"sent": 9, "answered": 5, "refused": 1, "reset": 2, "timeout": 0, "short": 1, "aborted": 4}
    return {"run_id": "r1", "notes": ["a note"], "cells": [{"messages": messages, **cell}]}


def test_a_run_tells_its_round_trip_what_it_lost_and_its_notes() -> None:
    document = run_json(round_trip_us={"p50": 61.0}, response_us={"p50": 70.0})
    assert summary_of(document) == RunSummary(61.0, 4, ["a note"])


def test_a_run_that_knows_no_round_trip_is_taken_by_its_response_time() -> None:
    assert summary_of(run_json(response_us={"p50": 70.0})).round_trip_us == 70.0


@pytest.mark.parametrize("document", [{"run_id": "r1", "cells": []}, {"run_id": "r1"}, run_json()])
def test_a_run_without_a_measured_cell_is_refused_by_its_name(document: dict[str, Any]) -> None:
    with pytest.raises(ToolError, match="r1"):
        summary_of(document)


def test_tsung_is_told_the_port_and_no_more_users_than_wanted() -> None:
    text = configuration(4711, 50)
    assert 'port="4711"' in text
    assert 'maxnumber="50"' in text
