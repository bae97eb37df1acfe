"""Plans: which cells, in what order, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from lockstep.documents import read_record
from lockstep.errors import PlanError
from lockstep.plan import MAX_SEED, SEEDS_PER_PLAN, Plan, parse_levels, parse_modes
from lockstep.traffic import Arrival, Traffic


def test_every_combination_is_there_once_a_repeat_and_repeats_are_interleaved() -> None:
    cells = Plan(modes=("free", "lock"), levels=(1, 8), repeats=3).cells()
    assert [cell.index for cell in cells] == list(range(12))
    assert [cell.repeat for cell in cells] == [1] * 4 + [2] * 4 + [3] * 4
    for repeat in (1, 2, 3):
        combinations = {(cell.mode, cell.level) for cell in cells if cell.repeat == repeat}
        assert combinations == {("free", 1), ("free", 8), ("lock", 1), ("lock", 8)}


def test_the_seed_repeats_the_order_and_another_one_changes_it() -> None:
    orders = [
        [(cell.mode, cell.level) for cell in Plan(levels=(1, 2, 4, 8), seed=seed).cells()]
        for seed in (1, 1, 2)
    ]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"modes": ()}, "modes"),
        ({"modes": ("free", "free")}, "modes"),
        ({"levels": ()}, "levels"),
        ({"levels": (0,)}, "levels"),
        ({"repeats": 0}, "repeats"),
        ({"seconds": 0.0}, "seconds"),
        ({"seconds": float("nan")}, "seconds"),
        ({"warmup_s": -1.0}, "warmup"),
        ({"warmup_s": float("inf")}, "warmup"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": 10**4000}, "seed"),
        ({"levels": (10**400,)}, "levels"),
        ({"repeats": 10**400}, "repeats"),
    ],
)
def test_a_plan_that_cannot_run_names_the_setting(wrong: dict[str, object], what: str) -> None:
    with pytest.raises(PlanError) as refusal:
        Plan(**wrong)  # type: ignore[arg-type]
    assert refusal.value.what == what
    assert len(str(refusal.value)) < 200


def test_a_seed_that_is_not_refused_reaches_the_workers() -> None:
    """As a repeat's own seed, in 64 bits."""
    assert MAX_SEED * SEEDS_PER_PLAN + 1000 < 2**63
    assert Plan(seed=MAX_SEED).cells()


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"scenario": "dance"}, "scenario"),
        ({"client_mode": "shy"}, "client-mode"),
        ({"messages": 0}, "messages"),
        ({"depth": 0}, "depth"),
        ({"depth": 10**400}, "depth"),
        ({"scenario": "pipelined", "client_mode": "locked"}, "client-mode"),
        ({"scenario": "receive-only", "arrival": Arrival("poisson", 10.0)}, "arrival"),
        ({"payload_bytes": 0}, "payload"),
        ({"payload_bytes": 2**21}, "payload"),
        ({"payload_bytes": 10**400}, "payload"),
        ({"messages": 10**400}, "messages"),
    ],
)
def test_traffic_that_makes_no_sense_names_the_setting(wrong: dict[str, object], what: str) -> None:
    with pytest.raises(PlanError) as refusal:
        Traffic(**wrong)  # type: ignore[arg-type]
    assert refusal.value.what == what


@pytest.mark.parametrize(
    ("kind", "rate_per_s", "what"),
    [
        ("sometimes", None, "arrival"),
        ("closed", 5.0, "rate"),
        ("constant", None, "rate"),
        ("poisson", None, "rate"),
        ("constant", 0.0, "rate"),
        ("poisson", -1.0, "rate"),
        ("poisson", float("nan"), "rate"),
        ("constant", 1e9, "rate"),
        ("constant", float("inf"), "rate"),
    ],
)
def test_arrivals_that_make_no_sense_name_the_setting(kind: str, rate_per_s: float | None, what: str) -> None:
    with pytest.raises(PlanError) as refusal:
        Arrival(kind, rate_per_s)
    assert refusal.value.what == what
    assert "\n" not in str(refusal.value)


def test_a_rate_without_open_arrivals_is_told_what_to_choose() -> None:
    with pytest.raises(PlanError, match="--arrival constant or poisson"):
        Arrival("closed", 5.0)
    with pytest.raises(PlanError, match="for example --rate 100"):
        Arrival("poisson")


@pytest.mark.parametrize("kind", ["constant", "poisson"])
def test_locked_clients_cannot_arrive_by_a_rate(kind: str) -> None:
    with pytest.raises(PlanError, match="--arrival closed") as refusal:
        Traffic(client_mode="locked", arrival=Arrival(kind, 5.0))
    assert refusal.value.what == "client-mode"


@pytest.mark.parametrize(("arrival", "is_open"), [(Arrival(), False), (Arrival("poisson", 5.0), True)])
def test_traffic_survives_its_way_through_json(arrival: Arrival, is_open: bool) -> None:
    traffic = Traffic(messages=9, arrival=arrival, sources=("127.0.0.1", "127.0.0.2"))
    assert read_record(json.loads(json.dumps(asdict(traffic))), Traffic) == traffic
    assert traffic.arrival.open == is_open


def test_lists_are_separated_by_commas_or_blanks() -> None:
    assert parse_modes("free, lock semaphore=4") == ("free", "lock", "semaphore=4")
    assert parse_levels("1,8 32") == (1, 8, 32)


def test_a_level_that_is_no_number_is_refused() -> None:
    with pytest.raises(PlanError, match="1,x"):
        parse_levels("1,x")
