"""A TcpUser's tasks run as Locust runs them, whether something lies between two of them or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import pytest
from locust import TaskSet, constant, task
from locust.env import Environment
from locust.exception import RescheduleTask, StopUser
from locust.user.task import DefaultTaskSet

from lockstep import TcpUser
from lockstep.users import ShortTasks

TASKS = 2_000


class Counting(TcpUser):
    """Counts its tasks, and stops after so many of them."""

    abstract = True
    host = "tcp://127.0.0.1:9"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.done: Counter[str] = Counter()

    def did(self, what: str) -> None:
        self.done[what] += 1
        if self.done.total() >= TASKS:
            raise StopUser

    def on_stop(self) -> None:
        self.done["on_stop"] += 1


@pytest.fixture
def environment() -> Iterator[Environment]:
    environment = Environment()
    environment.create_local_runner()
    yield environment
    environment.runner.quit()  # type: ignore[union-attr]


def run(users: type[Counting], environment: Environment) -> Counting:
    user = users(environment)
    with gevent.Timeout(30):
        user.run()  # type: ignore[no-untyped-call]
    return user


class Weighted(Counting):
    @task(3)
    def often(self) -> None:
        self.did("often")

    @task
    def rarely(self) -> None:
        self.did("rarely")


def test_tasks_are_drawn_by_their_weights(environment: Environment) -> None:
    done = run(Weighted, environment).done
    assert done["often"] + done["rarely"] == TASKS
    assert 0.68 < done["often"] / TASKS < 0.82
    assert done["on_stop"] == 1


class Failing(Counting):
    @task
    def fails(self) -> None:
        self.did("begun")
        if self.done["begun"] % 10 == 1:
            raise LookupError("nothing there")
        if self.done["begun"] % 10 == 2:
            raise RescheduleTask


def test_what_a_task_raises_is_told_as_locust_tells_it_and_the_user_goes_on(environment: Environment) -> None:
    errors: list[BaseException] = []
    environment.events.user_error.add_listener(lambda exception, **_: errors.append(exception))
    assert run(Failing, environment).done["begun"] == TASKS
    assert {type(error) for error in errors} == {LookupError}
    assert len(errors) == TASKS // 10


class Nested(TaskSet):
    @task
    def inner(self) -> None:
        self.user.did("inner")  # type: ignore[attr-defined]
        self.interrupt()  # type: ignore[no-untyped-call]


class WithTaskSet(Counting):
    tasks = [Nested]  # noqa: RUF012 - as Locust wants it


class Patient(Counting):
    wait_time = constant(0)

    @task
    def waits(self) -> None:
        self.did("waited")


@pytest.mark.parametrize(("users", "what"), [(WithTaskSet, "inner"), (Patient, "waited")])
def test_task_sets_and_waits_work_as_ever(environment: Environment, users: type[Counting], what: str) -> None:
    assert run(users, environment).done[what] == TASKS


def test_tasks_that_wait_for_nothing_let_others_run(environment: Environment) -> None:
    turns = 0

    def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0)

    beside = gevent.spawn(others)
    run(Weighted, environment)
    beside.kill()
    assert turns > TASKS / 2


def test_a_user_that_is_to_stop_finishes_its_task_and_begins_no_other(environment: Environment) -> None:
    class Stopped(Counting):
        @task
        def only(self) -> None:
            self.did("begun")
            self.stop()
            gevent.sleep(0)
            self.did("finished")

    user = Stopped(environment)
    with gevent.Timeout(30):
        user.run()  # type: ignore[no-untyped-call]
    assert user.done == {"begun": 1, "finished": 1, "on_stop": 1}


def test_what_is_queued_comes_first(environment: Environment) -> None:
    class Queued(Counting):
        @task
        def usual(self) -> None:
            self.did("usual")
            if self.done["usual"] == 1:
                loop: Any = self._taskset_instance
                queued: Callable[[Queued], None] = lambda user: user.did("queued")  # noqa: E731
                loop.schedule_task(queued)
            elif self.done["usual"] == 2:
                assert self.done["queued"] == 1
                raise StopUser

    assert run(Queued, environment).done == {"usual": 2, "queued": 1, "on_stop": 1}


def test_only_the_loop_that_locust_makes_is_replaced(environment: Environment) -> None:
    user = Weighted(environment)
    user._taskset_instance = DefaultTaskSet(user)
    assert type(user._taskset_instance) is ShortTasks
    user._taskset_instance = nested = Nested(user)
    assert user._taskset_instance is nested
