"""What `lockstep clients` shows: the teaching demonstration.

A few clients in threads of one process, a server in another, told as it happens, and their lifetimes drawn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text

from lockstep.errors import PlanError
from lockstep.measure.connections import to_record
from lockstep.report.words import counted
from lockstep.runs.connections import ClientView, ServerRecord
from lockstep.target.admin import ServerView
from lockstep.target.local_server import local_server
from lockstep.tcp.client import TcpClient
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.samples import Outcome, Sample, SampleMeter
from lockstep_wire.greeting import ACKNOWLEDGEMENT, greeting_of

MOST_CLIENTS = 100
SETTLE_S = 5.0
WAITING, IN_SERVICE, HELD = "░", "█", "▒"
LEGEND = f"{WAITING} waits for admission   {IN_SERVICE} in service   {HELD} has left, permit still held"


@dataclass(frozen=True, slots=True)
class _Ended:
    """How one client's connection went, and from which address."""

    number: int
    address: str
    view: ClientView


class _Client:
    """One client of the teaching text: connect, greet, take the answer, leave."""

    def __init__(self, number: int, port: int, stage: _Stage) -> None:
        self.number = number
        self._stage = stage
        self._client = TcpClient(
            Endpoint("127.0.0.1", port), SampleMeter(self._note, self._end), timeout_s=stage.timeout_s
        )

    def run(self) -> None:
        """Play the part; with locked clients, one at a time and one pause longer."""
        stage = self._stage
        with stage.turnstile:
            self._converse()
            if stage.locked:
                time.sleep(stage.pause_s)

    def _converse(self) -> None:
        say = self._stage.say
        say(self.number, "connects")
        if self._client.connect() is not Outcome.ANSWERED:
            return
        say(self.number, "is connected")
        greeting = greeting_of(self.number)
        say(self.number, f"says {greeting.decode()}")
        reply = self._client.request(greeting, ACKNOWLEDGEMENT)
        if reply and reply.payload is not None:
            say(self.number, f"is answered {reply.payload.decode()}")
        self._client.close()
        say(self.number, "has left")

    def _note(self, sample: Sample) -> None:
        if sample.outcome is not Outcome.ANSWERED:
            self._stage.say(self.number, f"fails: {sample.outcome.value} ({sample.detail})")

    def _end(self, address: str, view: ClientView) -> None:
        self._stage.ended.append(_Ended(self.number, address, view))


class _Stage:
    """What the clients share: the clock, the lock of locked clients, and the narrator."""

    def __init__(self, locked: bool, pause_s: float, timeout_s: float, console: Console) -> None:
        self.locked = locked
        self.turnstile = threading.Lock() if locked else nullcontext()
        self.pause_s = pause_s
        self.timeout_s = timeout_s
        self.ended: list[_Ended] = []
        self._console = console
        self._narrating = threading.Lock()
        self._start_ns = time.monotonic_ns()

    def say(self, number: int, what: str) -> None:
        """One line, in the order in which things happened."""
        with self._narrating:
            at_s = (time.monotonic_ns() - self._start_ns) / 1e9
            self._console.print(Text(f"{at_s:8.3f} s  client {number} {what}"))


def demonstrate(count: int, mode: str, client_mode: str, pause: str, console: Console) -> None:
    """Run `count` clients against a server in `mode`, tell what happens, draw their lifetimes.

    PlanError where there are too many of them, or too few.
    """
    if not 1 <= count <= MOST_CLIENTS:
        raise PlanError("count", f"{count} is out of range: give 1 to {MOST_CLIENTS}")
    with local_server([mode], ["--pause", pause], "mode") as ready:
        admin = ServerView(f"127.0.0.1:{ready['admin_port']}")
        snapshot = admin.snapshot()
        pause_s = snapshot.settings["pause_ns"] / 1e9
        (listener,) = snapshot.listeners.values()
        console.print(
            f"{counted(count, 'client')} ({client_mode}) against a server in mode {listener.name}, "
            f"pause {pause}"
        )
        stage = _Stage(client_mode == "locked", pause_s, 10.0 + count * (pause_s + 1.0), console)
        players = [_Client(number, listener.port, stage) for number in range(1, count + 1)]
        threads = [threading.Thread(target=player.run, daemon=True) for player in players]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        admin.settled(listener.name, SETTLE_S + pause_s)
        records, _ = admin.connections(listener.port, 0)
    by_address = {row["peer"]: to_record(row) for row in records}
    lifetimes = [
        Lifetime(f"client {ended.number}", ended.view, by_address.get(ended.address))
        for ended in sorted(stage.ended, key=lambda ended: ended.number)
    ]
    console.print()
    for line in draw_lifetimes(lifetimes, width=min(console.width, 100)):
        console.print(Text(line))


@dataclass(frozen=True, slots=True)
class Lifetime:
    """One connection by name. Both views are on one monotonic clock: client and server run on one machine."""

    name: str
    client: ClientView
    server: ServerRecord | None


def draw_lifetimes(lifetimes: Sequence[Lifetime], width: int) -> list[str]:
    """Rows of at most `width` characters, a scale in seconds and a legend.

    Nothing where there is no lifetime.
    """
    spans = [span for lifetime in lifetimes for span in _spans(lifetime)]
    if not spans:
        return []
    start_ns = min(lifetime.client.connect_start_ns for lifetime in lifetimes)
    end_ns = max(end for _, _, end in spans)
    label = max(len(lifetime.name) for lifetime in lifetimes)
    cells = max(width - label - 4, 10)
    per_cell_ns = max((end_ns - start_ns) / cells, 1)
    rows = []
    for lifetime in lifetimes:
        row = [" "] * cells
        for mark, begin, end in _spans(lifetime):
            first = int((begin - start_ns) / per_cell_ns)
            last = max(first + 1, int((end - start_ns) / per_cell_ns))
            row[first:last] = mark * (min(last, cells) - min(first, cells))
        rows.append(f"{lifetime.name:<{label}}  {''.join(row)}".rstrip())
    scale = f"{(end_ns - start_ns) / 1e9:.3f} s"
    return [*rows, f"{'':<{label}}  0{scale:>{cells - 1}}", LEGEND]


def _spans(lifetime: Lifetime) -> list[tuple[str, int, int]]:
    """(mark, begin, end) in nanoseconds, in order; a later one is drawn over an earlier."""
    record, client = lifetime.server, lifetime.client
    if record is None or record.admission_ns is None:
        return [(WAITING, client.connect_start_ns, client.closed_ns or client.connect_start_ns)]
    spans = [(WAITING, record.arrival_ns, record.admission_ns)]
    left_ns = record.close_ns or record.admission_ns
    if record.release_ns is not None and record.release_ns > left_ns:
        spans.append((HELD, left_ns, record.release_ns))
    spans.append((IN_SERVICE, record.admission_ns, left_ns))
    return spans
