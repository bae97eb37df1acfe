"""What Locust prints and writes of its table."""

from __future__ import annotations

import csv
import io
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import locust.stats
from locust.env import Environment
from locust.stats import RequestStats, StatsCSV, StatsCSVFileWriter

from lockstep import locust_numbers
from lockstep.tcp.samples import ABSENT, Outcome, Phase, Sample
from lockstep.users import feed_of
from tests.factories.units import MS, S

# Messages of known times: half of them within 0.4 ms, the slowest 61.234567 ms.
MESSAGES_NS = (200_000, 300_000, 400_000, 12_340_000, 61_234_567)
GREATEST_MS = 61.234567
CONNECT_NS = 100_000


def in_both_ways() -> Iterator[Environment]:
    """An environment that is filled in bulk, and one where somebody listens to each event."""
    locust_numbers.install()
    for listens in (False, True):
        environment = Environment()
        environment.create_local_runner()
        environment.stats.total.start_time -= 5  # so that rates are of this size
        if listens:
            environment.events.request.add_listener(lambda **_: None)
        yield environment


def each_table() -> Iterator[Environment]:
    """The same run, in both ways: a session of connect, message and close for each of MESSAGES_NS."""
    for environment in in_both_ways():
        feed = feed_of(environment)
        journal = feed.journal_of("free")
        for elapsed_ns in MESSAGES_NS:
            now_ns = time.monotonic_ns()
            journal.step(Phase.CONNECT, now_ns - CONNECT_NS, now_ns)
            journal.message((ABSENT, now_ns - elapsed_ns, now_ns, ABSENT, ABSENT, 10, 20, 0))
            journal.step(Phase.CLOSE, now_ns - 9 * MS, now_ns)
        feed.flush()
        yield environment


def columns(line: str) -> list[str]:
    return line.replace("|", " ").split()


def assert_aligned(lines: list[str]) -> None:
    """Head and rows; Locust's own separators are longer."""
    lengths = {len(line) for line in lines if "---" not in line}
    assert len(lengths) == 1, lengths


def test_the_aggregated_row_is_of_messages_and_nothing_around_them() -> None:
    for environment in each_table():
        total, messages = environment.stats.total, environment.stats.get("free", "message")
        assert total.num_requests == messages.num_requests == 5
        assert total.response_times == messages.response_times
        assert (total.min_response_time, total.max_response_time) == (0.2, GREATEST_MS)
        assert environment.stats.get("free", "connect").num_requests == 5


def test_a_connect_that_failed_is_a_failure_of_the_aggregated_row_and_no_time_of_it() -> None:
    for environment in each_table():
        feed = feed_of(environment)
        feed.journal_of("free").failure(Sample(Phase.CONNECT, Outcome.REFUSED, 0, 9 * S))
        total = environment.stats.total
        assert (total.num_requests, total.num_none_requests, total.num_failures) == (6, 1, 1)
        assert total.fail_ratio == 1 / 6
        assert total.max_response_time == GREATEST_MS


def test_where_there_are_connects_only_their_row_has_a_rate_all_the_same() -> None:
    for environment in in_both_ways():
        feed = feed_of(environment)
        journal = feed.journal_of("free")
        for _ in range(100):
            now_ns = time.monotonic_ns()
            journal.step(Phase.CONNECT, now_ns - CONNECT_NS, now_ns)
        feed.flush()
        assert environment.stats.total.num_requests == 0
        assert environment.stats.get("free", "connect").total_rps > 10


def test_the_current_percentiles_of_the_aggregated_row_are_of_the_last_seconds_alone() -> None:
    """Locust takes them from copies it makes whenever a second is over, be it that connects come first."""
    stats: Any = RequestStats()  # of whole milliseconds, by its types
    now_s = time.time()
    locust_numbers.touch(stats, now_s - 30)
    stats.total.response_times[500.0] = 7
    stats.total.max_response_time = 500.0
    stats.total.num_requests = 7
    locust_numbers.touch(stats, now_s - 10)
    stats.total.response_times[0.5] += 3
    stats.total.num_requests = 10
    locust_numbers.touch(stats, now_s)
    assert stats.total.get_response_time_percentile(0.5) > 100
    assert stats.total.get_current_response_time_percentile(1.0) == 0.5


def test_the_consoles_columns_have_fractions_of_a_millisecond() -> None:
    for environment in each_table():
        lines = locust.stats.get_stats_summary(environment.stats, current=False)
        assert_aligned(lines)
        assert columns(lines[-1])[:7] == ["Aggregated", "5", "0(0.00%)", "14.9", "0.2", "61.2", "0.4"]
        _, head, *lines = locust.stats.get_percentile_stats_summary(environment.stats)
        assert_aligned([head, *lines])
        row = dict(zip(columns(head)[2:13], columns(lines[-1])[1:12], strict=True))
        assert (row["50%"], row["75%"], row["100%"]) == ("0.4", "12.3", "61.2")
        assert columns(lines[-1])[-1] == "5"


def test_the_csv_has_fractions_of_a_millisecond_and_no_percentile_beyond_the_greatest() -> None:
    for environment in each_table():
        table: Any = environment.stats  # of whole milliseconds, by its types
        table.log_request("message", "free", 0.4, 20)
        table.log_request("message", "free", 61.2604567, 20)  # in the bucket of 61.3
        text = io.StringIO()
        StatsCSV(environment, locust.stats.PERCENTILES_TO_REPORT).requests_csv(csv.writer(text))
        rows = {row["Type"]: row for row in csv.DictReader(io.StringIO(text.getvalue()))}
        for kind in ("message", ""):
            names = ("50%", "Median Response Time", "75%", "100%", "Max Response Time")
            assert [float(rows[kind][name]) for name in names] == [0.4, 0.4, 61.2, 61.26, 61.2604567]
        assert float(rows["connect"]["50%"]) == 0.1


def test_the_csv_files_are_written_once_more_when_they_are_closed() -> None:
    environment = next(each_table())
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/run"
        writer = StatsCSVFileWriter(environment, [0.5, 1.0], prefix)
        # What Locust wrote a second ago, and longer than what is true now.
        writer.requests_csv_filehandle.write("stale\n" * 200)
        environment.stats.log_error("message", "free", "reset: gone")
        writer.close_files()
        rows, failures = (
            list(csv.DictReader(io.StringIO(Path(f"{prefix}_{name}.csv").read_text())))
            for name in ("stats", "failures")
        )
        assert [row["Name"] for row in rows] == ["free", "free", "free", "Aggregated"]
        assert rows[-1]["Request Count"] == "5"
        assert [(row["Error"], row["Occurrences"]) for row in failures] == [("reset: gone", "1")]
        assert Path(f"{prefix}_exceptions.csv").read_text().startswith("Count,")


def test_json_leaves_the_table_as_it_was_and_says_when_the_first_request_began() -> None:
    for environment in each_table():
        begun = time.time()
        printed = io.StringIO()
        with redirect_stdout(printed), tempfile.TemporaryDirectory() as folder:
            locust.stats.print_stats_json(environment.stats)
            locust.stats.save_stats_json(environment.stats, f"{folder}/run")
            saved = json.loads(Path(f"{folder}/run.json").read_text())
        assert json.loads(printed.getvalue()) == saved
        rows = {row["method"]: row for row in saved}
        assert set(rows) == {"connect", "message", "close"}
        assert rows["message"]["num_requests"] == environment.stats.total.num_requests == 5
        assert rows["message"]["response_times"] == dict.fromkeys(("0.2", "0.3", "0.4", "12.3", "61.2"), 1)
        assert rows["message"]["start_time"] <= begun


def test_an_entry_begins_with_its_first_request_however_late_the_table_is_filled() -> None:
    locust_numbers.install()
    environment = Environment()
    environment.create_local_runner()
    feed = feed_of(environment)
    now_ns, now_s = time.monotonic_ns(), time.time()
    feed.journal_of("free").message((ABSENT, now_ns - 3 * S, now_ns - 2 * S, ABSENT, ABSENT, 10, 20, 0))
    feed.flush()
    for entry in (environment.stats.get("free", "message"), environment.stats.total):
        assert now_s - 4 < entry.start_time <= now_s - 3 + 0.01, entry.start_time - now_s
