"""Users of a user's own Python file in a cell: each is a TcpUser that does one task in an iteration.

A user is made anew for every cell: on_start runs before its first task, with which a plan's cell waits until
everybody is through; on_stop runs once the cell is over, and what it sends is in the ledger alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from random import choice
from typing import Any

import gevent
from gevent import GreenletExit, getcurrent
from locust import TaskSet, User
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet

from lockstep.control import DRAIN_S
from lockstep.errors import HarnessError
from lockstep.python_files import in_short, in_turn, users_of, where
from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import ABSENT, MessageRow, Meter, Phase, Reply, Sample, SampleMeter
from lockstep.tcp.state import State
from lockstep.users import Place, TcpUser, nothing_between, placed
from lockstep.worker.loads import Iteration, Stage


class TaskWalk:
    """Where a user is among its tasks; nested TaskSets are gone into, and left by their interrupt()."""

    def __init__(self, user: User) -> None:
        root = DefaultTaskSet(user)
        user._taskset_instance = root
        user._state = LOCUST_STATE_RUNNING
        self._user = user
        self._sets: list[TaskSet] = [root]

    def step(self) -> bool:
        """Do the next task; whether the user's wait_time comes after it. Raises what the task raises."""
        task = self._next()
        while _is_set(task):
            try:
                self._enter(task)
                task = self._next()
            except InterruptTaskSet as interrupt:
                return self._left(interrupt)
        try:
            self._do(task)
        except RescheduleTaskImmediately:
            return False
        except RescheduleTask:
            return True
        except InterruptTaskSet as interrupt:
            if len(self._sets) == 1:
                raise
            return self._left(interrupt)
        return True

    def wait_time_s(self) -> float:
        """How long the user waits now, as its innermost TaskSet says."""
        return float(self._sets[-1].wait_time())

    def leave(self) -> None:
        """Leave all TaskSets, because the user stops; raises what the first of their on_stop raises."""
        while len(self._sets) > 1:
            self._sets.pop().on_stop()

    def _next(self) -> Any:
        holder = self._sets[-1]
        if not holder._task_queue:
            holder.schedule_task(holder.get_next_task())
        return holder._task_queue.popleft()

    def _enter(self, task_set: type[TaskSet]) -> None:
        holder = self._sets[-1]
        # A user's own set takes it for its parent, and not the root, which Locust makes for itself.
        parent: Any = self._user if len(self._sets) == 1 else holder
        entered = task_set(parent)
        entered.on_start()
        self._sets.append(entered)

    def _left(self, interrupt: InterruptTaskSet) -> bool:
        if len(self._sets) > 1:
            self._sets.pop().on_stop()
        return not interrupt.reschedule

    def _do(self, task: Any) -> None:
        holder = self._sets[-1]
        if getattr(task, "__self__", None) is holder:
            task()
        else:
            task(self._user if len(self._sets) == 1 else holder)


def _is_set(task: Any) -> bool:
    return isinstance(task, type) and issubclass(task, TaskSet)


# What waits on its connection is woken by that; who sleeps in his own code is, so much later.
GRACE_S = 0.05
_IDLE = State.IDLE


class _CellOver(BaseException):
    """Thrown into a user's own code that outlasts the cell."""


class _Watched:
    """The cell's journal, and somebody's own `on_sample` beside it."""

    def __init__(self, journal: Meter, watch: Callable[[Sample], None]) -> None:
        self._both = (journal, SampleMeter(watch))
        self._journal = journal

    @property
    def wants_connections(self) -> bool:
        """See Meter.wants_connections."""
        return self._journal.wants_connections

    def step(self, phase: Phase, start_ns: int, end_ns: int) -> None:
        """See Meter.step."""
        for meter in self._both:
            meter.step(phase, start_ns, end_ns)

    def message(self, row: MessageRow, reply: Reply | None = None) -> None:
        """See Meter.message."""
        for meter in self._both:
            meter.message(row, reply)

    def failure(self, sample: Sample) -> None:
        """See Meter.failure."""
        for meter in self._both:
            meter.failure(sample)

    def connection(self, address: str, view: ClientView) -> None:
        """See Meter.connection."""
        self._journal.connection(address, view)


class FileUser:
    """One of them in one cell. make: makes the TcpUser in that place."""

    def __init__(self, stage: Stage, number: int, path: Path, make: Callable[[Place], TcpUser]) -> None:
        self._stage = stage
        self._path = path
        self._fault: str | None = None
        self._walk: TaskWalk | None = None
        self._waits = False
        self._over = False
        self._running: Any = None
        self._open_load = stage.order.traffic.arrival.open
        self._user = make(
            Place(stage.endpoint, self._meter, stage.connection_of(number), self._note_fault, stage.meet)
        )
        self.client = self._user.client
        self._tasks: list[Any] = self._user.tasks if nothing_between(self._user) else []

    def open(self) -> None:
        """Its on_start."""
        if self._walk is None:
            self._walk = TaskWalk(self._user)
            # As with Locust: who did not start does nothing.
            self._over = not self._guarded(self._user.on_start)

    def iterate(self, due_ns: int) -> bool:
        """Its next task and, in a closed load, its wait_time. False where its peer is backed off from."""
        self.open()
        stage = self._stage
        if self._over:
            stage.await_end()
            return True
        if self._open_load and due_ns != ABSENT:
            stage.journal.step(Phase.SCHEDULE_DELAY, due_ns, time.monotonic_ns())
        client, tasks = self.client, self._tasks
        before_ns = client.free_ns
        if tasks:
            # The short way: as _guarded, without what only those need who wait, or nest their tasks.
            self._running = getcurrent()
            try:
                (tasks[0] if len(tasks) == 1 else choice(tasks))(self._user)
            except BaseException as error:  # noqa: BLE001 - told apart by what it is
                self._ended_by(error)
            self._running = None
            if self._fault is not None:
                self._check_fault()
        else:
            self._guarded(self._step)
            if self._waits and not self._open_load and stage.may_send():
                self._guarded(self._wait)
        if client.free_ns == before_ns:
            # It did nothing that others could run beside.
            gevent.sleep(0)
        return client.state is _IDLE or not client.back_off_s

    def abort(self) -> None:
        """Wake it out of whatever it waits for, its own code's sleep too."""
        self.client.abort(stopped=True)
        gevent.spawn_later(GRACE_S, self._throw)

    def leave(self) -> None:
        """Its on_stop, within a bound; the connection is closed after it in any case."""
        if self._walk is not None:
            # What was misused before is told already.
            self._fault = None
            with gevent.Timeout(DRAIN_S, False):
                for act in (self._walk.leave, self._user.on_stop):
                    try:
                        self._guarded(act)
                    except HarnessError as error:
                        self._stage.note_trouble(str(error))
        self.client.close()

    def _step(self) -> None:
        assert self._walk is not None
        # Also after a task that raises.
        self._waits = True
        self._waits = self._walk.step()

    def _wait(self) -> None:
        assert self._walk is not None
        wait_s = self._walk.wait_time_s()
        if wait_s > 0:
            self._stage.pause(wait_s)

    def _throw(self) -> None:
        if self._running is not None:
            gevent.get_hub().loop.run_callback(self._running.throw, _CellOver)

    def _meter(self, user: TcpUser) -> Meter:
        journal = self._stage.journal
        watched = type(user).on_sample is not TcpUser.on_sample
        return _Watched(journal, user.on_sample) if watched else journal

    def _note_fault(self, words: str) -> None:
        self._fault = self._fault or words

    def _guarded(self, act: Callable[[], object]) -> bool:
        """Run the user's own code; False where it did not come to its end, and why not is told.

        HarnessError where it misused the client, or this machine cannot go on.
        """
        self._running = getcurrent()
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - told apart by what it is
            self._ended_by(error)
            return False
        finally:
            self._running = None
        self._check_fault()
        return True

    def _check_fault(self) -> None:
        """HarnessError for what another greenlet of the user's own was told, and kept to itself."""
        if self._fault is not None:
            raise HarnessError(self._fault)

    def _ended_by(self, error: BaseException) -> None:
        """What ended the user's own code: it is told, or goes on up, or becomes a HarnessError."""
        self._running = None
        if isinstance(error, GreenletExit):
            self._check_fault()
            raise error
        if isinstance(error, _CellOver | StopUser):
            self._over = True
        elif isinstance(error, StopTest):
            raise HarnessError(f"{where(error, self._path)}: raised StopTest, which ends the run") from error
        elif isinstance(error, HarnessError):
            raise HarnessError(f"{where(error, self._path)}: {error}") from error
        elif isinstance(error, Exception):
            user = self._user
            user.environment.events.user_error.fire(
                user_instance=user, exception=error, tb=error.__traceback__
            )
            name = type(user).__name__
            self._stage.note_trouble(f"{where(error, self._path)}: {name} raised {in_short(error)}")
        else:
            raise error


class FileLoad:
    """A file's classes by their weights. environment: Locust's."""

    def __init__(self, stage: Stage, environment: Any) -> None:
        order, file = stage.order, stage.order.traffic.user_file
        assert file is not None
        self._stage = stage
        self._environment = environment
        self._path = Path(file.path)
        self.iterate: Iteration = FileUser.iterate
        self._turns = islice(in_turn(users_of(file)), order.share, None, order.shares)

    def new_user(self, number: int) -> FileUser:
        """See Load."""
        users = next(self._turns)

        def make(place: Place) -> TcpUser:
            with placed(place):
                return users(self._environment)

        try:
            return FileUser(self._stage, number, self._path, make)
        except HarnessError:
            raise
        except Exception as error:
            raise HarnessError(
                f"{where(error, self._path)}: {users.__name__} cannot be made: {in_short(error)}"
            ) from error
