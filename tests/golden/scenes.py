"""The fixed runs whose exact English the golden files hold: simulated, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lockstep.record.histograms import of_values
from lockstep.report.material import Material
from lockstep.runs.folder import RunFolder
from lockstep.runs.measures import Count, Edges
from lockstep.runs.records import Run
from tests.factories.folders import write_histograms, write_run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import (
    degraded,
    make_cell,
    of_somebody_else,
    run_of,
    silent,
    without_server,
)
from tests.factories.simulated import simulated_run
from tests.factories.units import MS

GATES = (
    "free: response_p99 < 1s",
    "lock@8: messages_per_s > 1000000",
    "lock/free@8: messages_per_s > 0.01",
    "lock@32: failed_share <= 0%",
    "free@8: max_in_service > 0",
    "free@8: handoff_p50 < 1s",
)


def closed() -> Run:
    """The default comparison as it should be: whole, with gates of which one fails."""
    run, _ = simulated_run()
    return replace(run, plan={**run.plan, "gates": list(GATES)})


def lagging() -> Run:
    """One repeat under a busy generator, interrupted, with failed messages and a note."""
    run, _ = simulated_run(modes=("free", "lock"), levels=(1, 2, 4, 8, 16), repeats=1)
    late = of_values([40 * MS] * 100)
    cells = [
        replace(
            cell,
            health=[replace(each, loop_lag_us=late, cpu_share=0.97, open_files=990) for each in cell.health],
            messages=replace(cell.messages, sent=cell.messages.sent + 2, reset=2),
            ledger=replace(cell.ledger, failed=2),
            examples={"reset": "connection reset by peer"},
            cut_short=cell.index == 9,
        )
        for cell in run.cells
    ]
    return replace(run, interrupted=True, cells=cells, notes=["cell 9: stopped"])


def unequal() -> Run:
    """Degraded in each way that cells can be: a worker lacks, books differ, a window is too short."""
    run, _ = simulated_run(modes=("free", "lock"), levels=(1, 8))
    short = Edges(0.2, 8, 3_340_000.0, 9.6, at_least=True)
    cells = [
        replace(
            cell,
            workers_reported=1,
            ledger=replace(cell.ledger, sent=Count(1_000, 998)),
            edges=short if (cell.mode, cell.level) == ("lock", 8) else None,
        )
        for cell in run.cells
    ]
    return replace(run, cells=cells, plan={**run.plan, "gates": list(GATES[:2])})


def noisy() -> Run:
    """Figures of which little can be said, and a mode that answers nothing, against a stranger's server."""
    cells = [
        make_cell(
            mode, 8, repeat, messages_per_s=rate * factor**repeat, p99_us=9_000 * factor ** (4 - repeat)
        )
        for repeat in (1, 2, 3)
        for mode, rate, factor in (("free", 800.0, 1.01), ("lock", 700.0, 1.02), ("queue=1", 90.0, 5.0))
    ]
    cells += [silent(make_cell("ticket", 8, repeat)) for repeat in (1, 2, 3)]
    run = run_of(cells)
    return of_somebody_else(without_server(run), "line", None)


SCENES: Mapping[str, Callable[[], Run]] = {
    "closed load, gates": closed,
    "open load": simulated_open_run,
    "one repeat, interrupted, a busy generator": lagging,
    "degraded": unequal,
    "noisy, a server of somebody else's": noisy,
}


def material_of(run: Run, folder: Path) -> Material:
    """The run written, with all that a run folder has, and read back."""
    _, connections = simulated_run() if run.kind == "plan" and len(run.cells) == 36 else (run, [])
    path = write_run(folder, run, connections)
    if connections:
        write_histograms(path, run)
    return Material.of(RunFolder.load(path))


def diffed() -> Mapping[str, tuple[Run, Run]]:
    """Pairs of runs: slower and forced, faster within the tolerance, losing messages, degraded."""

    def lock(rate: float, factor: float = 1.001) -> Run:
        cells = [make_cell("lock", 8, each, messages_per_s=rate * factor**each) for each in (1, 2, 3)]
        cells += [make_cell("free", 8, each, p50_us=2_000 * 1.001**each) for each in (1, 2, 3)]
        return run_of(cells)

    slower = lock(50)
    lost = run_of([*map(silent, lock(100).cells[:1]), *lock(100).cells[1:], make_cell("ticket", 32)])
    return {
        "slower, forced": (lock(100), replace(slower, server={**slower.server, "hold_ns": 3_000_000})),
        "a little slower": (lock(100), lock(97)),
        "faster, hardly to be told": (lock(100, 1.2), lock(200, 1.2)),
        "messages lost": (lock(100), lost),
        "the same": (lock(100), lock(100)),
        "degraded": (lock(100), degraded(lock(100))),
    }


def days() -> list[tuple[str, Run]]:
    """A folder's runs: the first, one slower, one of another hold, one degraded, one like the first."""

    def run_on(day: int, rate: float = 100.0, hold_ns: int = 2_000_000) -> Run:
        cells = [
            make_cell(mode, 8, repeat, messages_per_s=per_s * (1 + repeat / 1_000))
            for repeat in (1, 2, 3)
            for mode, per_s in (("free", 800.0), ("lock", rate))
        ]
        plan = {"modes": ["free", "lock"], "levels": [8], "gates": ["lock: messages_per_s > 70"]}
        run = run_of(cells, run_id=f"run-{day}", started=f"2026-01-{day:02}T10:00:00+00:00", plan=plan)
        return replace(run, server={**run.server, "hold_ns": hold_ns})

    runs = [run_on(1), run_on(2, rate=50), run_on(3, hold_ns=9_000_000), degraded(run_on(4)), run_on(5)]
    return [(run.run_id, run) for run in runs]
