"""A run from its first moment to its report, with workers that answer at once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from lockstep.control import BEGIN, END, CellOrder, Fault, Opened
from lockstep.errors import HarnessError
from lockstep.master import run as run_record
from lockstep.master.conductor import Conductor
from lockstep.master.losses import Loss
from lockstep.master.progress import ReportState, Stage
from lockstep.plan import Plan, PlannedCell
from lockstep.runs.folder import RunFolder
from lockstep.target.target import Target
from lockstep.tcp.endpoint import Endpoint
from lockstep.traffic import Arrival, Traffic
from tests.factories.reports import report_of

CELL = PlannedCell(0, "target", 1, 1)
PLAN = Plan(modes=("target",), levels=(1,), repeats=2, seconds=0.1, warmup_s=0.0)
FAR_NS = 1 << 62


class Crew:
    """Stands in for the workers: each sends its last report when it is told to end, unless it is silent."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.silent: set[str] = set()
        self.lost: dict[str, str | None] = {}
        self.orders: dict[str, CellOrder] = {}
        self.conductor: Conductor
        self.on_begin: Callable[[str, CellOrder], object] = lambda *_: None
        self.on_end: Callable[[], object] = lambda: None

    def present(self) -> set[str]:
        return self.names

    def called(self, worker: str) -> str:
        return f"worker {worker.removeprefix('w')}"

    def losses(self, workers: Iterable[str]) -> list[Loss]:
        return [
            Loss(self.called(worker), self.lost[worker]) for worker in sorted(workers) if worker in self.lost
        ]

    def users(self) -> int:
        return 1

    def await_users(self, level: int) -> None:
        pass

    def tell(self, worker: str, kind: str, message: dict[str, Any]) -> None:
        assert kind == BEGIN
        self.orders[worker] = CellOrder.from_message(message)
        self.on_begin(worker, self.orders[worker])

    def tell_all(self, kind: str, message: dict[str, Any]) -> None:
        assert kind == END
        self.on_end()
        for worker, order in self.orders.items():
            if worker not in self.silent:
                self.conductor.on_report(report_of([], worker, order))


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_record, "_make_report", lambda _: None)


@pytest.fixture
def crew() -> Crew:
    return Crew("w1", "w2")


@pytest.fixture
def conductor(crew: Crew, tmp_path: Path) -> Conductor:
    workers: Any = crew
    crew.conductor = Conductor(workers, Target(Endpoint("127.0.0.1", 1), None), tmp_path)
    return crew.conductor


def fault(conductor: Conductor, worker: str = "w1", reason: str = "no file left", run_id: str = "") -> Fault:
    """A fault of the run under way, unless it names another."""
    assert conductor.current is not None
    return Fault(run_id=run_id or conductor.current.record.run.run_id, worker=worker, reason=reason)


def test_a_plan_goes_from_stage_to_stage_and_is_saved_whole(crew: Crew, conductor: Conductor) -> None:
    stages: list[Stage] = []

    def look(*_: object) -> None:
        stages.append(conductor.progress.stage(FAR_NS))

    crew.on_begin = crew.on_end = look
    look()
    run = conductor.begin_plan(PLAN)
    look()
    for planned in PLAN.cells():
        run.run_cell(planned, PLAN)
    look()
    conductor.finish_run(interrupted=False)
    look()
    measured = [Stage.MEASURING, Stage.MEASURING, Stage.DRAINING]
    assert stages == [Stage.IDLE, Stage.STARTING, *measured, *measured, Stage.STARTING, Stage.DONE]
    assert conductor.current is None
    saved = RunFolder.load(run.record.path).run
    assert (len(saved.cells), saved.interrupted, saved.finished is None) == (2, False, False)


def test_a_cell_whose_connections_stay_begins_when_all_workers_have_opened_theirs(
    crew: Crew, conductor: Conductor
) -> None:
    plan = Plan(modes=("target",), levels=(1,), repeats=1, seconds=0.1, traffic=Traffic("persistent"))
    stages: list[Stage] = []

    def opened(worker: str, order: CellOrder) -> None:
        stages.append(conductor.progress.stage(FAR_NS))
        told = Opened(run_id=order.run_id, cell=order.cell, worker=worker, opened_s=0.2)
        gevent.spawn(conductor.on_opened, told)

    crew.on_begin = opened
    run = conductor.begin_plan(plan)
    run.run_cell(plan.cells()[0], plan)
    assert stages == [Stage.OPENING] * 2
    assert run.record.run.cells[0].opening_s == 0.2


def test_shares_of_the_load_are_one_for_each_worker(crew: Crew, conductor: Conductor) -> None:
    conductor.begin_manual("target", Traffic()).begin_cell(CELL, Traffic(), 0.0, None)
    assert {name: (order.share, order.shares) for name, order in crew.orders.items()} == {
        "w1": (0, 2),
        "w2": (1, 2),
    }


@pytest.mark.parametrize(("arrival", "joins"), [(Arrival(), True), (Arrival("poisson", 9.0), False)])
def test_a_worker_that_joins_takes_part_unless_all_arrivals_are_given_out(
    crew: Crew, conductor: Conductor, arrival: Arrival, joins: bool
) -> None:
    traffic = Traffic(arrival=arrival)
    conductor.on_worker("w3")
    conductor.begin_manual("target", traffic).begin_cell(CELL, traffic, 0.0, None)
    conductor.on_worker("w3")
    assert ("w3" in crew.orders) == joins


def test_a_worker_that_cannot_go_on_ends_a_plan_with_what_it_has(crew: Crew, conductor: Conductor) -> None:
    crew.on_begin = lambda *_: conductor.on_fault(fault(conductor))
    run = conductor.begin_plan(PLAN)
    with pytest.raises(HarnessError, match="worker 1: no file left") as stopped:
        run.run_cell(PLAN.cells()[0], PLAN)
    conductor.give_up(str(stopped.value))
    assert conductor.failure == "worker 1: no file left"
    saved = RunFolder.load(run.record.path).run
    assert (saved.interrupted, saved.notes) == (True, ["worker 1: no file left"])
    assert [cell.cut_short for cell in saved.cells] == [True]


def lose(crew: Crew, **ends: str | None) -> None:
    crew.lost = ends
    crew.silent = set(ends)
    crew.names -= crew.silent


def test_a_plan_goes_on_without_a_worker_that_is_lost_and_its_cell_says_what_became_of_it(
    crew: Crew, conductor: Conductor
) -> None:
    crew.on_begin = lambda *_: lose(crew, w2="exit code 7")
    run = conductor.begin_plan(PLAN)
    for planned in PLAN.cells():
        run.run_cell(planned, PLAN)
    first, second = run.record.run.cells
    assert first.lost == "worker 2 has ended (exit code 7): look for whether memory ran out"
    assert (first.workers_reported, first.workers_expected, first.cut_short) == (1, 2, False)
    assert (second.lost, second.workers_expected) == ("", 1)


def test_a_plan_that_nobody_is_left_to_carry_ends_at_once_and_says_why(
    crew: Crew, conductor: Conductor
) -> None:
    crew.on_begin = lambda *_: lose(crew, w1=None, w2=None)
    run = conductor.begin_plan(PLAN)
    with pytest.raises(HarnessError, match="worker 1, worker 2 have not answered for 3 s") as stopped:
        run.run_cell(PLAN.cells()[0], PLAN)
    (cell,) = run.record.run.cells
    assert cell.cut_short
    assert cell.lost == str(stopped.value)
    conductor.finish_run()
    assert conductor.failure == str(stopped.value)


def test_workers_that_have_quit_in_order_are_not_lost(crew: Crew, conductor: Conductor) -> None:
    run = conductor.begin_manual("target", Traffic())
    run.begin_cell(CELL, Traffic(), 0.0, None)
    crew.names.clear()
    conductor.finish_run()
    assert conductor.failure is None


def test_a_last_report_that_cannot_be_read_ends_a_plan_too(crew: Crew, conductor: Conductor) -> None:
    crew.on_end = lambda: conductor.on_fault(fault(conductor, reason="of another version"))
    run = conductor.begin_plan(PLAN)
    with pytest.raises(HarnessError, match="of another version"):
        run.run_cell(PLAN.cells()[0], PLAN)
    assert len(run.record.run.cells) == 1


def test_a_report_that_says_what_cannot_be_leaves_its_cell_degraded_and_the_plan_goes_on(
    crew: Crew, conductor: Conductor, caplog: pytest.LogCaptureFixture
) -> None:
    def lie(worker: str, order: CellOrder) -> None:
        if worker == "w2":
            report = report_of([], worker, order, final=False)
            conductor.on_report(replace(report, counts=replace(report.counts, histograms={"response": "?"})))

    crew.on_begin = lie
    run = conductor.begin_plan(PLAN)
    run.run_cell(PLAN.cells()[0], PLAN)
    (line,) = [each.getMessage() for each in caplog.records if "refused" in each.getMessage()]
    assert "worker w2" in line
    (cell,) = run.record.run.cells
    assert (cell.workers_expected, cell.workers_reported) == (2, 1)
    assert any("a report of worker 2 was refused" in note for note in run.record.run.notes)
    assert run.record.degraded
    assert conductor.failure is None


def test_of_several_faults_the_first_is_the_cause_and_another_runs_is_none(conductor: Conductor) -> None:
    conductor.begin_manual("target", Traffic())
    assert conductor.on_fault(fault(conductor, run_id="another")) is None
    assert conductor.on_fault(fault(conductor, "w1")) == "worker 1: no file left"
    assert conductor.on_fault(fault(conductor, "w2")) is None


def test_a_manual_run_has_the_level_it_came_to_and_is_not_interrupted(
    conductor: Conductor,
) -> None:
    run = conductor.begin_manual("target", Traffic())
    run.begin_cell(CELL, Traffic(), 0.0, None)
    assert (conductor.under_way, conductor.ending) == ("hand", False)
    conductor.note_level(7)
    conductor.finish_run()
    assert (conductor.under_way, conductor.ending) == (None, True)
    (cell,) = run.record.run.cells
    assert (cell.level, cell.cut_short, run.record.run.interrupted) == (7, False, False)


def test_a_stop_waits_for_the_load_and_not_for_what_is_saved_behind_it(
    crew: Crew, conductor: Conductor
) -> None:
    run = conductor.begin_manual("target", Traffic())
    cell = run.begin_cell(CELL, Traffic(), 0.0, None)
    never = Event()
    finishing = gevent.spawn(never.wait)
    stopping = gevent.spawn(conductor.stopping, finishing)
    gevent.sleep(0)
    assert not stopping.dead
    cell.drained.set()
    stopping.join()
    assert not finishing.dead
    finishing.kill()


def test_a_run_that_can_no_longer_be_saved_is_over_all_the_same(conductor: Conductor) -> None:
    run = conductor.begin_manual("target", Traffic())
    run.begin_cell(CELL, Traffic(), 0.0, None)
    shutil.rmtree(run.record.path)
    conductor.finish_run()
    assert conductor.current is None
    assert conductor.failure is not None
    assert "its folder is gone" in conductor.failure
    assert conductor.progress.report is ReportState.FAILED
    conductor.begin_manual("target", Traffic())
    assert conductor.failure is None


def test_without_a_run_nothing_is_ended_and_a_report_is_refused(
    conductor: Conductor, caplog: pytest.LogCaptureFixture
) -> None:
    conductor.finish_run()
    conductor.note_level(3)
    conductor.on_report(report_of([]))
    assert conductor.run_path is None
    assert caplog.messages == ["refused a report of worker w1 for cell 0"]
