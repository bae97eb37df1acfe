"""What takes the place of Locust's own arithmetic, so that its page, console, CSV and JSON tell the truth.

Locust was made for HTTP: it rounds to whole milliseconds, and adds every kind of request up in one row.
Only its bucket function is a documented hook. The others are replaced by name, and `install` complains
where Locust has lost one.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import locust.stats
from locust.stats import RequestStats, StatsCSV, StatsCSVFileWriter, StatsEntry

from lockstep.tcp.samples import Phase

# How Locust's table calls a phase; what is missing is not shown there.
REQUEST_TYPES: dict[Phase, str] = {
    phase: phase.value.replace("_", " ") for phase in Phase if phase is not Phase.SCHEDULE_DELAY
}

# Steps of a connection around its messages: where they went well they are no part of the row `Aggregated`.
OWN_ROW_ONLY = frozenset(
    name for phase, name in REQUEST_TYPES.items() if phase not in (Phase.MESSAGE, Phase.SEND)
)

# Locust's columns begin after eight characters; `first reply` has eleven.
TYPE_WIDTH = max(map(len, REQUEST_TYPES.values())) + 1

_locusts_log_request = RequestStats.log_request
_locusts_percentile = StatsEntry.get_response_time_percentile
_locusts_close_files = StatsCSVFileWriter.close_files


def install() -> None:
    """Give Locust's statistics their fractions of a millisecond. Needed on the master and on every worker."""
    replacements: dict[Any, dict[str, Any]] = {
        locust.stats: {
            "bucket_response_time": three_digits,
            "proper_round": finely,
            "STATS_TYPE_WIDTH": TYPE_WIDTH,
            "print_stats_json": print_json,
            "save_stats_json": save_json,
        },
        RequestStats: {"log_request": log_request},
        StatsEntry: {
            "get_response_time_percentile": percentile_within_extremes,
            "to_string": console_row,
            "percentile": console_percentiles,
        },
        StatsCSV: {"_percentile_fields": csv_percentiles},
        StatsCSVFileWriter: {"close_files": close_csv},
    }
    for owner, named in replacements.items():
        for name, replacement in named.items():
            assert hasattr(owner, name), f"Locust's {owner.__name__} has no {name} any more"
            setattr(owner, name, replacement)


def finely(value: float, digits: int = 0) -> float:
    """Stands in for Locust's rounding of the table's minimum and maximum to whole milliseconds."""
    return round(value, max(digits, 3))


def log_request(
    stats: RequestStats, method: str, name: str, response_time: float | None, content_length: int
) -> None:
    """`Aggregated` is of messages, and of whatever failed.

    A message's connect, first reply and close would only blur its percentiles and multiply its rate.
    """
    if method not in OWN_ROW_ONLY or response_time is None:
        _locusts_log_request(stats, method, name, response_time, content_length)  # type: ignore[arg-type]
        return
    entry = stats.entries[name, method]
    entry.log(response_time, content_length)  # type: ignore[arg-type]
    touch(stats, entry.last_request_timestamp or 0.0)


def percentile_within_extremes(entry: StatsEntry, percent: float) -> float:
    """A bucket's middle may lie beyond the maximum; no percentile does."""
    time_ms: float = _locusts_percentile(entry, percent)
    if time_ms > entry.max_response_time:
        # To the microsecond, as the page shows the maximum itself; and never above it.
        time_ms = math.floor(entry.max_response_time * 1000) / 1000
    return max(time_ms, entry.min_response_time or 0)


def console_row(entry: StatsEntry, current: bool = True) -> str:
    """A line of the console's table, as wide as Locust's own."""
    name_width = locust.stats.STATS_NAME_WIDTH - TYPE_WIDTH + 4
    times = (entry.avg_response_time, entry.min_response_time or 0, entry.max_response_time)
    average, minimum, maximum, median = map(in_a_column, (*times, entry.median_response_time or 0))
    failures = f"{entry.num_failures}({entry.fail_ratio:.2%})"
    rate = (entry.current_rps if current else entry.total_rps) or 0
    failing = (entry.current_fail_per_sec if current else entry.total_fail_per_sec) or 0
    return (
        f"{entry.method or '':<{TYPE_WIDTH}} {entry.name:<{name_width}} {entry.num_requests:>7} "
        f"{failures:>12} |{average:>7} {minimum:>7} {maximum:>7}{median:>7} | {rate:>7.2f} {failing:>11.2f}"
    )


def console_percentiles(entry: StatsEntry) -> str:
    """A line of the console's percentiles, as wide as Locust's own; the number of requests comes last."""
    times = (entry.get_response_time_percentile(share) for share in locust.stats.PERCENTILES_TO_REPORT)
    first, *others = map(in_a_column, times)
    columns = " ".join(f"{each:>6}" for each in (*others, entry.num_requests))
    name_width = locust.stats.STATS_NAME_WIDTH
    return f"{entry.method or '':<{TYPE_WIDTH}} {entry.name:<{name_width}} {first:>8} {columns}"


def csv_percentiles(writer: StatsCSV, entry: StatsEntry, use_current: bool = False) -> list[Any]:
    """The percentile columns of a row of the CSV files, in milliseconds and their fractions."""
    if not entry.num_requests:
        return list(writer.percentiles_na)
    current = use_current and entry.use_response_times_cache
    percentile = entry.get_current_response_time_percentile if current else entry.get_response_time_percentile
    return [percentile(share) or 0 for share in writer.percentiles_to_report]


def close_csv(writer: StatsCSVFileWriter) -> None:
    """The last reports come after the last of Locust's rows, which are a second old at that."""
    for file, csv_writer, write in (
        (writer.requests_csv_filehandle, writer.requests_csv_writer, writer.requests_csv),
        (writer.failures_csv_filehandle, writer.failures_csv_writer, writer.failures_csv),
        (writer.exceptions_csv_filehandle, writer.exceptions_csv_writer, writer.exceptions_csv),
    ):
        file.seek(0)
        write(csv_writer)
        file.truncate()
    _locusts_close_files(writer)


def print_json(stats: RequestStats) -> None:
    """`--json`. Locust's own empties the table as it prints it: whatever came after it said 0."""
    print(_in_json(stats))


def save_json(stats: RequestStats, filename: str) -> None:
    """`--json-file`, which adds the ending itself."""
    Path(f"{filename}.json").write_text(_in_json(stats), encoding="utf-8")


def _in_json(stats: RequestStats) -> str:
    rows = [entry.serialize() for entry in stats.entries.values() if entry.num_requests or entry.num_failures]
    return json.dumps(rows, indent=4)


def three_digits(response_time_ms: float) -> float:
    """Milliseconds to three significant digits.

    0.1234 becomes 0.123, 5678 becomes 5680; nothing below zero.
    """
    if response_time_ms <= 0:
        return 0.0
    return round(response_time_ms, 2 - math.floor(math.log10(response_time_ms)))


def in_a_column(response_time_ms: float) -> str:
    """Milliseconds for a column of seven characters: 0.123, 45.6 and, from a second on, whole ones."""
    return f"{response_time_ms:.0f}" if response_time_ms >= 1000 else f"{three_digits(response_time_ms):g}"


def touch(stats: RequestStats, at_s: float) -> None:
    """Something was over at this time of day. Every row's rate is of the ten seconds before the last such."""
    note_time(stats.total, at_s)


def note_time(entry: StatsEntry, at_s: float) -> None:
    """Keep the copies of which Locust makes its current percentiles, as its own `log` does."""
    last = entry.last_request_timestamp
    if entry.use_response_times_cache and last and int(at_s) > int(last):
        entry._cache_response_times(int(at_s) - 1)
    entry.last_request_timestamp = max(last or 0.0, at_s)
