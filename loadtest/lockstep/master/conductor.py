"""The master's side: one run after another, each begun where it can be carried, and ended saved."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from lockstep.control import Fault, Met, Opened, Pulse, Report
from lockstep.errors import ResultsError, printable
from lockstep.master.limits import ServerLimits, check_capacity, check_turnover, ways_out
from lockstep.master.live import Pulses
from lockstep.master.progress import Progress, foresee
from lockstep.master.run import RunRecord
from lockstep.master.totals import TotalsBySeries
from lockstep.master.under_way import RunUnderWay
from lockstep.plan import Plan
from lockstep.profiling.profiler import Profiler
from lockstep.runs.records import Run
from lockstep.target.admin import ServerView
from lockstep.target.target import Targets, check_talk
from lockstep.tcp.addresses import ADDRESS_BOOK
from lockstep.traffic import Traffic
from lockstep.watch.watcher import Watcher

if TYPE_CHECKING:
    # It brings Locust in.
    from lockstep.master.workers import Workers

logger = logging.getLogger(__name__)


def _nobody_asks(_: Run) -> None:
    """Stands in where nobody follows the run."""


def _no_command(_: Run) -> str:
    """Stands in where nothing repeats the run."""
    return ""


def _asked(server: ServerView | None, mode: str, traffic: Traffic) -> tuple[ServerLimits | None, bool]:
    """What the server of a mode may use, and whether the mode gives each connection a thread.

    PlanError where it does not talk as the traffic has it.
    """
    if server is None:
        return None, True
    snapshot = server.snapshot()
    settings, listener = snapshot.settings, snapshot.listeners.get(mode)
    check_talk(settings, traffic)
    # What is not known of a mode is taken to cost a thread.
    thread_each = listener is None or listener.thread_each is not False
    return ServerLimits(settings.get("open_files_limit"), settings.get("threads_limit")), thread_each


class Conductor:
    """Leads one run at a time.

    workers: who can be ordered about. targets: whom the load goes to. out: where run folders go.
    command_of: what repeats a run that has come to this.
    on_cell: called with the run after each of its cells. watcher: who looks at the servers' processes. anew:
    starts the servers again, and tells whom the load goes to then; None where others have started them.
    profiler: looks into them in the cells that are for that.

    current: the run under way; None where none is. failure: why the current or last run could not begin or
    go on.
    """

    def __init__(
        self,
        workers: Workers,
        targets: Targets,
        out: Path,
        command_of: Callable[[Run], str] = _no_command,
        on_cell: Callable[[Run], None] = _nobody_asks,
        watcher: Watcher | None = None,
        anew: Callable[[], Targets] | None = None,
        profiler: Profiler | None = None,
    ) -> None:
        self.targets = targets
        self.pulses = Pulses()
        self.totals = TotalsBySeries()
        self.current: RunUnderWay | None = None
        self.failure: str | None = None
        self._last: RunUnderWay | None = None
        self._workers = workers
        self._out = out
        self._command_of = command_of
        self._on_cell = on_cell
        self._watcher = watcher
        self._anew = anew
        self._profiler = profiler

    @property
    def under_way(self) -> str | None:
        """The kind of the run that is under way, `plan` or `hand`; None where there is none."""
        return None if self.current is None else self.current.record.run.kind

    @property
    def ending(self) -> bool:
        """Whether the cell under way is being ended and saved, or there is none."""
        cell = None if self.current is None else self.current.cell
        return cell is None or cell.progress.ending is not None

    @property
    def record(self) -> RunRecord | None:
        """The current or last run's; None where none has begun yet."""
        run = self.current or self._last
        return None if run is None else run.record

    @property
    def run_path(self) -> Path | None:
        """The current or last run's folder."""
        return None if self.record is None else self.record.path

    @property
    def progress(self) -> Progress:
        """Where the current or last run stands."""
        run = self.current or self._last
        return Progress(failure=self.failure) if run is None else run.progress(self.failure)

    def check_capacity(
        self, level: int, modes: Sequence[str], traffic: Traffic, load_s: Callable[[float], float] = float
    ) -> None:
        """PlanError where so many users would run into a limit of anybody's.

        load_s: of so many seconds, during how many one mode is under load: all, unless a plan says otherwise.
        """
        workers = self._workers.limits()
        for mode in modes:
            server, thread_each = _asked(self.targets.server_of(mode), mode, traffic)
            endpoint = self.targets.endpoint_of(mode)
            sent, limits = ways_out(endpoint, traffic, workers)
            check_capacity(level, limits, server, len(sent.sources), thread_each)
            check_turnover(sent, load_s, limits, ADDRESS_BOOK.find(endpoint))

    def begin_plan(self, plan: Plan) -> RunUnderWay:
        """Ask the server for its settings and make the run folder, before any load.

        ServerUnreachableError and ResultsError pass through.
        """
        run = self._begin("plan", plan.to_json(), plan, plan.modes)
        if note := foresee(self.targets.server_of, plan):
            run.record.note(note)
            logger.warning("lockstep: %s", note)
        return run

    def begin_manual(self, mode: str, traffic: Traffic) -> RunUnderWay:
        """The same for a run that is one cell, which somebody ends by hand."""
        return self._begin("hand", {"mode": mode, "traffic": asdict(traffic)}, None, (mode,))

    def _begin(
        self, kind: str, described: dict[str, Any], plan: Plan | None, loaded: Sequence[str]
    ) -> RunUnderWay:
        targets = self.targets
        settings, told, modes = targets.settings(), targets.told(), targets.modes()
        # Anybody who reads the figures must know it.
        notes = [f"{mode}: {why}" for mode in loaded for why in targets.endpoint_of(mode).warnings]
        record = RunRecord.begin(self._out, kind, described, settings, self._command_of, told, modes)
        for note in notes:
            record.note(note)
            logger.warning("lockstep: %s", note)
        self.failure = None
        self.current = RunUnderWay(
            record, plan, self._workers, targets, self._on_cell, self._watcher, self._anew, self._profiler
        )
        return self.current

    def note_level(self, level: int) -> None:
        """The number of users in a manual run has changed: its level is their peak."""
        if self.current is not None and self.current.cell is not None:
            self.current.cell.note_level(level)

    def give_up(self, reason: str) -> None:
        """The harness cannot go on: save what there is, and say why."""
        self._fail(reason)
        if self.current is not None:
            self.current.record.note(reason)
            self.finish_run(interrupted=True)

    def _fail(self, reason: str) -> None:
        """The first reason is the cause of all that follows it."""
        self.failure = self.failure or reason
        logger.error("lockstep: %s", reason)

    def finish_run(self, *, interrupted: bool | None = None, hurried: bool = False) -> None:
        """End the run under way, if one is, and wait for the report of the last.

        interrupted: unless it is said, a plan was and a manual run was not. Where the run can no longer be
        saved, `failure` says why. hurried: as for RunUnderWay.end_cell.
        """
        run = self.current or self._last
        if run is None:
            return
        if run is self.current and self.failure is None and run.lost:
            self._fail(run.lost)
        try:
            run.finish(
                interrupted=not run.record.run.manual if interrupted is None else interrupted, hurried=hurried
            )
        except ResultsError as unsaved:
            self._fail(str(unsaved))
        # The next run need not wait for this one's report.
        if run is self.current:
            self._last, self.current = run, None
        run.record.await_report()

    def stopping(self, finishing: gevent.Greenlet[..., None]) -> None:
        """Wait until the load is over; `finishing` goes on with what is left of finish_run."""
        if self.current is not None:
            self.current.await_drained(finishing)

    def on_report(self, report: Report) -> None:
        """A worker's report came in."""
        cell = None if self.current is None else self.current.cell
        try:
            if cell is None or not cell.collector.add(report):
                logger.warning("refused a report of worker %s for cell %s", report.worker, report.cell)
        except ValueError as false:
            self.on_false(report.worker, f"cannot read a Report ({false})")

    def on_false(self, worker: str, reason: str) -> None:
        """A worker said what cannot be: it is left out, and the cell under way is without it."""
        logger.warning("refused a message of worker %s: %s", worker, printable(reason))
        if self.current is not None and self.current.cell is not None:
            self.current.cell.collector.note_false(worker)

    def on_opened(self, opened: Opened) -> None:
        """A worker has all of a cell's connections open."""
        if self.current is not None and self.current.cell is not None:
            self.current.cell.collector.note_opened(opened)

    def on_pulse(self, pulse: Pulse) -> None:
        """What a worker saw in the last second."""
        self.pulses.add(pulse)
        self.totals.add(pulse)
        if self.current is not None:
            self.current.note_pulse(pulse)

    def on_met(self, met: Met) -> None:
        """Users of a worker wait at a rendezvous."""
        if self.current is not None:
            self.current.note_met(met)

    def on_fault(self, fault: Fault) -> str | None:
        """A worker cannot go on. Why, where that ends a manual run, which nobody here is waiting on."""
        return None if self.current is None else self.current.add_fault(fault)

    def on_worker(self, worker: str) -> None:
        """A worker joined; if a cell is under way it takes part from now on."""
        if self.current is not None:
            self.current.add_worker(worker)
