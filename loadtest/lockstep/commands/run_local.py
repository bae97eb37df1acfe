"""`lockstep compare`: the plan over local worker processes, against a server of our own or one that is
already there.

Locust is imported first of all: it replaces the standard library's blocking calls, and what was imported
before keeps the old ones.
"""

from __future__ import annotations

import locust  # isort: skip

import json
import logging
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from lockstep.children import Program, end_with_parent, how_it_ended, start
from lockstep.errors import HarnessError
from lockstep.master.conductor import Conductor
from lockstep.master.hooks import attach_conductor
from lockstep.master.progress import fit
from lockstep.master.promise import check_promise
from lockstep.master.shape import PlanShape
from lockstep.master.stop_signals import StoppedBySignal, ignore_stop_signals, stoppable
from lockstep.master.workers import Workers
from lockstep.plan import Plan
from lockstep.profiling.profiler import Profiler
from lockstep.profiling.tools import check_can_look
from lockstep.runs.records import Run
from lockstep.settings import WORKER_TOKEN
from lockstep.target.servers import Servers, Whom
from lockstep.tcp.dialling import find_way, from_source
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.link import no_such_source
from lockstep.tcp.trial import try_out
from lockstep.traffic import UserFile
from lockstep.watch.chosen import Watching
from lockstep.watch.watcher import Watcher
from lockstep.watch.watcher import watching as watched_by
from lockstep.worker.process import ScenarioUser
from lockstep.worker_port.keys import new_token
from lockstep.worker_port.shim import guard_port

WORKERS_TIMEOUT_S = 30.0
END_S = 3.0


@dataclass(frozen=True, slots=True)
class LocalRun:
    """What to compare and how. whom: the load goes to. processes: worker processes. command: what repeats
    this run. unset: which of the plan's `warmup` and `seconds` nobody set: they are as long as its sessions
    ask for. notes: what is to be known before it begins. watching: whose processes are looked at.
    """

    plan: Plan
    whom: Whom
    processes: int
    out: Path
    command: str
    unset: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()
    watching: Watching = field(default_factory=Watching)


@dataclass(frozen=True, slots=True)
class Finished:
    """Where the run's folder is, why it ended early if it did, and why it has no report if it has none."""

    path: Path
    failure: str | None
    stopped: StoppedBySignal | None
    unreported: str | None


def run_here(
    local_run: LocalRun,
    under_way: AbstractContextManager[object],
    on_cell: Callable[[Run], None],
    on_note: Callable[[str], None],
) -> Finished:
    """Run it to its end, or to a signal; one of REFUSALS, or StoppedBySignal, where it does not begin.

    under_way: entered once nothing stands in the way of the run, and left after it. on_cell is called after
    each cell, on_note with what is to be known before the first, and what is waited for after the last.
    """
    # What these would log reaches the user as Finished.failure, as a note or as a check.
    logging.getLogger("lockstep").setLevel(logging.CRITICAL)
    # It warns of many users at once, which is what a plan may well ask for.
    logging.getLogger("locust").setLevel(logging.ERROR)
    plan = local_run.plan
    with ExitStack() as stack:
        stack.enter_context(stoppable())
        port = _free_port()
        # They come up while all else is looked at.
        token = new_token()
        guard_port(token)
        workers = _start_workers(local_run.processes, port, token, plan.traffic.user_file)
        stack.callback(_end_workers, workers)
        servers = Servers(local_run.whom, plan, on_note)
        stack.callback(servers.end)
        targets = servers.targets
        targets.check(plan)
        check_promise(plan, targets)
        plan, fitted = fit(targets.server_of, plan, local_run.unset)
        for mode in plan.modes:
            _check_addresses(targets.endpoint_of(mode), plan.traffic.sources)
        for mode in local_run.whom.of_others(plan):
            _try_out(mode, targets.endpoint_of(mode), plan.traffic.sources)
        environment = Environment(user_classes=[ScenarioUser], events=locust.events)
        runner = environment.create_master_runner("127.0.0.1", port)
        stack.callback(_end_master, runner)
        # Before the server that they may still talk to.
        stack.callback(_end_workers, workers)
        command = local_run.command
        crew = Workers(runner, _ends_of(workers))
        profiler = _profiler(servers, plan, stack)
        watcher = _watcher(local_run.watching, servers, plan, stack)
        conductor = Conductor(
            crew, targets, local_run.out, lambda _: command, on_cell, watcher, servers.anew, profiler
        )
        attach_conductor(environment, conductor)
        shape = PlanShape(plan, conductor, ScenarioUser)
        _await_workers(runner, workers)
        # As the shape would; here what is refused is still an exception, before anybody is told of a run.
        record = shape.begin_run().record
        for note in [*local_run.notes, *([fitted] if fitted else []), *record.run.notes]:
            on_note(note)
        stack.enter_context(under_way)
        stopped = _walk(runner, conductor, shape)
        ignore_stop_signals()
        return Finished(record.path, conductor.failure, stopped, record.unreported)


def _watcher(watching: Watching, servers: Servers, plan: Plan, stack: ExitStack) -> Watcher | None:
    """Who looks at the servers' processes; None where none of them is known. stack: ends it."""

    def process_of(mode: str) -> int | None:
        return watching.process_of(mode, servers.targets.process_of)

    if all(process_of(mode) is None for mode in plan.modes):
        return None
    return stack.enter_context(watched_by(process_of))


def _profiler(servers: Servers, plan: Plan, stack: ExitStack) -> Profiler | None:
    """Who looks into the servers, where the plan says so; PlanError where that cannot be. stack: ends it."""
    if not plan.profile:
        return None
    # One server may be behind several modes.
    for pid, mode in {servers.targets.process_of(mode): mode for mode in reversed(plan.modes)}.items():
        assert pid is not None, "servers of others are refused before they are asked"
        check_can_look(mode, pid)
    profiler = Profiler(lambda mode: servers.targets.process_of(mode))
    stack.callback(profiler.stop)
    return profiler


def _check_addresses(endpoint: Endpoint, sources: Sequence[str]) -> None:
    """HarnessError where the host is unknown, a file is missing, or this machine cannot reach it from
    one of the sources."""
    addresses = find_way(endpoint)
    for source in sources or endpoint.options.source:
        with socket.socket(from_source(addresses, source)[0].family) as probe:
            try:
                probe.bind((source, 0))
            except OSError as error:
                raise no_such_source(source, error) from error


def _try_out(mode: str, endpoint: Endpoint, sources: Sequence[str]) -> None:
    """HarnessError where it takes no connection."""
    try:
        try_out(endpoint, next(iter(sources or endpoint.options.source), None))
    except HarnessError as refusal:
        raise HarnessError(f"{mode}: {refusal}") from refusal


def _walk(runner: MasterRunner, conductor: Conductor, shape: PlanShape) -> StoppedBySignal | None:
    """Walk the plan; what ended it, if that was a signal."""
    walk = gevent.spawn(_take_steps, runner, shape)
    try:
        walk.get()
    except StoppedBySignal as stopped:
        walk.kill()
        conductor.finish_run()
        return stopped
    return None


def _take_steps(runner: MasterRunner, shape: PlanShape) -> None:
    """As Locust walks a shape, which sleeps for a second before the first cell, and after the last."""
    asked = None
    while (users := shape.tick()) is not None:
        if users != asked:
            level, rate, classes = asked = users
            runner.start(level, rate, user_classes=classes)


def _end_master(runner: MasterRunner) -> None:
    """As Locust's quit, which waits half a second for its workers: these are gone by now."""
    runner.stop(send_stop_to_client=False)
    runner.greenlet.kill(block=True)


def _start_workers(count: int, port: int, token: str, file: UserFile | None) -> list[subprocess.Popen[str]]:
    """Locust workers for a master on this port, which load this file first; they end with this process."""
    arguments = [str(port), *([] if file is None else [json.dumps(asdict(file))])]
    return [
        start(
            Program.WORKER,
            arguments,
            given={WORKER_TOKEN: token},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        for _ in range(count)
    ]


def _ends_of(processes: Sequence[subprocess.Popen[str]]) -> Callable[[int], str | None]:
    """How one of them has ended, by its id; None where it has not."""
    by_id = {process.pid: process for process in processes}

    def ended(process_id: int) -> str | None:
        code = by_id[process_id].poll() if process_id in by_id else None
        return None if code is None else how_it_ended(code)

    return ended


def _end_workers(processes: Sequence[subprocess.Popen[str]]) -> None:
    """By SIGTERM, and by SIGKILL who is blocked by what it computes: by then none has anything left to do."""
    for process in processes:
        process.terminate()
    end_s = time.monotonic() + END_S
    for process in processes:
        try:
            process.wait(max(end_s - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_workers(runner: MasterRunner, workers: Sequence[subprocess.Popen[str]]) -> None:
    count = len(workers)
    with gevent.Timeout(WORKERS_TIMEOUT_S, False):
        while len(runner.clients.ready) < count:
            ended = next((code for worker in workers if (code := worker.poll()) is not None), None)
            if ended is not None:
                raise HarnessError(
                    f"a worker process ended before it was ready ({how_it_ended(ended)}), for the reason "
                    f"that it gave above, or for want of memory: then use fewer --processes than {count}"
                )
            gevent.sleep(0.02)
        return
    raise HarnessError(
        f"{len(runner.clients.ready)} of {count} workers came up within {WORKERS_TIMEOUT_S:g} s: "
        "try fewer --processes"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
