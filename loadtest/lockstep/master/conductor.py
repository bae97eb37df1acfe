"""The master's side of a run.

Begins and ends cells, waits for the last report of every worker, saves after each cell.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import RLock

from lockstep.analysis.checks import is_degraded
from lockstep.analysis.gates import GateResult, judge_gates, unmet
from lockstep.control import BEGIN, DRAIN_S, END, HURRIED_DRAIN_S, EndOrder, Fault, Opened, Report
from lockstep.errors import HarnessError, ResultsError
from lockstep.master.cell import OPENING_S, CellUnderWay, clear_server
from lockstep.master.limits import ServerLimits, check_capacity, check_turnover
from lockstep.master.live import Pulses
from lockstep.master.progress import Progress, foresee
from lockstep.master.run import RunRecord
from lockstep.master.workers import Workers
from lockstep.measure.collector import CellCollector
from lockstep.plan import SEEDS_A_PLAN, Plan, PlannedCell, Traffic
from lockstep.runs.records import Run
from lockstep.target.target import Target
from lockstep.tcp.addresses import ADDRESS_BOOK

logger = logging.getLogger(__name__)

# After the drain and its abort thousands of connections may have to be closed.
REPORT_WAIT_S = DRAIN_S + 12.0
POLL_S = 0.01


def _nobody_asks(_: Run) -> None:
    """Stands in where nobody follows the run."""


def _no_command(_: Run) -> str:
    """Stands in where nothing repeats the run."""
    return ""


class Conductor:
    """Leads one run at a time.

    workers: who can be ordered about. target: whom the load goes to. out: where run folders go.
    command_of: what repeats a run that has come to this.
    on_cell: called with the run after each of its cells.
    """

    def __init__(
        self,
        workers: Workers,
        target: Target,
        out: Path,
        command_of: Callable[[Run], str] = _no_command,
        on_cell: Callable[[Run], None] = _nobody_asks,
    ) -> None:
        self._workers = workers
        self.target = target
        self._out = out
        self._command_of = command_of
        self._on_cell = on_cell
        self.pulses = Pulses()
        self._record: RunRecord | None = None
        self._cell: CellUnderWay | None = None
        self._planned: tuple[PlannedCell, ...] = ()
        self._cell_s = 0.0
        self._begun_ns = self._saved_ns = 0
        self.failure: str | None = None
        self._fault: str | None = None
        self._faulted = Event()
        # The last worker's leaving, a signal and the page's button may each end a run, at the same time.
        self._ending = RLock()
        self._drained = Event()

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self.under_way is not None

    @property
    def under_way(self) -> str | None:
        """The kind of the run that is under way, `plan` or `hand`; None where there is none."""
        record = self._record
        return record.run.kind if record is not None and record.running else None

    @property
    def ending(self) -> bool:
        """Whether the cell under way is being ended and saved, or there is none."""
        return self._cell is None or self._cell.progress.ending is not None

    @property
    def degraded(self) -> bool:
        """Whether figures of the current or last run may be missing or wrong."""
        return self._record is not None and is_degraded(self._record.run)

    @property
    def interrupted(self) -> bool:
        """Whether the last run ended before its plan was done."""
        return self._record is not None and self._record.run.interrupted

    @property
    def unmet_gates(self) -> list[GateResult]:
        """The gates that the current or last run does not meet."""
        return [] if self._record is None else unmet(judge_gates(self._record.run))

    @property
    def unreported(self) -> str | None:
        """Why the last run has no report; None where it has one, or is not over."""
        return None if self._record is None else self._record.unreported

    @property
    def notes(self) -> list[str]:
        """What a reader must know of the current or last run."""
        return [] if self._record is None else self._record.run.notes

    @property
    def run_path(self) -> Path | None:
        """The current or last run's folder."""
        return None if self._record is None else self._record.path

    @property
    def progress(self) -> Progress:
        """Where the current or last run stands."""
        record = self._record
        if record is None:
            return Progress(failure=self.failure)
        return Progress(
            run=record.run,
            planned=self._planned,
            cell_s=self._cell_s,
            cell=None if self._cell is None else self._cell.progress,
            begun_ns=self._begun_ns,
            saved_ns=self._saved_ns,
            report=record.report,
            failure=self.failure,
        )

    def check_capacity(
        self, level: int, modes: Sequence[str], traffic: Traffic, load_s: Callable[[float], float] = float
    ) -> None:
        """PlanError where so many users would run into a limit of anybody's.

        load_s: of so many seconds, during how many one mode is under load: all, unless a plan says otherwise.
        """
        server, thread_each = None, True
        if self.target.server is not None:
            snapshot = self.target.server.snapshot()
            settings, told = snapshot.settings, snapshot.listeners
            server = ServerLimits(settings.get("open_files_limit"), settings.get("threads_limit"))
            # What is not known of a mode is taken to cost a thread.
            thread_each = any(name not in told or told[name].thread_each is not False for name in modes)
        limits = self._workers.limits()
        check_capacity(level, limits, server, len(traffic.sources), thread_each)
        check_turnover(traffic, load_s, limits, ADDRESS_BOOK.find(self.target.host, 0))

    def begin_run(self, kind: str, plan: dict[str, Any], walked: Plan | None = None) -> None:
        """Ask the server for its settings and make the run folder, before any load.

        plan: as run.json keeps it. walked: the plan itself, where there is one. ServerUnreachableError and
        ResultsError pass through.
        """
        settings = self.target.settings()
        told = self.target.told()
        modes = self.target.modes()
        self._record = RunRecord.begin(self._out, kind, plan, settings, self._command_of, told, modes)
        if said := foresee(self.target.server, walked):
            self._record.note(said)
            logger.warning("lockstep: %s", said)
        self.failure = self._fault = None
        self._faulted.clear()
        self._planned = () if walked is None else tuple(walked.cells())
        self._cell_s = 0.0 if walked is None else walked.warmup_s + walked.seconds
        self._begun_ns = self._saved_ns = time.monotonic_ns()

    def begin_cell(
        self, planned: PlannedCell, traffic: Traffic, warmup_s: float, seconds: float | None, seed: int = 1
    ) -> None:
        """Send every worker into a cell, each with its share of the load.

        seed: of what is drawn at random; the modes of one repeat draw the same, so that they compare.
        """
        assert self._record is not None
        run_id, seed = self._record.run.run_id, seed + planned.repeat
        order = self.target.order(run_id, planned.index, planned.mode, traffic, warmup_s, seconds, seed)
        before, note = clear_server(self.target.server, planned, gevent.sleep)
        if note:
            self._record.note(note)
        workers = sorted(self._workers.present())
        self._cell = CellUnderWay(planned, order, workers, before)
        for share, worker in enumerate(workers):
            self._workers.tell(worker, BEGIN, order.for_share(share, len(workers)).to_message())

    def end_cell(self, *, cut_short: bool = False, hurried: bool = False) -> None:
        """Let the workers drain, wait for their last reports, ask the server, save.

        hurried: what is in flight has little time to finish, and so has the server.
        """
        with self._ending:
            cell = self._cell
            if cell is None:
                return
            cell.end()
            drain_s = HURRIED_DRAIN_S if hurried else DRAIN_S
            self._workers.tell_all(END, EndOrder(cut_short or hurried, drain_s).to_message())
            self._await_reports(cell.collector)
            self._drained.set()
            self._save(cell, cut_short)

    def run_cell(self, planned: PlannedCell, plan: Plan) -> None:
        """One cell of a plan from begin to end; blocks for its time. HarnessError where a worker cannot."""
        self._workers.await_users(planned.level)
        self.begin_cell(planned, plan.traffic, plan.warmup_s, plan.seconds, plan.seed * SEEDS_A_PLAN)
        assert self._cell is not None
        self._await_opening(self._cell.collector)
        self._cell.begin()
        self._faulted.wait(plan.warmup_s + plan.seconds)
        if self._fault:
            raise HarnessError(self._fault)
        self.end_cell()

    def note_level(self, level: int) -> None:
        """The number of users in a run by hand has changed: its level is the greatest."""
        if self._cell is not None:
            self._cell.note_level(level)

    def give_up(self, reason: str) -> None:
        """The harness cannot go on: save what there is, and say why."""
        self._fail(reason)
        if self._record is not None and self._record.running:
            self._record.note(reason)
            self.finish_run(interrupted=True)

    def _fail(self, reason: str) -> None:
        """The first reason is the cause of all that follows it."""
        self.failure = self.failure or reason
        logger.error("lockstep: %s", reason)

    def finish_run(self, *, interrupted: bool | None = None, hurried: bool = False) -> None:
        """Save the run and write its report. A cell that is still under way is ended now.

        A plan that has such a cell was interrupted, and the cell is cut short; a run by hand always ends
        like this. Where it can no longer be saved, `failure` says why. hurried: as for `end_cell`.
        """
        with self._ending:
            record = self._record
            if record is None:
                return
            if record.running:
                if interrupted is None:
                    interrupted = record.run.kind == "plan"
                if self._cell is not None and record.run.kind == "hand":
                    self._cell.note_last_level(self._workers.users())
                try:
                    self.end_cell(cut_short=interrupted, hurried=hurried)
                    record.close(interrupted=interrupted)
                except ResultsError as unsaved:
                    record.abandon(str(unsaved))
                    self._fail(str(unsaved))
        # The next run need not wait for this one's report.
        record.await_report()

    def stopping(self, finishing: gevent.Greenlet[..., None]) -> None:
        """Wait until the load is over; `finishing` goes on with what is left of finish_run."""
        self._drained.clear()
        if self._cell is not None:
            gevent.wait([self._drained, finishing], timeout=REPORT_WAIT_S, count=1)

    def on_report(self, report: Report) -> None:
        """A worker's report came in."""
        cell = self._cell
        if cell is None or not cell.collector.add(report):
            logger.warning("refused a report of worker %s for cell %s", report.worker, report.cell)

    def on_fault(self, fault: Fault) -> bool:
        """A worker cannot go on. True where that ends a run by hand, which nobody here is waiting on."""
        record = self._record
        if record is None or fault.run_id != record.run.run_id or self._fault:
            return False
        self._fault = f"worker {fault.worker}: {fault.reason}"
        self._faulted.set()
        return record.run.kind == "hand"

    @property
    def fault(self) -> str | None:
        """Why a worker cannot go on."""
        return self._fault

    def on_opened(self, opened: Opened) -> None:
        """A worker has all of a cell's connections open."""
        if self._cell is not None:
            self._cell.collector.note_opened(opened)

    def on_worker(self, worker: str) -> None:
        """A worker joined; if a cell is under way it takes part from now on.

        In an open load all arrivals have their worker already: there it waits for the next cell.
        """
        cell = self._cell
        if cell is None or worker in cell.collector.workers or cell.collector.order.traffic.arrival.open:
            return
        cell.collector.expect(worker)
        self._workers.tell(worker, BEGIN, cell.collector.order.to_message())

    def _await_opening(self, collector: CellCollector) -> None:
        """Where a cell opens its connections first: until they are there, or the time for it is over."""
        with gevent.Timeout(OPENING_S, False):
            while collector.unopened & self._workers.present() and not self._faulted.is_set():
                gevent.sleep(POLL_S)

    def _await_reports(self, collector: CellCollector) -> None:
        """Until every worker that is still there has sent its last report."""
        with gevent.Timeout(REPORT_WAIT_S, False):
            while collector.missing() & self._workers.present():
                gevent.sleep(POLL_S)

    def _save(self, cell: CellUnderWay, cut_short: bool) -> None:
        record = self._record
        assert record is not None
        made, detail, connections = cell.account(self.target.server, gevent.sleep, cut_short=cut_short)
        workers = list(cell.collector.hosts.values())
        # Only now: whoever is stopped while it waits above leaves the cell to be saved by the next to end it.
        self._cell = None
        record.add_cell(made, detail, connections, workers, cell.notes())
        self._saved_ns = time.monotonic_ns()
        self._on_cell(record.run)
