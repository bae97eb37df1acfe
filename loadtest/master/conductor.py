"""The master's side of a run.

Begins and ends cells, waits for the last report of every worker, saves after each cell.
"""

from __future__ import annotations

import logging
import secrets
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock

from loadtest.analysis.checks import is_degraded
from loadtest.analysis.judged import Judged, judge_gates, unmet
from loadtest.connection.socket_errors import HarnessError
from loadtest.hosts import describe_host
from loadtest.master.capacity import ServerLimits, check_capacity, thread_each
from loadtest.master.cells import Account, join_connections, make_cell, take_account
from loadtest.master.collector import CellCollector
from loadtest.master.server_view import ServerUnreachableError, Snapshot
from loadtest.master.target import Target
from loadtest.master.workers import Workers
from loadtest.orders import BEGIN, DRAIN_S, END
from loadtest.plan import Plan, PlannedCell, Traffic
from loadtest.results import Connection, Run
from loadtest.run_folder import RunFolder

logger = logging.getLogger(__name__)

# After the drain and its abort thousands of connections may have to be closed.
REPORT_WAIT_S = DRAIN_S + 12.0
SETTLE_S = 2.0
# A report takes seconds; nobody's Stop may hang on it for ever.
REPORT_MAKING_S = 60.0
POLL_S = 0.01
# How long connections may take to open, ten thousand of them too, before the cell goes on without the rest.
OPENING_S = 90.0
# Repeats have seeds of their own, which those of no other plan's seed meet.
SEEDS_A_PLAN = 10_000


@dataclass(slots=True)
class _CellUnderWay:
    planned: PlannedCell
    collector: CellCollector
    before: Snapshot | None


def _nobody_asks(_: Run) -> None:
    """Stands in where nobody follows the run."""


class Conductor:
    """Leads one run at a time.

    workers: who can be ordered about. target: whom the load goes to. out: where run folders go. command:
    what repeats the run.
    on_cell: called with the run after each of its cells.
    """

    def __init__(
        self,
        workers: Workers,
        target: Target,
        out: Path,
        command: str = "",
        on_cell: Callable[[Run], None] = _nobody_asks,
    ) -> None:
        self._workers = workers
        self.target = target
        self._out = out
        self._command = command
        self._on_cell = on_cell
        self._folder: RunFolder | None = None
        self._run: Run | None = None
        self._cell: _CellUnderWay | None = None
        self.failure: str | None = None
        self._fault: str | None = None
        self._faulted = Event()
        # The last worker's leaving, a signal and the page's button may each end a run, at the same time.
        self._ending = RLock()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._run is not None and self._run.finished is None

    @property
    def degraded(self) -> bool:
        """Whether figures of the current or last run may be missing or wrong."""
        return self._run is not None and is_degraded(self._run)

    @property
    def interrupted(self) -> bool:
        """Whether the last run ended before its plan was done."""
        return self._run is not None and self._run.interrupted

    @property
    def unmet_gates(self) -> list[Judged]:
        """The gates that the current or last run does not meet."""
        return [] if self._run is None else unmet(judge_gates(self._run))

    @property
    def run_path(self) -> Path | None:
        """The current or last run's folder."""
        return None if self._folder is None else self._folder.path

    def check_capacity(self, level: int, modes: Sequence[str], traffic: Traffic) -> None:
        """PlanError where so many users at once would run into a limit of the workers' or the server's."""
        server = None
        if self.target.server is not None:
            settings = self.target.server.snapshot().settings
            server = ServerLimits(settings.get("open_files_limit"), settings.get("threads_limit"))
        check_capacity(
            level, self._workers.limits(), server, len(traffic.sources), any(map(thread_each, modes))
        )

    def begin_run(self, kind: str, plan: dict[str, Any]) -> None:
        """Ask the server for its settings and make the run folder, before any load.

        ServerUnreachableError and ResultsError pass through.
        """
        started = datetime.now(UTC)
        run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        settings = self.target.settings()
        self._folder = RunFolder.create(self._out, run_id)
        self.failure = self._fault = None
        self._faulted.clear()
        self._run = Run(
            run_id=run_id,
            kind=kind,
            started=started.isoformat(timespec="seconds"),
            finished=None,
            interrupted=False,
            command=self._command,
            plan=plan,
            server=settings,
            hosts=[describe_host("master", "master")],
        )
        self._folder.save_run(self._run)
        logger.info("run %s: results go to %s", run_id, self._folder.path)

    def begin_cell(
        self, planned: PlannedCell, traffic: Traffic, warmup_s: float, seconds: float | None, seed: int = 1
    ) -> None:
        """Send every worker into a cell, each with its share of the load.

        seed: of what is drawn at random; the modes of one repeat draw the same, so that they compare.
        """
        assert self._run is not None
        order = self.target.order(
            self._run.run_id, planned.index, planned.mode, traffic, warmup_s, seconds, seed + planned.repeat
        )
        server = self.target.server
        before = None if server is None else server.reset_peaks()
        workers = sorted(self._workers.present())
        self._cell = _CellUnderWay(planned, CellCollector(order, set(workers)), before)
        for share, worker in enumerate(workers):
            self._workers.tell(worker, BEGIN, order.for_share(share, len(workers)).to_message())

    def end_cell(self, *, cut_short: bool = False) -> None:
        """Let the workers drain, wait for their last reports, ask the server, save."""
        with self._ending:
            cell = self._cell
            if cell is None:
                return
            cell.collector.ending = True
            self._workers.tell_all(END, {})
            self._await_reports(cell.collector)
            self._save(cell, cut_short)

    def run_cell(self, planned: PlannedCell, plan: Plan) -> None:
        """One cell of a plan from begin to end; blocks for its time. HarnessError where a worker cannot."""
        self.begin_cell(planned, plan.traffic, plan.warmup_s, plan.seconds, plan.seed * SEEDS_A_PLAN)
        self._await_opening()
        self._faulted.wait(plan.warmup_s + plan.seconds)
        if self._fault:
            raise HarnessError(self._fault)
        self.end_cell()

    def note_level(self, level: int) -> None:
        """The number of users in a run by hand has changed: its level is the greatest."""
        if self._cell is not None and level > self._cell.planned.level:
            self._cell.planned = replace(self._cell.planned, level=level)

    def give_up(self, reason: str) -> None:
        """The harness cannot go on: save what there is, and say why."""
        self.failure = reason
        logger.error("lockstep: %s", reason)
        if self._run is not None and self.running:
            self._run = replace(self._run, notes=[*self._run.notes, reason])
            self.finish_run(interrupted=True)

    def finish_run(self, *, interrupted: bool | None = None) -> None:
        """Save the run and write its report. A cell that is still under way is ended now.

        A plan that has such a cell was interrupted, and the cell is cut short; a run by hand always ends
        like this.
        """
        with self._ending:
            if self._run is None or not self.running:
                return
            if interrupted is None:
                interrupted = self._run.kind == "plan"
            self.end_cell(cut_short=interrupted)
            self._close_run(interrupted)

    def _close_run(self, interrupted: bool) -> None:
        assert self._run is not None
        assert self._folder is not None
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        self._run = replace(self._run, finished=finished, interrupted=interrupted)
        self._folder.save_run(self._run)
        self._write_report(self._folder.path)

    def on_report(self, report: dict[str, Any]) -> None:
        """A worker's report came in."""
        cell = self._cell
        if cell is None or not cell.collector.add(report):
            logger.warning("refused a report of worker %s for cell %s", report["worker"], report["cell"])

    def on_fault(self, told: dict[str, Any]) -> bool:
        """A worker cannot go on. True where that ends a run by hand, which nobody here is waiting on."""
        if self._run is None or told["run_id"] != self._run.run_id or self._fault:
            return False
        self._fault = f"worker {told['worker']}: {told['reason']}"
        self._faulted.set()
        return self._run.kind == "hand"

    @property
    def fault(self) -> str | None:
        """Why a worker cannot go on."""
        return self._fault

    def on_opened(self, told: dict[str, Any]) -> None:
        """A worker has all of a cell's connections open."""
        if self._cell is not None:
            self._cell.collector.note_opened(told)

    def on_worker(self, worker: str) -> None:
        """A worker joined; if a cell is under way it takes part from now on.

        In an open load all arrivals have their worker already: there it waits for the next cell.
        """
        cell = self._cell
        if cell is None or worker in cell.collector.workers or cell.collector.order.traffic.arrival.open:
            return
        cell.collector.expect(worker)
        self._workers.tell(worker, BEGIN, cell.collector.order.to_message())

    def _await_opening(self) -> None:
        """Where a cell opens its connections first: until they are there, or the time for it is over."""
        assert self._cell is not None
        collector = self._cell.collector
        with gevent.Timeout(OPENING_S, False):
            while collector.unopened & self._workers.present() and not self._faulted.is_set():
                gevent.sleep(POLL_S)

    def _await_reports(self, collector: CellCollector) -> None:
        """Until every worker that is still there has sent its last report."""
        with gevent.Timeout(REPORT_WAIT_S, False):
            while collector.missing() & self._workers.present():
                gevent.sleep(POLL_S)

    def _save(self, cell: _CellUnderWay, cut_short: bool) -> None:
        assert self._run is not None
        assert self._folder is not None
        account, connections = self._ask_server(cell)
        server, overlap = (None, None) if account is None else (account.cell, account.overlap)
        made = make_cell(cell.planned, cell.collector, server, cut_short=cut_short)
        self._run = replace(
            self._run,
            cells=[*self._run.cells, made],
            hosts=[self._run.hosts[0], *cell.collector.hosts.values()],
            notes=[*self._run.notes, *_notes(cell)],
        )
        self._folder.save_cell(replace(cell.collector.detail(), overlap=overlap))
        self._folder.add_connections(connections)
        self._folder.save_run(self._run)
        # Only now: whoever is stopped while it waits above leaves the cell to be saved by the next to end it.
        self._cell = None
        self._on_cell(self._run)

    def _ask_server(self, cell: _CellUnderWay) -> tuple[Account | None, list[Connection]]:
        """The server's account of the cell and its sampled connections, as far as it can be asked."""
        server, before, planned = self.target.server, cell.before, cell.planned
        records: list[dict[str, Any]] = []
        account = None
        if server is not None and before is not None:
            pause_s = before.settings["pause_ns"] / 1e9
            try:
                after = server.settled(planned.mode, SETTLE_S + pause_s, gevent.sleep)
                port = after.listeners[planned.mode].port
                records, dropped = server.connections(port, before.now_ns)
                account = take_account(before, after, cell.collector, records, dropped)
            except ServerUnreachableError as error:
                logger.warning("cell %d has no server's count: %s", planned.index, error)
        return account, join_connections(planned, records, cell.collector.clients)

    @staticmethod
    def _write_report(path: Path) -> None:
        """In a process of its own: drawing charts for seconds would hold up the heartbeats here."""
        command = [sys.executable, "-m", "loadtest", "report", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=REPORT_MAKING_S)
        except subprocess.TimeoutExpired:
            logger.error("no report within %g s; try `lockstep report %s`", REPORT_MAKING_S, path)
            return
        if done.returncode:
            logger.error("the report could not be made: %s", done.stderr.strip().splitlines()[-1])


def _notes(cell: _CellUnderWay) -> list[str]:
    """What went wrong in a cell, in words."""
    notes = []
    where = f"cell {cell.planned.index}"
    refused = cell.collector.refused
    if left := cell.collector.left:
        notes.append(
            f"{where}: {', '.join(sorted(left))} ended before the cell did; what it saw is counted, and from "
            "then on there were fewer workers"
        )
    if unopened := cell.collector.unopened:
        notes.append(
            f"{where}: {', '.join(sorted(unopened))} had not all connections open within {OPENING_S:g} s, "
            "and measured nothing: use fewer connections, or a server that accepts faster"
        )
    missing = cell.collector.missing()
    if missing:
        names = ", ".join(sorted(missing))
        notes.append(f"{where}: no last report from {names}; what it saw since the one before is lost")
    if refused:
        notes.append(f"{where}: {refused} reports of other runs or unknown workers were refused")
    return notes
