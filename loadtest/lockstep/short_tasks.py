"""Locust's loop over a user's tasks, without what only those need who wait between tasks, or nest them.

Locust schedules each task and sleeps after it, for no time where there is no wait_time: that costs a turn of
the event loop, as much as a third of a message. Here the next task begins at once where the last one has let
others run anyway.
"""

from __future__ import annotations

from typing import Any

import gevent
from locust import User
from locust.exception import StopUser
from locust.user.task import LOCUST_STATE_STOPPING, DefaultTaskSet


class ShortTasks(DefaultTaskSet):
    """The tasks of a user, each as Locust would run it; what one raises goes where it always goes."""

    def execute_next_task(self) -> None:
        """Run the task that is due and, where nothing lies between two of them, all that follow."""
        user, queue = self.user, self._task_queue
        if not nothing_between(user):
            super().execute_next_task()  # type: ignore[no-untyped-call]
            return
        loop = gevent.get_hub().loop
        task: Any = queue.popleft()
        while True:
            turn = loop.iteration
            task(user)
            if loop.iteration == turn:
                # It waited for nothing: others must run too.
                gevent.sleep(0)
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            task = queue.popleft() if queue else self._draw(user.tasks)

    def _draw(self, tasks: list[Any]) -> Any:
        """Drawing from one would take as long as running it."""
        return tasks[0] if len(tasks) == 1 else self.get_next_task()  # type: ignore[no-untyped-call]


def nothing_between(user: User) -> bool:
    """Whether a user's next task is due at once, and all of them are plain functions."""
    return type(user).wait_time is User.wait_time and not any(hasattr(task, "tasks") for task in user.tasks)
