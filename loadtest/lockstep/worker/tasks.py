"""A Locust user's tasks, one at a time: what its TaskSet.run does in a loop that nobody can enter.

So an iteration of a cell is one task, its end is known, and a cell can end between two of them.
"""

from __future__ import annotations

from typing import Any

from locust import TaskSet, User
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately
from locust.user.task import LOCUST_STATE_RUNNING, DefaultTaskSet


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
