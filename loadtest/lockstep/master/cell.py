"""A cell between its begin and its end: what was ordered, what comes in, and the account of it afterwards."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from gevent.event import Event

from lockstep.control import CellOrder
from lockstep.errors import ServerUnreachableError
from lockstep.master.progress import CellProgress, Stage
from lockstep.measure.cell import Account, make_cell, service_of, take_account
from lockstep.measure.collector import CellCollector
from lockstep.measure.connections import join_connections
from lockstep.measure.edges import round_ns
from lockstep.plan import PlannedCell
from lockstep.runs.records import MeasuredCell
from lockstep.runs.watched import Watched, averaged, within
from lockstep.target.admin import ServerView, Snapshot, busy
from lockstep.watch.watcher import Seen

logger = logging.getLogger(__name__)

# How long connections may take to open, ten thousand of them too, before the cell goes on without the rest.
OPENING_S = 90.0
SETTLE_S = 2.0


class CellUnderWay:
    """A cell from its order to its account.

    planned: which cell. order: what was ordered. workers: to whom. before: the server before any load of it;
    None where it cannot be asked. called: what a worker is called. drained: set once its last reports have
    come, or are waited for no longer.
    """

    def __init__(
        self,
        planned: PlannedCell,
        order: CellOrder,
        workers: Iterable[str],
        before: Snapshot | None,
        called: Callable[[str], str] = str,
    ) -> None:
        self.planned = planned
        self.collector = CellCollector(order, set(workers))
        self.drained = Event()
        self._before = before
        self._called = called
        self._began_ns: int | None = None
        self._ending: Stage | None = None
        # Which gate ended it, in words.
        self.ended_early = ""
        self._asked_level = planned.level
        self._levels: list[int] = []
        if not order.opens_first:
            self.begin()

    @property
    def progress(self) -> CellProgress:
        """Where it stands."""
        order = self.collector.order
        return CellProgress(self.planned, order.warmup_s, order.seconds, self._began_ns, self._ending)

    def begin(self) -> None:
        """Its time begins: the connections that were to be opened first are there."""
        if self._began_ns is None:
            self._began_ns = time.monotonic_ns()

    def end(self) -> None:
        """Its time is over: last reports are expected from now on."""
        self.collector.ending = True
        self._ending = Stage.DRAINING

    def note_level(self, level: int) -> None:
        """So many users are there now, in a manual run: the cell's level is their peak."""
        if level not in self._levels[-1:]:
            self._levels.append(level)
        self.planned = replace(self.planned, level=max(self._levels))

    def note_last_level(self, level: int) -> None:
        """So many users were there when somebody ended it by hand: more may have been on their way."""
        if level > max(self._levels, default=0):
            self.note_level(level)

    @property
    def began_ns(self) -> int:
        """When its time began, monotonic; of one whose connections are still being opened, now."""
        return time.monotonic_ns() if self._began_ns is None else self._began_ns

    def measured(
        self,
        server: ServerView | None,
        sleep: Callable[[float], None],
        seen: Seen,
        *,
        cut_short: bool,
        lost: str = "",
    ) -> MeasuredCell:
        """All that is kept of it. The server is asked as far as it can be.

        seen: of the server's process, from the cell's beginning. lost: which workers were lost, in words.
        """
        self._ending = Stage.SAVING
        account = self._ask(server, sleep)
        collector = self.collector
        cell = make_cell(
            self.planned,
            collector,
            None if account is None else account.cell,
            cut_short=cut_short,
            min_session_ns=self._min_session_ns,
        )
        rows = [] if account is None else account.rows
        return MeasuredCell(
            cell=replace(cell, ended_early=self.ended_early, lost=lost, watched=self._in_window(seen)),
            detail=replace(
                collector.detail(),
                overlap=None if account is None else account.overlap,
                watched=within(seen.stretches, 0, math.inf),
            ),
            connections=join_connections(self.planned, rows, collector.sums.connections),
            hosts=[{**host, "called": self._called(name)} for name, host in collector.hosts.items()],
            notes=[*self.notes(), *self._untold(seen)],
        )

    def _in_window(self, seen: Seen) -> Watched | None:
        warmup_ms = 1e3 * self.collector.order.warmup_s
        return averaged(within(seen.stretches, warmup_ms, warmup_ms + 1e3 * self.collector.seconds))

    def _untold(self, seen: Seen) -> list[str]:
        where = f"cell {self.planned.index}"
        return [f"{where}: the server's process is not watched: {seen.trouble}"] if seen.trouble else []

    @property
    def _min_session_ns(self) -> float | None:
        """A session's minimum time, where the server says what it does and users begin as they are free."""
        traffic = self.collector.order.traffic
        if self._before is None or traffic.arrival.open or self.collector.order.seconds is None:
            return None
        service = service_of(self._before, self.planned.mode)
        return round_ns(service, self.planned.level, traffic.messages_per_iteration)

    def _ask(self, server: ServerView | None, sleep: Callable[[float], None]) -> Account | None:
        """The server's account; None where it cannot be asked."""
        before, mode = self._before, self.planned.mode
        # The server's counts are of all who were there, and only some of them are looked at.
        if server is None or before is None or self.collector.order.beside:
            return None
        try:
            after = server.settled(mode, SETTLE_S + before.settings["pause_ns"] / 1e9, sleep)
            rows, dropped = server.connections(after.listeners[mode].port, before.now_ns)
        except ServerUnreachableError as error:
            logger.warning("cell %d has no server's count: %s", self.planned.index, error)
            return None
        return take_account(before, after, self.collector, rows, dropped)

    def notes(self) -> list[str]:
        """What went wrong, in words."""
        collector = self.collector
        notes = []
        where = f"cell {self.planned.index}"
        if self._levels and self._levels[0] < self._asked_level:
            come = f"{self._levels[0]} of its {self._asked_level} users"
            notes.append(f"{where}: it ended when {come} had come, and that is its level")
        if len(self._levels) > 1:
            levels = ", ".join(map(str, self._levels))
            notes.append(
                f"{where}: the number of users was changed during the run ({levels}): its level is the "
                "largest, and the command that repeats the run starts with it"
            )
        if left := collector.left:
            notes.append(
                f"{where}: {self._names(left)} ended before the cell did; what it saw is counted, and "
                "from then on there were fewer workers"
            )
        if unopened := collector.unopened:
            notes.append(
                f"{where}: {self._names(unopened)} had not all connections open within "
                f"{OPENING_S:g} s, and measured nothing: use fewer connections, or a server that "
                "accepts faster"
            )
        if false := collector.false:
            notes.append(
                f"{where}: a report of {self._names(false)} was refused, so what it saw is not all here"
            )
        if missing := collector.awaited():
            names = self._names(missing)
            notes.append(f"{where}: no last report from {names}; what it saw since the one before is lost")
        if refused := collector.refused:
            notes.append(f"{where}: {refused} reports of other runs were refused")
        if belated := collector.belated:
            notes.append(
                f"{where}: {belated} reports came from workers that had been silent, of an earlier cell"
            )
        return notes

    def _names(self, workers: Iterable[str]) -> str:
        return ", ".join(sorted(map(self._called, workers)))


def clear_server(
    server: ServerView | None, planned: PlannedCell, sleep: Callable[[float], None]
) -> tuple[Snapshot | None, str | None]:
    """The server before a cell, its peaks reset: once it is through with those who left, or a note if not.

    Who was stopped in a run before may still be waiting there. None where no server can be asked.
    """
    if server is None:
        return None, None
    before = server.reset_peaks()
    if not busy(before.listeners[planned.mode]):
        return before, None
    server.settled(planned.mode, SETTLE_S + before.settings["pause_ns"] / 1e9, sleep)
    before = server.reset_peaks()
    listener = before.listeners[planned.mode]
    if not busy(listener):
        return before, None
    others = max(listener.open, listener.in_service)
    return before, (
        f"cell {planned.index}: connections of others, {others}, were at {planned.mode} as it began: the "
        "server's counts hold theirs too"
    )
