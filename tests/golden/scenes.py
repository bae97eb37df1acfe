"""The fixed runs whose exact English the golden files hold: simulated, the same on every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from lockstep.report.material import Material
from lockstep.runs.folder import RunFolder
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Company, Count, Distribution, Edges, Occupancy, Rendezvous
from lockstep.runs.profiles import Profile, Stack
from lockstep.runs.records import Messages, Requests, Run
from lockstep.search import RATE, Search
from tests.factories.folders import write_histograms, write_run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import (
    agreed,
    degraded,
    make_cell,
    of_somebody_else,
    run_of,
    silent,
    watched_for,
    with_times,
    without_server,
)
from tests.factories.searched import Server, line, of_a_busy_generator, searched_run
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


def in_company() -> Run:
    """A slow reader beside the users, and what that leaves of them; a lock that it stops."""
    rates = (("free", 800.0, 700.0), ("lock", 420.0, 0.0))
    alone = [make_cell(mode, 8, each, messages_per_s=rate) for each in (1, 2, 3) for mode, rate, _ in rates]
    beside = [
        make_cell(
            mode,
            8,
            each,
            messages_per_s=left,
            messages=Messages(sent=1_000, answered=1_000 if left else 0, aborted=0 if left else 1_000),
            beside=Company("slow-reader", 2, opened=2, cut=each - 1),
        )
        for each in (1, 2, 3)
        for mode, _, left in rates
    ]
    numbered = [replace(cell, index=len(alone) + place) for place, cell in enumerate(beside)]
    return run_of(alone, beside=numbered)


def named() -> Run:
    """Two services over TLS that are asked for several things, by users that begin at once."""

    def requests(answered: int, error: int, p99_us: float) -> Requests:
        messages = Messages(sent=answered + error, answered=answered, error=error)
        times = Distribution(answered, p99_us / 8, p99_us / 4, p99_us / 4, p99_us / 2, p99_us, p99_us, p99_us)
        return Requests(messages, times)

    cells = [
        with_times(
            make_cell(
                mode,
                8,
                repeat,
                messages_per_s=rate * (1 + repeat / 100),
                requests={"GET": requests(900, 0, 4_000 / rate), "login": requests(95, 5 - repeat, 90_000.0)},
                rendezvous=Rendezvous(0.5, 40, repeat - 1),
                handshakes=8,
                resumed=0 if mode == "old" else 6,
            ),
            handshake=Distribution(8, 900.0, 2_000.0, 1_900.0, 2_500.0, 4_000.0, 4_000.0, 4_000.0),
        )
        for repeat in (1, 2, 3)
        for mode, rate in (("old", 400.0), ("new", 500.0))
    ]
    return of_somebody_else(without_server(run_of(cells)), "resp", None)


def pipelined() -> Run:
    """Sixteen messages in flight on each connection."""
    cells = [
        make_cell(
            mode,
            8,
            repeat,
            messages_per_s=rate,
            scenario="pipelined",
            depth=16,
            littles_law=Occupancy(126.0, 126.0),
        )
        for repeat in (1, 2, 3)
        for mode, rate in (("free", 40_000.0), ("lock", 11_000.0))
    ]
    return run_of(cells)


def changing() -> Run:
    """A rate that rises in steps, with which one mode keeps up."""
    cells = [
        make_cell(
            mode,
            32,
            messages_per_s=answered / 3,
            messages=Messages(sent=answered, answered=answered),
            ledger=agreed(answered, 64),
            seconds=3.0,
            stages="hold 100 1s, hold 200 1s, hold 300 1s",
            scenario="persistent",
            arrival="constant",
            rate_per_s=200.0,
        )
        for mode, answered in (("free", 600), ("lock", 300))
    ]
    return run_of(cells)


def capacity() -> Run:
    """A search for connections: found, nowhere to be found, and further than the generator could go."""
    search = Search(("response_p99 < 50ms", "failed <= 0"))
    return searched_run(
        search,
        {
            "lock": Server(line(9.5), spread=0.02),
            "ticket": Server(line(0.7)),
            "free": Server(line(400.0), lambda cell: of_a_busy_generator(cell) if cell.level > 40 else cell),
        },
    )


def capacity_by_rate() -> Run:
    """A search for arrivals per second, stopped by its time, and one that was allowed no more."""
    search = Search(("response_p99 < 50ms",), by=RATE, start=20, up_to=320, capped="source needs more ports")
    whole = searched_run(search, {"lock": Server(line(148.0), spread=0.1), "free": Server(line(4_000.0))})
    left = [cell for cell in whole.cells if cell.mode == "free" or cell.index < 8]
    return replace(whole, cells=left)


def watched() -> Run:
    """Threads that are too many for the cores, and threads that wait for a lock."""
    cells = [
        replace(with_times(cell, wait=Distribution(400, *[wait_us] * 7)), watched=seen)
        for repeat in (1, 2, 3)
        for mode, rate, wait_us, seen in (
            ("free", 800.0, 20.0, watched_for(1_000, threads=11, on_cpu=1.9, delayed=5.6, involuntary=612)),
            ("lock", 90.0, 17_000.0, watched_for(1_000, threads=12, on_cpu=0.14, seen=0.2, runnable=0.16)),
        )
        for cell in [make_cell(mode, 8, repeat, messages_per_s=rate * (1 + repeat / 100))]
    ]
    return run_of(cells)


def watched_services() -> Run:
    """A service that computes in one thread, and one of several processes that sleeps."""
    cells = [
        make_cell(mode, 8, repeat, messages_per_s=rate * (1 + repeat / 100), watched=seen)
        for repeat in (1, 2, 3)
        for mode, rate, seen in (
            ("new", 9_000.0, watched_for(1_000, threads=5, on_cpu=0.97, backlog=31.0, backlog_bound=511.0)),
            ("old", 700.0, watched_for(1_000, processes=9, threads=9, on_cpu=0.2, rtt_us=24.0, unacked=0.5)),
        )
    ]
    return of_somebody_else(without_server(run_of(cells)), "line", "+OK")


def profiled() -> Run:
    """A series that waits for its lock, and one that works, beside a profiler in one more cell of each."""
    return replace(watched(), profiled=["free", "lock"])


def _profile(mode: str) -> Profile:
    """What a profiler saw of it."""
    session = ("_run (threads.py:65)", "Session.run (session.py:83)")
    accepting = Stack(("AcceptLoop.run (accepting.py:45)",), 200, "link, address = self._listening.accept()")
    waiting = Stack(
        (*session, "Session._serve_holding_permit (session.py:104)"), 1_400, "admission.acquire()"
    )
    working = Stack((*session, "converse (conversation.py:35)"), 200, "time.sleep(hold_s)")
    seen = [accepting, replace(working, samples=1_600)] if mode == "free" else [accepting, waiting, working]
    return Profile(mode, 8, "py-spy", 2.0, {"free": 704.0, "lock": 88.2}[mode], seen)


SCENES: Mapping[str, Callable[[], Run]] = {
    "closed load, gates": closed,
    "open load": simulated_open_run,
    "one repeat, interrupted, a busy generator": lagging,
    "degraded": unequal,
    "noisy, a server of somebody else's": noisy,
    "a slow reader beside the users": in_company,
    "names, handshakes, rendezvous": named,
    "pipelined": pipelined,
    "stages": changing,
    "a search for connections": capacity,
    "threads that wait for a core, and for a lock": watched,
    "threads of other services": watched_services,
    "flame graphs": profiled,
    "a search for arrivals per second": capacity_by_rate,
}


def material_of(run: Run, folder: Path) -> Material:
    """The run written, with all that a run folder has, and read back."""
    _, connections = simulated_run() if run.kind == "plan" and len(run.cells) == 36 else (run, [])
    path = write_run(folder, run, connections)
    if connections:
        write_histograms(path, run)
    for number, mode in enumerate(run.profiled, start=1):
        RunFolder(path).save_profile(number, _profile(mode))
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
