"""Plays the clients of random cases with TcpClient, over either link, and keeps what it told and was told."""

from __future__ import annotations

import itertools
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import gevent
import gevent.pool

from lockstep.runs.connections import ClientView
from lockstep.tcp.blocking_link import BlockingLink
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.link import LinkMaker
from lockstep.tcp.messages import prepare
from lockstep.tcp.samples import Outcome, Reply, Sample, SampleMeter
from lockstep_wire.framing import framing_of
from tests.support.server import ROOT
from tests.truth.account import ConnectionLog
from tests.truth.cases import IMPATIENT_S, PATIENT_S, Asked, Case
from tests.truth.random_cases import make_case
from tests.truth.random_server import address_of

LINKS: dict[str, LinkMaker] = {"blocking": BlockingLink, "cooperative": CooperativeLink}
GREENLETS, THREADS = 64, 12
BATCH = 1000
SLEEP_S = 0.02


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the client, as its caller saw it. Times are monotonic nanoseconds.

    outcome: what it returned, the exception's name and text where it raised. timeout_s: in force then.
    """

    verb: str
    index: int
    start_ns: int
    end_ns: int
    outcome: str
    payload: bytes | None
    connected: bool
    timeout_s: float


@dataclass(slots=True)
class Told:
    """All that a case's client said: its samples in order, its calls, its connections."""

    samples: list[Sample] = field(default_factory=list)
    views: list[ClientView] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class _Player:
    """One case's client. sleep: its way to pause, in seconds."""

    def __init__(self, case: Case, port: int, link: LinkMaker, sleep: Callable[[float], None]) -> None:
        self.case = case
        self.told = Told()
        self._sleep = sleep
        self._framing = framing_of(case.framing)
        meter = SampleMeter(self.told.samples.append, lambda _, view: self.told.views.append(view))
        self._client = TcpClient(
            Endpoint("127.0.0.1", port),
            meter,
            framing=case.framing,
            timing=case.timing,
            timeout_s=PATIENT_S,
            max_frame=case.max_frame,
            link=link,
            source=address_of(case.number),
        )

    def play(self) -> Told:
        """Everything the case asks for."""
        self._call("connect", 0)
        for verb, index in self.case.ops:
            if verb == "pause":
                self._sleep(index / 1000)
            elif verb in ("patient", "impatient"):
                self._client.timeout_s = PATIENT_S if verb == "patient" else IMPATIENT_S
            else:
                self._call(verb, index)
        return self.told

    def _call(self, verb: str, index: int) -> None:
        client = self._client
        timeout_s = client.timeout_s
        assert timeout_s is not None
        start_ns = time.monotonic_ns()
        try:
            answer = self._verbs[verb](self, self.case.asked[index])
        except Exception as error:  # noqa: BLE001 - whatever a call raises is what the case found
            answer = f"{type(error).__name__}: {error}"
        end_ns = time.monotonic_ns()
        reply = answer if isinstance(answer, Reply) else Reply(answer)  # type: ignore[arg-type]
        self.told.calls.append(
            Call(
                verb, index, start_ns, end_ns, str(reply.outcome), reply.payload, client.connected, timeout_s
            )
        )

    def _expected(self, asked: Asked) -> bytes | None:
        return asked.right if asked.checked else None

    def _exchange(self, asked: Asked) -> Outcome:
        expect = self._expected(asked)
        return self._client.exchange(prepare(self._framing, asked.payload, expect, self.case.timing))

    _verbs: dict[str, Callable[[_Player, Asked], object]] = {  # noqa: RUF012
        "connect": lambda self, _: self._client.connect(),
        "close": lambda self, _: self._client.close(),
        "request": lambda self, asked: self._client.request(asked.payload, self._expected(asked)),
        "exchange": _exchange,
        "send": lambda self, asked: self._client.send(asked.payload),
        "receive": lambda self, asked: self._client.receive(self._expected(asked)),
        "tell": lambda self, asked: self._client.send(asked.payload, reply=False),
    }


@dataclass(frozen=True, slots=True)
class Played:
    """One case, what its client told, and what its server says of each connection, in order.

    late_ns: how late the machine woke somebody who only slept beside it, at the worst.
    """

    case: Case
    told: Told
    logs: list[ConnectionLog]
    late_ns: int = 0


class _Sleeper:
    """Sleeps beside the clients, to know how late this machine wakes whoever is due."""

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self.late_ns = 0
        self._sleep = sleep
        self._over = False

    def work(self) -> None:
        """Until told that it is over."""
        while not self._over:
            due_ns = time.monotonic_ns() + round(SLEEP_S * 1e9)
            self._sleep(SLEEP_S)
            self.late_ns = max(self.late_ns, time.monotonic_ns() - due_ns)

    def end(self) -> int:
        """How late at the worst."""
        self._over = True
        return self.late_ns


class Theatre:
    """A random server in its own process, and clients for it."""

    def __init__(self, seed: int, process: subprocess.Popen[bytes]) -> None:
        self.seed = seed
        self._process = process
        assert process.stdout is not None
        self._port = int(process.stdout.readline())

    def play(self, link: str, numbers: Sequence[int]) -> Iterator[Played]:
        """The cases of these numbers, in batches."""
        rest = iter(numbers)
        while batch := list(itertools.islice(rest, BATCH)):
            cases = [make_case(self.seed, number) for number in batch]
            run = _in_greenlets if link == "cooperative" else _in_threads
            tolds, late_ns = run(cases, self._port)
            logs = self._logs()
            for case in cases:
                yield Played(case, tolds[case.number], logs.get(case.number, []), late_ns)

    def _logs(self) -> dict[int, list[ConnectionLog]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        logs: dict[int, list[ConnectionLog]] = pickle.load(self._process.stdout)
        return logs


def _in_greenlets(cases: Sequence[Case], port: int) -> tuple[dict[int, Told], int]:
    pool, sleeper = gevent.pool.Pool(GREENLETS), _Sleeper(gevent.sleep)
    gevent.spawn(sleeper.work)
    players = [_Player(case, port, CooperativeLink, gevent.sleep) for case in cases]
    tolds = pool.imap_unordered(lambda player: (player.case.number, player.play()), players)
    return dict(tolds), sleeper.end()


def _in_threads(cases: Sequence[Case], port: int) -> tuple[dict[int, Told], int]:
    players = [_Player(case, port, BlockingLink, time.sleep) for case in cases]
    waiting = iter(players)
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                player = next(waiting, None)
            if player is None:
                return
            player.play()

    sleeper = _Sleeper(time.sleep)
    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    threading.Thread(target=sleeper.work).start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {player.case.number: player.told for player in players}, sleeper.end()


@contextmanager
def theatre(seed: int) -> Iterator[Theatre]:
    """A theatre for the cases of a seed."""
    command = [sys.executable, "-m", "tests.truth.random_server", str(seed)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Theatre(seed, process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait(10)
