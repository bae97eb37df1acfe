"""The load as Prometheus reads it: counts that only grow, series by series, of all pulses that ever came."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from lockstep.control import Pulse
from lockstep.master.live import recent
from lockstep.master.progress import CellProgress
from lockstep.master.totals import TotalsBySeries
from lockstep.plan import PlannedCell
from lockstep.record.pulse import BUCKETS, percentiles_us
from lockstep.web.metrics import exposed
from tests.factories.pulses import came, pulse
from tests.factories.units import S

Labels = tuple[tuple[str, str], ...]


def scraped(
    totals: TotalsBySeries, cell: CellProgress | None = None, *last: Pulse
) -> dict[tuple[str, Labels], float]:
    """Name and labels -> value, as Prometheus' own parser has them."""
    received = [came(1.0, each) for each in last]
    text = exposed(totals.found, cell, recent(received, 2 * S)).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(name: str, series: str, **labels: str) -> tuple[str, Labels]:
    return name, tuple(sorted({"series": series, **labels}.items()))


def random_pulse(rng: random.Random) -> Pulse:
    responses = [rng.choice((0, 0, 0, rng.randrange(50))) for _ in range(BUCKETS)]
    failures = {outcome: rng.randrange(9) for outcome in rng.sample(["reset", "timeout", "short"], 2)}
    mode = rng.choice(["free", "lock"])
    return pulse(mode=mode, answered=sum(responses), responses=responses, failures=failures)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_pulses_come_the_sums_are_theirs_and_never_fall(seed: int) -> None:
    rng, totals = random.Random(seed), TotalsBySeries()
    pulses: list[Pulse] = []
    before: dict[tuple[str, Labels], float] = {}
    for _ in range(20):
        pulses.append(random_pulse(rng))
        totals.add(pulses[-1])
        now = scraped(totals)
        assert all(now[key] >= value for key, value in before.items() if key[0].startswith("lockstep_load_"))
        before = now
    for mode in {each.mode for each in pulses}:
        mine = [each for each in pulses if each.mode == mode]
        assert before[of("lockstep_load_answered_total", mode)] == sum(each.answered for each in mine)
        assert before[of("lockstep_load_sent_total", mode)] == sum(
            each.answered + each.failed for each in mine
        )
        for outcome in ("reset", "timeout", "short"):
            failed = sum(each.failures.get(outcome, 0) for each in mine)
            assert before.get(of("lockstep_load_failed_total", mode, outcome=outcome), 0) == failed


@pytest.mark.parametrize("seed", range(5))
def test_a_percentile_read_from_the_buckets_is_the_pulses_own_to_their_width(seed: int) -> None:
    told = random_pulse(random.Random(seed))
    totals = TotalsBySeries()
    totals.add(told)
    name = "lockstep_load_response_seconds_bucket"
    buckets = sorted(
        (float(dict(labels)["le"]), value)
        for (sample, labels), value in scraped(totals).items()
        if sample == name
    )
    counts = [count for _, count in buckets]
    assert counts == sorted(counts)
    end_s, within = buckets[-1]
    assert math.isinf(end_s)
    assert within == told.answered
    for share in (0.5, 0.9, 0.99):
        (own_us,) = percentiles_us(told.responses, [share])
        bound_s = next(bound for bound, count in buckets if count >= share * told.answered)
        assert own_us is not None
        # The last has no end.
        assert own_us <= bound_s * 1e6
        assert bound_s * 1e6 <= own_us * 10**0.2 or math.isinf(bound_s)


def test_the_cell_under_way_and_its_connections_are_told() -> None:
    cell = CellProgress(PlannedCell(7, "lock", 32, 2), 0.5, 1.5, None)
    told = scraped(TotalsBySeries(), cell, pulse(connections=30), pulse("w2", connections=2))
    assert told["lockstep_load_connections", ()] == 32
    assert told[of("lockstep_load_cell", "lock", cell="7", level="32", repeat="2")] == 1


def test_before_anything_ran_there_is_nothing_but_no_connections() -> None:
    assert scraped(TotalsBySeries()) == {("lockstep_load_connections", ()): 0}


def test_a_response_in_the_last_bucket_is_below_infinity_alone() -> None:
    responses = np.zeros(BUCKETS, np.int64)
    responses[-1] = 3
    totals = TotalsBySeries()
    totals.add(pulse(mode="free", answered=3, responses=responses.tolist()))
    told = scraped(totals)
    above = [value for (name, labels), value in told.items() if name.endswith("_bucket") and value]
    assert above == [3]
