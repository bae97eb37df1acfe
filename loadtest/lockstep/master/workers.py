"""The workers of a run: who is there, and a way to speak to them, whichever runner Locust has here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

import gevent
from locust.runners import STATE_MISSING, LocalRunner, MasterRunner

from lockstep.control import LIMITS, WorkerLimits
from lockstep.errors import HarnessError
from lockstep.master.losses import Loss
from lockstep.worker.limits import own_limits

logger = logging.getLogger(__name__)

# How long workers that Locust knows already may take to be set up, which is when they say what they may use.
ANSWER_S = 3.0
# How long the number of users may stand still while they come or go, before a cell begins all the same. Fewer
# or more of them than its level says are a finding.
STILL_S = 1.0


class Workers:
    """Who carries the load, as the master sees and tells them.

    runner: Locust's master runner, or its local runner, which is its own only worker. ended: how the process
    of a worker that was started here has ended, by its id; None where it has not, or is not known.
    """

    def __init__(
        self, runner: MasterRunner | LocalRunner, ended: Callable[[int], str | None] = lambda _: None
    ) -> None:
        self._runner = runner
        self._ended = ended
        self._numbers: dict[str, int] = {}
        self._limits: dict[str, WorkerLimits] = {}
        # Why what a worker said of its limits could not be read.
        self._unread: dict[str, str] = {}
        if isinstance(runner, MasterRunner):
            runner.register_message(LIMITS, self._on_limits)

    def present(self) -> set[str]:
        """Ids of the workers that are there now."""
        if isinstance(self._runner, MasterRunner):
            return {
                worker.id
                for worker in self._runner.clients.all
                if worker.state != STATE_MISSING and self._end_of(worker.id) is None
            }
        return {self._runner.client_id}

    def called(self, worker: str) -> str:
        """`worker 2`, by when it came: Locust's id is long."""
        return f"worker {self._numbers.setdefault(worker, len(self._numbers) + 1)}"

    def losses(self, workers: Iterable[str]) -> list[Loss]:
        """Those of them that were lost; who has quit in order is none."""
        if not isinstance(self._runner, MasterRunner):
            return []
        silent = {each.id for each in self._runner.clients.all if each.state == STATE_MISSING}
        ends = {worker: self._end_of(worker) for worker in sorted(workers, key=self.called)}
        lost = {worker: end for worker, end in ends.items() if end is not None or worker in silent}
        return [Loss(self.called(worker), end) for worker, end in lost.items()]

    def _end_of(self, worker: str) -> str | None:
        limits = self._limits.get(worker)
        return None if limits is None or limits.process is None else self._ended(limits.process)

    def await_users(self, level: int) -> None:
        """Until there are as many users as that, or no more of them come or go.

        Locust's local runner lets its shape go on while users still come and go; its master waits a second
        for its workers to tell.
        """
        seen, since_s = self._runner.user_count, time.monotonic()
        while seen != level and time.monotonic() - since_s < STILL_S:
            gevent.sleep(0.01)
            if self._runner.user_count != seen:
                seen, since_s = self._runner.user_count, time.monotonic()

    def users(self) -> int:
        """How many users Locust has sent for so far, all workers together."""
        dispatcher = self._runner._users_dispatcher
        return 0 if dispatcher is None else dispatcher.get_current_user_count()

    def limits(self) -> list[WorkerLimits]:
        """What each of them may use; empty where one does not say so in time.

        HarnessError where one is of another version.
        """
        if not isinstance(self._runner, MasterRunner):
            return [own_limits(self._runner.client_id)]
        deadline_s = time.monotonic() + ANSWER_S
        while missing := self.present() - self._limits.keys():
            for worker in sorted(missing & self._unread.keys()):
                raise HarnessError(f"{self.called(worker)}: {self._unread[worker]}")
            if time.monotonic() >= deadline_s:
                silent = ", ".join(map(self.called, sorted(missing)))
                logger.warning("%s did not say what they may use: it is not checked", silent)
                return []
            gevent.sleep(0.01)
        return [self._limits[worker] for worker in sorted(self.present())]

    def tell_all(self, kind: str, message: dict[str, Any]) -> None:
        """Send a message to every worker."""
        self._runner.send_message(kind, message)

    def tell(self, worker: str, kind: str, message: dict[str, Any]) -> None:
        """Send a message to one worker."""
        self._runner.send_message(kind, message, client_id=worker)

    def _on_limits(self, msg: Any, **_: Any) -> None:
        try:
            limits = WorkerLimits.from_message(msg.data)
        except HarnessError as error:
            self._unread[msg.node_id] = str(error)
        else:
            self.called(limits.worker)
            self._limits[limits.worker] = limits
