"""The run under way: its cells one after another, each begun, ended and saved, and then its own end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import gevent
from gevent.event import Event
from gevent.lock import RLock

from lockstep.analysis.gate_syntax import Gate, parse_gates
from lockstep.beside import Beside
from lockstep.control import (
    BEGIN,
    DRAIN_S,
    END,
    GO,
    HURRIED_DRAIN_S,
    CellOrder,
    EndOrder,
    Fault,
    Go,
    Met,
    Pulse,
)
from lockstep.errors import HarnessError, ResultsError
from lockstep.master.cell import OPENING_S, CellUnderWay, clear_server
from lockstep.master.course import Course, begins_repeat
from lockstep.master.gate_watch import GateWatch
from lockstep.master.losses import in_words
from lockstep.master.progress import Progress, Stage
from lockstep.master.rendezvous import Rendezvous
from lockstep.master.run import RunRecord
from lockstep.measure.collector import CellCollector
from lockstep.plan import SEEDS_PER_PLAN, Plan, PlannedCell
from lockstep.profiling.profiler import Profiler, Taken
from lockstep.runs.records import Run
from lockstep.target.target import Targets
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Traffic
from lockstep.watch.watcher import Seen, Watcher
from lockstep_wire.push import clock_name

if TYPE_CHECKING:
    # It brings Locust in.
    from lockstep.master.workers import Workers

# After the drain and its abort thousands of connections may have to be closed.
REPORT_WAIT_S = DRAIN_S + 12.0
POLL_S = 0.01
# So often it looks whether anybody is left.
LOOK_S = 0.2
# So much later than it is said users begin at a rendezvous: by then all workers have heard of it.
GO_LEAD_NS = 20_000_000


class RunUnderWay:
    """One run, from its folder's making until it is saved; what it was can be asked for afterwards too.

    record: what is saved of it. plan: None for a manual run, which is one cell. on_cell: called with the run
    after each of its cells. watcher: who looks at the servers' processes, None where nobody does.
    anew: starts the servers again, and tells whom the load goes to then; None where others have
    started them. profiler: looks into them in the cells that are for that.
    """

    def __init__(
        self,
        record: RunRecord,
        plan: Plan | None,
        workers: Workers,
        targets: Targets,
        on_cell: Callable[[Run], None],
        watcher: Watcher | None = None,
        anew: Callable[[], Targets] | None = None,
        profiler: Profiler | None = None,
    ) -> None:
        self.record = record
        self.cell: CellUnderWay | None = None
        self._workers = workers
        self._targets = targets
        self._on_cell = on_cell
        self._watcher = watcher
        self._anew = anew
        self._profiler = profiler
        self._planned: tuple[PlannedCell, ...] = ()
        adaptive = None if plan is None else plan.search or plan.until
        self._at_most_s = None if adaptive is None else adaptive.at_most_s
        self._cell_s = 0.0 if plan is None else plan.warmup_s + plan.seconds
        self._begun_ns = self._saved_ns = time.monotonic_ns()
        self._fault: str | None = None
        self._rendezvous, self._rendezvous_of = Rendezvous(()), ("", -1)
        self._faulted = Event()
        self._watch, self._broken = GateWatch(()), Event()
        # The last worker's leaving, a signal and the page's button may each end it, at the same time.
        self._ending = RLock()
        # Who was sent into the last cell, and with whose code.
        self._carriers: list[str] = []
        self._file: str | None = None
        self._taken: Taken | None = None

    def progress(self, failure: str | None) -> Progress:
        """Where it stands. failure: why it could not go on."""
        return Progress(
            run=self.record.run,
            planned=self._planned,
            at_most_s=self._at_most_s,
            cell_s=self._cell_s,
            cell=None if self.cell is None else self.cell.progress,
            begun_ns=self._begun_ns,
            saved_ns=self._saved_ns,
            report=self.record.report,
            failure=failure,
        )

    def expect(self, course: Course) -> list[PlannedCell]:
        """The cells that come next; none where the run is done."""
        cells = course(self.record.run, (time.monotonic_ns() - self._begun_ns) / 1e9)
        self._planned += tuple(cells)
        return cells

    def run_cell(self, planned: PlannedCell, plan: Plan) -> None:
        """One cell of a plan from begin to end; blocks for its time. HarnessError where a worker cannot.

        Refusals of whoever starts the servers anew pass through.
        """
        if plan.restart and self._anew is not None and begins_repeat(plan, self.record.run, planned):
            self._targets = self._anew()
        self._workers.await_users(planned.level)
        warmup_s, seconds = planned.lengths_s or plan.lengths(planned.mode, planned.level)
        traffic = planned.traffic(plan.traffic)
        cell = self.begin_cell(planned, traffic, warmup_s, seconds, plan.seed * SEEDS_PER_PLAN)
        self._await_opening(cell.collector)
        cell.begin()
        self._broken.clear()
        self._watch = GateWatch(gates_of(plan, planned))
        if planned.profiled and self._profiler is not None:
            self._profiler.begin(planned.mode)
        self._carry(warmup_s + seconds)
        if planned.profiled and self._profiler is not None:
            self._taken = self._profiler.end()
        self._heed_fault()
        self._targets.check_up(planned.mode)
        self.end_cell(cut_short=bool(cell.ended_early or self.lost))
        # A cell that is shorter than the time between reports has only a last one to be read.
        self._heed_fault()
        if self.lost:
            raise HarnessError(self.lost)

    def _carry(self, seconds: float) -> None:
        """Wait so long, or until something stands in the way of the cell under way."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and not self.lost:
            if gevent.wait([self._faulted, self._broken], timeout=min(left_s, LOOK_S), count=1):
                return

    @property
    def lost(self) -> str:
        """Why it cannot go on, where nobody is left to carry it; "" where somebody is, or all have quit."""
        return "" if self._workers.present() else self._told_losses(self._carriers)

    def _told_losses(self, workers: Iterable[str]) -> str:
        return in_words(self._workers.losses(workers), self._file)

    def begin_cell(
        self, planned: PlannedCell, traffic: Traffic, warmup_s: float, seconds: float | None, seed: int = 1
    ) -> CellUnderWay:
        """Send every worker into a cell, each with its share of the load.

        seconds: None where somebody ends it by hand. seed: of what is drawn at random; the modes of one
        repeat draw the same, so that they compare.
        """
        order = CellOrder(
            run_id=self.record.run.run_id,
            cell=planned.index,
            mode=planned.mode,
            traffic=traffic,
            warmup_s=warmup_s,
            seconds=seconds,
            seed=seed + planned.repeat,
            beside=Beside.kind_of(planned.beside),
            beside_users=planned.beside_users,
            **self._targets.way_to(planned.mode)._asdict(),
        )
        before, note = clear_server(self._targets.server_of(planned.mode), planned, gevent.sleep)
        if note:
            self.record.note(note)
        self._carriers = workers = sorted(self._workers.present())
        self._file = None if traffic.user_file is None else traffic.user_file.path
        self.cell = cell = CellUnderWay(planned, order, workers, before, self._workers.called)
        self._rendezvous, self._rendezvous_of = Rendezvous(workers), (order.run_id, order.cell)
        if self._watcher is not None:
            self._watcher.begin(planned.mode, Endpoint.parse(order.url).port, warmup_s + (seconds or 0))
        for share, worker in enumerate(workers):
            self._workers.tell(worker, BEGIN, order.for_share(share, len(workers)).to_message())
        return cell

    def end_cell(self, *, cut_short: bool = False, hurried: bool = False) -> None:
        """Let the workers drain, wait for their last reports, ask the server, save. Nothing without a cell.

        hurried: what is in flight has little time to finish, and so has the server.
        """
        with self._ending:
            cell = self.cell
            if cell is None:
                return
            cell.end()
            drain_s = HURRIED_DRAIN_S if hurried else DRAIN_S
            self._workers.tell_all(END, EndOrder(cut_short or hurried, drain_s).to_message())
            self._await_reports(cell.collector)
            cell.drained.set()
            self._save(cell, cut_short)

    def finish(self, *, interrupted: bool, hurried: bool = False) -> None:
        """Save the run, and begin to make its report. A cell that is still under way is ended now.

        A plan that has such a cell was interrupted, and the cell is cut short; a manual run always ends like
        this. ResultsError where it can no longer be saved: it is over all the same. hurried: as for end_cell.
        """
        with self._ending:
            if not self.record.running:
                return
            if self.cell is not None and self.record.run.manual:
                self.cell.note_last_level(self._workers.users())
            try:
                self.end_cell(cut_short=interrupted, hurried=hurried)
                self.record.close(interrupted=interrupted)
            except ResultsError as unsaved:
                self.record.abandon(str(unsaved))
                raise

    def note_pulse(self, pulse: Pulse) -> None:
        """What a worker saw of the cell under way: where that breaks a gate that may end it, it ends now."""
        cell = self.cell
        if cell is None or (pulse.run_id, pulse.cell) != (self.record.run.run_id, cell.planned.index):
            return
        # Of the window alone.
        if (
            cell.progress.stage(time.monotonic_ns() - pulse.span_ns) is Stage.MEASURING
            and not cell.ended_early
        ):
            cell.ended_early = self._watch.note(pulse) or ""
            if cell.ended_early:
                self._broken.set()

    def note_met(self, met: Met) -> None:
        """Users of a worker wait for the others; of another run or cell nobody is listened to."""
        if self.cell is None or (met.run_id, met.cell) != self._rendezvous_of:
            return
        rendezvous = self._rendezvous
        if rendezvous.note(met):
            gevent.spawn_later(met.within_s, self._go, rendezvous, rendezvous.round)
        if rendezvous.complete:
            self._go(rendezvous, rendezvous.round)

    def _go(self, rendezvous: Rendezvous, number: int) -> None:
        """Everybody who is there begins, unless they have."""
        if rendezvous is self._rendezvous and number == rendezvous.round:
            run_id, cell = self._rendezvous_of
            at_ns = time.monotonic_ns() + GO_LEAD_NS
            go = Go(run_id, cell, rendezvous.next_round(), at_ns, clock_name().decode())
            self._workers.tell_all(GO, go.to_message())

    def add_fault(self, fault: Fault) -> str | None:
        """A worker cannot go on. Why, where that ends a manual run, which nobody here is waiting on.

        Of several faults the first is the cause; those of another run are not listened to.
        """
        if fault.run_id != self.record.run.run_id or self._fault is not None:
            return None
        self._fault = f"{self._workers.called(fault.worker)}: {fault.reason}"
        self._faulted.set()
        return self._fault if self.record.run.manual else None

    def add_worker(self, worker: str) -> None:
        """A worker joined; if a cell is under way it takes part from now on.

        In an open load all arrivals have their worker already: there it waits for the next cell.
        """
        if self.cell is None:
            return
        collector = self.cell.collector
        if worker not in collector.workers and not collector.order.traffic.arrival.open:
            collector.expect(worker)
            self._workers.tell(worker, BEGIN, collector.order.to_message())

    def await_drained(self, finishing: gevent.Greenlet[..., None]) -> None:
        """Wait until the load of the cell under way is over; `finishing` goes on with what is left to do."""
        if self.cell is not None:
            gevent.wait([self.cell.drained, finishing], timeout=REPORT_WAIT_S, count=1)

    def _heed_fault(self) -> None:
        if self._fault is not None:
            raise HarnessError(self._fault)

    def _await_opening(self, collector: CellCollector) -> None:
        """Where a cell opens its connections first: until they are there, or the time for it is over."""
        with gevent.Timeout(OPENING_S, False):
            while collector.unopened & self._workers.present() and not self._faulted.is_set():
                gevent.sleep(POLL_S)

    def _await_reports(self, collector: CellCollector) -> None:
        """Until every worker that is still there has sent its last report."""
        with gevent.Timeout(REPORT_WAIT_S, False):
            while collector.awaited() & self._workers.present():
                gevent.sleep(POLL_S)

    def _save(self, cell: CellUnderWay, cut_short: bool) -> None:
        server = self._targets.server_of(cell.planned.mode)
        lost = self._told_losses(cell.collector.missing())
        seen = Seen() if self._watcher is None else self._watcher.end(cell.began_ns)
        measured = cell.measured(server, gevent.sleep, seen, cut_short=cut_short, lost=lost)
        # Only now: whoever is stopped while it waits above leaves the cell to be saved by the next to end it.
        self.cell = None
        taken, self._taken = self._taken, None
        if cell.planned.profiled:
            # One that was cut short has none.
            if taken is not None:
                self.record.add_profile(measured.cell, taken)
            return
        self.record.add_cell(measured)
        self._saved_ns = time.monotonic_ns()
        self._on_cell(self.record.run)


def gates_of(plan: Plan, planned: PlannedCell) -> list[Gate]:
    """The gates that a cell has to keep to by itself; one with company keeps to none."""
    parsed = parse_gates(plan.gates, plan.modes, plan.levels) if not planned.beside else []
    return [each for each in parsed if each.mode == planned.mode and each.level in (None, planned.level)]
