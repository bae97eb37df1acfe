"""Locust's own table, filled in bulk."""

from __future__ import annotations

import time
from types import SimpleNamespace

import locust.stats
import numpy as np
import pytest
from locust.stats import RequestStats, StatsEntry

from lockstep import locust_numbers
from lockstep.record.journal import Batch, MessageColumns, StepColumns
from lockstep.record.locust_feed import fill, three_digits_each
from lockstep.tcp.samples import ABSENT, Phase
from tests.factories.units import S

NAME = "free"


def answered(count: int, seed: int) -> MessageColumns:
    """Messages of three seconds that are just over, each well away from where a second begins."""
    random = np.random.default_rng(seed)
    base_ns = (int(time.time()) - 4) * S - round((time.time() - time.monotonic()) * 1e9)
    ends_ns = base_ns + random.integers(0, 3, count) * S + random.integers(S // 5, S - S // 5, count)
    elapsed_ns = random.lognormal(np.log(100_000), 3.0, count).astype(np.int64)
    # Edges of the buckets, and nothing at all.
    edges = [0, 1, 999_499, 999_500, 1_000_000, 9_995_000, 9_995_001, 99_949_999, 5_678_900_000]
    elapsed_ns[: len(edges)] = edges
    sizes = random.integers(0, 2000, count)
    absent = np.full(count, ABSENT)
    untagged = np.zeros(count, np.int64)
    columns = (absent, ends_ns - elapsed_ns, ends_ns, absent, absent, absent, sizes, untagged)
    order = np.argsort(ends_ns)
    return MessageColumns(*(column[order] for column in columns))


def logged_one_by_one(batches: list[Batch], offset_s: float) -> RequestStats:
    """The table as Locust itself would have filled it, by a clock that stands where each message ended."""
    locust_numbers.install()
    stats = RequestStats()
    clock = SimpleNamespace(time=time.time)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("locust.stats.time", clock)
        for batch in batches:
            for phase, steps in batch.steps.items():
                for start_ns, end_ns in zip(steps.start_ns.tolist(), steps.end_ns.tolist(), strict=True):
                    clock.time = lambda end_ns=end_ns: end_ns / 1e9 + offset_s
                    stats.log_request(phase.value.replace("_", " "), NAME, (end_ns - start_ns) / 1e6, 0)
            sent, ends, sizes = (batch.messages.sent_ns, batch.messages.end_ns, batch.messages.received_bytes)
            for sent_ns, end_ns, size in zip(sent.tolist(), ends.tolist(), sizes.tolist(), strict=True):
                clock.time = lambda end_ns=end_ns: end_ns / 1e9 + offset_s
                stats.log_request("message", NAME, (end_ns - sent_ns) / 1e6, size)
    return stats


def near(one: float | None, other: float | None, tolerance: float = 1e-9) -> bool:
    return one == other or (
        one is not None and other is not None and abs(one - other) <= tolerance * max(abs(one), abs(other))
    )


def assert_same(bulk: StatsEntry, single: StatsEntry) -> None:
    for name in (
        *("num_requests", "num_none_requests", "num_failures", "total_content_length"),
        *("response_times", "num_reqs_per_sec", "min_response_time", "max_response_time"),
    ):
        assert getattr(bulk, name) == getattr(single, name), name
    assert near(bulk.total_response_time, single.total_response_time)
    assert near(bulk.last_request_timestamp, single.last_request_timestamp)
    for share in (0.5, 0.95, 0.99):
        assert bulk.get_response_time_percentile(share) == single.get_response_time_percentile(share)


def test_the_table_filled_in_bulk_is_what_one_entry_for_each_message_makes() -> None:
    locust_numbers.install()
    stats = RequestStats()
    batches = []
    for seed in range(3):
        messages = answered(500, seed)
        steps = {
            phase: StepColumns(messages.sent_ns[:count], messages.end_ns[:count])
            for phase, count in ((Phase.CONNECT, 100), (Phase.SCHEDULE_DELAY, 9))
        }
        batches.append(Batch(steps, messages))
    offset_s = time.time() - time.monotonic()
    for batch in batches:
        fill(stats, NAME, batch)
    expected = logged_one_by_one(
        [Batch({Phase.CONNECT: batch.steps[Phase.CONNECT]}, batch.messages) for batch in batches], offset_s
    )
    assert set(stats.entries) == set(expected.entries) == {(NAME, "message"), (NAME, "connect")}
    for key, entry in expected.entries.items():
        assert_same(stats.entries[key], entry)
    # Of the total, the order of the seconds differs; what is counted does not.
    assert_same(stats.total, expected.total)


def test_buckets_in_bulk_are_the_buckets_one_by_one() -> None:
    elapsed_ns = np.random.default_rng(1).lognormal(np.log(1e6), 6.0, 100_000).astype(np.int64)
    times_ms = np.concatenate([elapsed_ns / 1e6, 10.0 ** np.arange(-6, 7), [0.0, -1.0, 0.0009995, 99.95]])
    rounded = three_digits_each(times_ms).tolist()
    assert rounded == [locust_numbers.three_digits(each) for each in times_ms.tolist()]


def test_buckets_keep_three_digits_of_a_millisecond() -> None:
    table = {0.12345: 0.123, 1.2345: 1.23, 12.345: 12.3, 123.45: 123.0, 5678.9: 5680.0, 0.0: 0.0, -1.0: 0.0}
    for given, kept in table.items():
        assert locust_numbers.three_digits(given) == kept, given
    locust_numbers.install()
    entry = locust.stats.StatsEntry(
        locust.stats.RequestStats(), "free", "message", use_response_times_cache=False
    )
    entry.log(0.12345, 0)  # type: ignore[arg-type]  # Locust's own users log fractions
    assert entry.response_times == {0.123: 1}
    assert entry.to_dict()["min_response_time"] == 0.123
