"""The command that repeats a run which Locust leads: what the page chose is in it, what is usual is not."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import Any

import pytest

from lockstep.master.repeat import Compose, repeat_command
from lockstep.runs.records import Run
from tests.factories.simulated import simulated_run

DEFAULTS: dict[str, Any] = {
    "run": "manual run",
    "mode": "free",
    "client_mode": "free",
    "arrival": "closed",
    "rate": 0.0,
    "messages": 5,
    "modes": "free,lock",
    "levels": "1,8,32",
    "seconds": 1.5,
    "seed": 1,
    "admin": "",
    "gate": "",
    "plan": "",
    "out": "results",
}
LOCUSTS: dict[str, Any] = {
    "locustfile": "loadtest/locustfile.py",
    "host": "tcp://127.0.0.1",
    "master": True,
    "num_users": 4,
    "run_time": None,
    "spawn_rate": 2.0,
    "master_bind_port": 5557,
}
COMPOSE = {"LOCKSTEP_COMPOSE": "./results", "LOCUST_HOST": "tcp://server"}
HERE, THERE = {"role": "worker", "boot_id": "a"}, {"role": "worker", "boot_id": "b"}


def options(**chosen: Any) -> Namespace:
    return Namespace(**{**DEFAULTS, **LOCUSTS, **chosen})


def by_hand(*workers: dict[str, Any], seconds: float = 29.6) -> Run:
    run, _ = simulated_run(("lock",), (6,), 1)
    cells = [replace(run.cells[0], seconds=seconds)]
    return replace(run, kind="hand", hosts=[{"role": "master", "boot_id": "a"}, *workers], cells=cells)


def plan(*workers: dict[str, Any]) -> Run:
    return replace(by_hand(*workers), kind="plan")


def test_a_manual_run_is_repeated_with_its_users_for_as_long_as_it_went_on() -> None:
    command = repeat_command(by_hand(HERE, HERE), options(mode="lock", messages=9), DEFAULTS, None)
    assert command == (
        "locust -f loadtest/locustfile.py --headless --processes 2 --users 6 --spawn-rate 2 --run-time 30s "
        "--mode lock --messages 9 --host tcp://127.0.0.1"
    )


def test_a_manual_run_says_nothing_of_what_only_a_plan_heeds_nor_a_plan_of_users() -> None:
    chosen = options(mode="lock", levels="1,2", seconds=0.1, gate="free: failed <= 0", seed=7)
    by_hands = repeat_command(by_hand(), chosen, DEFAULTS, None)
    assert not any(word in by_hands for word in ("levels", "seconds", "gate", "seed"))
    chosen.run = "comparison plan"
    plans = repeat_command(plan(HERE), chosen, DEFAULTS, None)
    assert plans == (
        "locust -f loadtest/locustfile.py --headless --processes 1 --run 'comparison plan' --levels 1,2 "
        "--seconds 0.1 --seed 7 --gate 'free: failed <= 0' --host tcp://127.0.0.1"
    )


def test_a_plan_files_settings_are_given_and_the_file_is_not() -> None:
    command = repeat_command(plan(HERE), options(plan="plans/smoke.toml", levels="2"), DEFAULTS, None)
    assert "--levels 2" in command
    assert "smoke" not in command


def test_workers_of_other_machines_are_waited_for() -> None:
    command = repeat_command(plan(HERE, THERE), options(master_bind_port=6000), DEFAULTS, None)
    assert "--headless --master --expect-workers 2 --master-bind-port 6000 --host" in command


def test_workers_of_this_machine_find_the_master_at_its_port() -> None:
    command = repeat_command(plan(HERE), options(master_bind_port=6000), DEFAULTS, None)
    assert "--processes 1 --master-bind-port 6000 --master-port 6000 " in command


def test_without_workers_of_its_own_nobody_is_started_or_waited_for() -> None:
    command = repeat_command(by_hand(HERE), options(master=False), DEFAULTS, None)
    assert not any(word in command for word in ("processes", "master", "expect"))


def test_in_compose_it_is_a_line_of_compose_with_variables_for_flags() -> None:
    chosen = options(mode="lock", admin="server:9100", out="/results", host="tcp://server", rate=12.5)
    environment = {**COMPOSE, "LOCKSTEP_HOLD": "5ms", "LOCKSTEP_WORKER_CPUS": "", "HOME": "/tmp"}
    assert repeat_command(by_hand(HERE, HERE, HERE), chosen, DEFAULTS, Compose.of(environment)) == (
        "LOCUST_HEADLESS=true LOCUST_EXPECT_WORKERS=3 LOCUST_USERS=6 LOCUST_SPAWN_RATE=2 LOCUST_RUN_TIME=30s "
        "LOCKSTEP_MODE=lock LOCKSTEP_RATE=12.5 LOCKSTEP_HOLD=5ms "
        "docker compose up --detach --scale worker=3 && docker compose wait master"
    )


def test_in_compose_another_host_is_named_and_blanks_are_quoted() -> None:
    chosen = options(run="comparison plan", host="tcp://other")
    command = repeat_command(plan(HERE), chosen, DEFAULTS, Compose.of(COMPOSE))
    assert "LOCKSTEP_RUN='comparison plan' LOCUST_HOST=tcp://other docker compose up" in command


@pytest.mark.parametrize(
    ("seconds", "given", "told"),
    [
        (0.2, None, "1s"),
        (3.57, None, "4s"),
        (2.4, 3, "3s"),  # it ended by its run time
        (2.4, 60, "3s"),  # somebody ended it before
        (7.5, 3, "8s"),  # the run time was that of a run before
    ],
)
def test_the_time_is_what_was_given_or_how_long_it_went_on(
    seconds: float, given: int | None, told: str
) -> None:
    command = repeat_command(by_hand(seconds=seconds), options(run_time=given), DEFAULTS, None)
    assert f"--run-time {told} " in command


def test_elsewhere_than_in_compose_its_variables_mean_nothing() -> None:
    assert Compose.of({"LOCKSTEP_HOLD": "5ms", "LOCUST_HOST": "tcp://server"}) is None
