"""A worker's side of a run: it holds the current cell, lets its users iterate, and reports.

Users never start or stop with a cell. They wait here between cells, so that a cell begins at once for all
of them and ends without anybody being killed in the middle of an exchange.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock
from gevent.pool import Pool

from lockstep.control import DRAIN_S, FAULT, MET, OPENED, PULSE, REPORT, CellOrder, Fault, Go, Met, Opened
from lockstep.errors import HarnessError
from lockstep.record.journal import Feed
from lockstep.runs.host import describe_host
from lockstep.worker.cell import RunningCell
from lockstep.worker.loads import CellUser
from lockstep_wire.push import clock_name

logger = logging.getLogger(__name__)

REPORT_INTERVAL_S = 3.0
PULSE_INTERVAL_S = 1.0
DRAIN_STEP_S = 0.005
CLOSED_AT_ONCE = 200
# How much later than the master's a worker's window may end; one that joined in mid-cell has no whole one.
MAX_LATE_S = 1.0
# Who stops a process will not wait long for it.
QUIT_DRAIN_S = 1.0


class UserState:
    """What lasts of one of Locust's users: its number, and who it is in a cell, made anew for every one."""

    __slots__ = ("busy", "cell", "number", "user")

    def __init__(self, number: int) -> None:
        self.number = number
        self.cell: RunningCell | None = None
        self.user: CellUser | None = None
        self.busy = False

    def enter(self, cell: RunningCell) -> CellUser:
        """The user for this cell; a connection kept from an earlier cell is closed."""
        if self.user is None or self.cell is not cell:
            self.leave()
            self.cell, self.user = cell, cell.new_user(self.number)
        return self.user

    def leave(self, within_s: float | None = None) -> None:
        """Close a connection that the scenario kept open. within_s: how long the peer has to close too."""
        user, self.user = self.user, None
        if user is not None:
            if within_s is not None:
                user.client.close_timeout_s = within_s
            user.leave()

    def abort(self) -> None:
        """Wake the user out of whatever it waits for on its connection."""
        if self.user is not None:
            self.user.abort()


def _collect_garbage() -> None:
    """Now, before a cell, and what is left never again during it.

    A collection of everything that Locust and numpy have loaded would stop the event loop for tens of
    milliseconds, and be taken for the server's doing.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


class Agent:
    """Takes BEGIN and END from the master, gives users their iterations, sends REPORT and PULSE.

    runner: Locust's runner, for its `send_message` and `client_id`. feed: hands on what users did.
    """

    def __init__(self, runner: Any, feed: Feed) -> None:
        self._runner = runner
        self._feed = feed
        self._begun = Event()
        self._cell: RunningCell | None = None
        self._states: set[UserState] = set()
        self._numbers = count(1)
        # The master's END and this process's own end may come at the same time: one drain, then one report.
        self._ending = RLock()
        self._host = describe_host("worker", runner.client_id)

    @property
    def run_id(self) -> str | None:
        """Whose cell it holds; None where it holds none."""
        return None if self._cell is None else self._cell.order.run_id

    def add_user(self) -> UserState:
        """The state of a user that has just been spawned."""
        state = UserState(next(self._numbers))
        self._states.add(state)
        return state

    def remove_user(self, state: UserState) -> None:
        """A user is gone: its state and the connection that it may have kept go too."""
        self._states.discard(state)
        if self._cell is not None:
            self._cell.leave(state)
        state.leave()

    def iterate(self, state: UserState) -> None:
        """Wait for a cell, then run its scenario, iteration after iteration, until it gives no more."""
        self._begun.wait()
        cell = self._cell
        if cell is None or not cell.open:
            gevent.sleep(0)
            return
        try:
            self._run_cell(cell, state)
        except HarnessError as error:
            self._send_fault(cell, str(error))

    def _run_cell(self, cell: RunningCell, state: UserState) -> None:
        user = state.enter(cell)
        state.busy = True
        try:
            cell.join(state, user)
        finally:
            state.busy = False
        take, run, client = cell.iterations_of(user, state.number), cell.run_iteration, user.client
        while cell.open:
            due_ns = client.free_ns if take is None else take()
            if due_ns is None:
                return
            state.busy = True
            try:
                went_well = run(user, due_ns)
            finally:
                state.busy = False
            if not went_well:
                cell.rest(user)

    def _send_fault(self, cell: RunningCell, reason: str) -> None:
        """Something is wrong here, not at the server: the master hears of it once, and nobody tries again."""
        if cell is self._cell and self._begun.is_set():
            self._begun.clear()
            fault = Fault(run_id=cell.order.run_id, worker=self._runner.client_id, reason=reason)
            self._runner.send_message(FAULT, fault.to_message())

    def begin(self, order: CellOrder) -> None:
        """Start a cell: users that wait here go on at once. HarnessError where its file cannot be carried."""
        self.quit()
        _collect_garbage()
        worker = self._runner.client_id

        def on_open(opened_s: float) -> None:
            opened = Opened(run_id=order.run_id, cell=order.cell, worker=worker, opened_s=opened_s)
            self._runner.send_message(OPENED, opened.to_message())

        def on_met(number: int, waiting: int, users: int, within_s: float) -> None:
            met = Met(order.run_id, order.cell, worker, number, waiting, users, within_s)
            self._runner.send_message(MET, met.to_message())

        cell = RunningCell(
            order,
            worker,
            self._states,
            self._feed,
            on_open,
            on_met,
            environment=lambda: self._runner.environment,
        )
        cell.start()
        self._cell = cell
        self._begun.set()
        gevent.spawn(_while_open, cell, REPORT_INTERVAL_S, self._send)
        gevent.spawn(_while_open, cell, PULSE_INTERVAL_S, self._send_pulse)

    def go(self, order: Go) -> None:
        """Users that wait at a rendezvous begin; one of an earlier cell is not listened to."""
        cell = self._cell
        if cell is None:
            return
        if (order.run_id, order.cell) == (cell.order.run_id, cell.order.cell):
            same_clock = order.clock == clock_name().decode() != "-"
            cell.meeting.go(order.round, order.at_ns if same_clock else None)

    def end(self, drain_s: float = DRAIN_S, *, at_once: bool = True) -> None:
        """Give no more iterations, let what is in flight finish, and send the final report.

        What is not finished after drain_s seconds is aborted. Unless it is to be at once, the measured window
        is waited for: it began here a little after the master said so, and is to be as long as was asked for.
        """
        with self._ending:
            cell = self._cell
            if cell is None:
                return
            if cell.open:
                if not at_once:
                    gevent.sleep(min(cell.recorder.left_s(time.monotonic_ns()), MAX_LATE_S))
                self._begun.clear()
                cell.close(time.monotonic_ns())
                # A cell of less than a second would else have none.
                self._send_pulse(cell)
                # Who was given an iteration at the last moment begins it now, and is busy from then on.
                gevent.sleep(0)
                self._drain(drain_s)
            self._send(cell, final=True)

    def quit(self) -> None:
        """End a cell that is still under way, because this process ends; its report goes out first."""
        with self._ending:
            if self._cell is not None and self._cell.open:
                self.end(QUIT_DRAIN_S)

    def _drain(self, drain_s: float) -> None:
        deadline = time.monotonic() + drain_s
        while any(state.busy for state in self._states) and time.monotonic() < deadline:
            gevent.sleep(DRAIN_STEP_S)
        left = [state for state in self._states if state.busy]
        for state in left:
            state.abort()
        if left:
            logger.info(
                "%d connections were still busy %.1f s after the cell's end: aborted", len(left), drain_s
            )
        deadline = time.monotonic() + 1.0
        while any(state.busy for state in self._states) and time.monotonic() < deadline:
            gevent.sleep(DRAIN_STEP_S)
        # Each waits for its peer: one after another, ten thousand of them would take too long.
        # Where what was in flight had little time, a peer that does not close has no more.
        within_s = drain_s if drain_s < DRAIN_S else None
        idle = [state for state in self._states if not state.busy]
        Pool(CLOSED_AT_ONCE).map(lambda state: state.leave(within_s), idle)

    def _send(self, cell: RunningCell, *, final: bool = False) -> None:
        report = cell.take_report(len(self._states), self._host, final=final)
        self._runner.send_message(REPORT, report.to_message())

    def _send_pulse(self, cell: RunningCell) -> None:
        users = (state.user for state in self._states)
        connections = sum(1 for user in users if user is not None and user.client.connected)
        self._runner.send_message(PULSE, cell.take_pulse(connections).to_message())


def _while_open(cell: RunningCell, every_s: float, send: Callable[[RunningCell], None]) -> None:
    """Send now and then, until the cell ends."""
    gevent.sleep(every_s)
    while cell.open:
        send(cell)
        gevent.sleep(every_s)
