"""Loads that change by plan: their level, what has come by a moment, and when so much has."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from lockstep.errors import PlanError
from lockstep.plan import Plan
from lockstep.stages import Stage, Stages
from lockstep.traffic import Arrival, Traffic
from lockstep.worker.arrivals import NEVER_NS, NS_PER_S, schedule_of

ALL_KINDS = "ramp 0-100 10s, hold 100 20s; spike 300 2s, sine 50-150 30s"


def some_stages(rng: random.Random) -> Stages:
    """Any stages, some of which may offer nothing."""
    levels = [0.0, 1.0, 17.5, 400.0]
    each = [
        Stage(kind, first, first if kind in ("hold", "spike") else rng.choice(levels), rng.uniform(0.01, 5))
        for kind in rng.choices(["ramp", "hold", "spike", "sine"], k=rng.randint(1, 5))
        for first in [rng.choice(levels)]
    ]
    return Stages((*each, Stage("hold", 5.0, 5.0, 0.5)))


@pytest.mark.parametrize(
    ("second", "level"),
    [
        (-1, 0),
        (0, 0),
        (5, 50),
        (10, 100),
        (29.9, 100),
        (30, 300),
        (31.9, 300),
        (32, 50),
        (47, 150),
        (62, 50),
        (99, 50),
    ],
)
def test_each_kind_has_its_level(second: float, level: float) -> None:
    assert Stages.parse(ALL_KINDS).at(second) == pytest.approx(level, abs=1e-6)


def test_what_comes_of_them_is_the_area_below() -> None:
    stages = Stages.parse(ALL_KINDS)
    assert stages.seconds == 62
    assert stages.peak == 300
    assert stages.total == pytest.approx(500 + 2000 + 600 + 3000)
    assert stages.mean == pytest.approx(6100 / 62)


@pytest.mark.parametrize("seed", range(40))
def test_the_area_is_the_integral_of_the_level_and_when_is_its_inverse(seed: int) -> None:
    stages = some_stages(random.Random(seed))
    moments = np.linspace(0, stages.seconds, 4001)
    levels = np.array([stages.at(each) for each in moments])
    rough = float(np.sum((levels[1:] + levels[:-1]) / 2 * np.diff(moments)))
    assert stages.total == pytest.approx(rough, rel=0.02, abs=2)
    for part in (0.01, 0.3, 0.77, 0.999):
        second = stages.when(part * stages.total)
        assert second is not None
        assert stages.by(second) == pytest.approx(part * stages.total, rel=1e-9, abs=1e-7)
    assert stages.when(stages.total * 1.001) is None


@pytest.mark.parametrize("kind", ["constant", "poisson"])
@pytest.mark.parametrize("seed", range(15))
def test_arrivals_are_counted_as_they_are_due_and_come_in_order(kind: str, seed: int) -> None:
    rng = random.Random(seed)
    stages = some_stages(rng)
    schedule = schedule_of(Arrival(kind, 1.0), 1, 3, seed, stages)
    assert schedule is not None
    due = [schedule.due_ns(k) for k in range(200)]
    assert due == sorted(due)
    moments = [rng.randrange(round(stages.seconds * NS_PER_S)) for _ in range(10)]
    near = [each + shift for each in due[:50:7] if each != NEVER_NS for shift in (-1, 0, 1)]
    for moment in moments + near:
        assert schedule.count_before(moment) == sum(
            1 for k in range(schedule.count_before(moment) + 2) if schedule.due_ns(k) < moment
        )


def test_workers_together_offer_what_the_stages_say_second_by_second() -> None:
    stages = Stages.parse("ramp 0-200 4s, spike 500 1s, sine 0-100 3s")
    due: list[int] = []
    for worker in range(3):
        schedule = schedule_of(Arrival("constant", 1.0), worker, 3, 1, stages)
        assert schedule is not None
        due += [schedule.due_ns(k) for k in range(schedule.count_before(8 * NS_PER_S))]
    assert len(due) == math.ceil(stages.total - 1e-9)
    for second in range(8):
        here = sum(1 for each in due if second * NS_PER_S <= each < (second + 1) * NS_PER_S)
        assert abs(here - (stages.by(second + 1) - stages.by(second))) <= 1


def test_poisson_arrivals_of_a_changing_rate_vary_as_poisson_counts_do() -> None:
    stages = Stages.parse("ramp 0-400 1s, hold 400 1s")
    counts = []
    for seed in range(300):
        schedule = schedule_of(Arrival("poisson", 1.0), 0, 1, seed, stages)
        assert schedule is not None
        counts.append(schedule.count_before(NS_PER_S))
    # 200 on average, and a variance of as much.
    assert abs(np.mean(counts) - 200) < 4 * math.sqrt(200 / 300)
    assert 0.75 < np.var(counts) / 200 < 1.3


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", "names no stages"),
        ("climb 0-100 10s", "choose from ramp, hold, spike, sine"),
        ("hold 100", "is no stage"),
        ("hold 1-2 10s", "a hold has one level"),
        ("ramp 100 10s", "a ramp has two levels"),
        ("hold 1.2.3 10s", "is no number"),
        ("hold 9999999 10s", "give levels from 0 to 1,000,000"),
        ("hold 100 10parsecs", "is not a duration"),
        ("hold 100 0", "give 1ms or more"),
        ("hold 0 10s", "is no load at all"),
        ("hold 1 1s," * 2000, "too many"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_remedy(text: str, remedy: str) -> None:
    with pytest.raises(PlanError, match=remedy) as refusal:
        Stages.parse(text)
    assert refusal.value.what == "stages"
    assert len(str(refusal.value)) < 300


GIVEN = {
    "scenario": "session",
    "client_mode": "free",
    "messages": 1,
    "payload": 8,
    "arrival": "closed",
    "rate": None,
    "depth": 1,
    "stages": "ramp 0-90 2s, hold 45 1s",
    "modes": "free",
    "levels": "1,8",
    "repeats": 1,
    "seconds": 1.5,
    "warmup": 0.5,
    "seed": 1,
    "plan": None,
}


def plan_of(**changed: object) -> Plan:
    given = {**GIVEN, **changed}
    return Plan.from_settings(given, Traffic.from_settings(given, ()), ())


def test_stages_of_users_set_the_level_and_how_long_a_cell_lasts() -> None:
    plan = plan_of()
    assert (plan.levels, plan.seconds) == ((90,), 3.0)
    assert plan.traffic.arrival == Arrival()


def test_stages_of_a_rate_set_the_mean_rate_and_leave_the_users() -> None:
    plan = plan_of(arrival="poisson")
    assert (plan.levels, plan.seconds) == ((1, 8), 3.0)
    assert plan.traffic.arrival.rate_per_s == pytest.approx(45)


@pytest.mark.parametrize(
    ("changed", "what"),
    [({"arrival": "poisson", "rate": 10.0}, "rate"), ({"scenario": "pipelined"}, "stages")],
)
def test_what_contradicts_stages_is_refused(changed: dict[str, object], what: str) -> None:
    with pytest.raises(PlanError) as refusal:
        plan_of(**changed)
    assert refusal.value.what == what
