"""A proxy that knows nothing of Lockstep counts between clients and server: it must agree with both ledgers.

Twenty-seven cells, by plan and manually, through one master and its workers, and one server for each framing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.load import LoadProcesses
from tests.support.server import ROOT, ServerProcess

MODES = (
    *("free", "lock", "semaphore=2", "ticket", "queue=2", "semaphore=8", "queue=8"),
    *("rlock", "condition=2", "asyncio", "process=2", "rwlock=3/message"),
)
SERVERS = {
    "length": ("--framing", "length", "--reply", "echo", "--timing"),
    "line": ("--framing", "line", "--reply", "echo"),
    "raw": ("--framing", "raw", "--reply", "echo", "--timing"),
}
TIMING_BYTES = 16
LINES = ("sent", "answered", "bytes_sent", "bytes_received")
PATIENCE_S, POLL_S = 60.0, 0.05
# A run goes on until so many replies have passed.
ENOUGH = 60


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a run's connections do. every: so many replies to one that the fault spoils."""

    framing: str
    modes: str = "free,lock,queue=2"
    users: int = 4
    scenario: str = "session"
    payload: int = 64
    messages: int = 5
    arrival: str = "closed"
    rate: float = 0.0
    fault: str = ""
    every: int = 0

    def __str__(self) -> str:
        return f"{self.framing} {self.scenario} {self.payload} {self.arrival} {self.fault}".strip()

    def fields(self) -> dict[str, Any]:
        """Those of the form."""
        names = ("scenario", "payload", "messages", "arrival", "rate")
        return {name: getattr(self, name) for name in names}


# Three cells each.
PLANS = (
    Traffic("length"),
    Traffic("length", "semaphore=2,ticket,free", 3, payload=100_000, messages=2),
    Traffic("length", "free,semaphore=8,queue=8", scenario="persistent", payload=1, fault="garble", every=9),
    Traffic("length", users=6, messages=1, arrival="poisson", rate=150.0),
    Traffic("line", "free,ticket,semaphore=2", 8, payload=700, fault="cut", every=5),
    Traffic("raw", "free,semaphore=2,queue=2", 2, "persistent", payload=3_000),
    Traffic("length", "asyncio,process=2,condition=2", 5, payload=3_000, fault="cut", every=7),
    Traffic("line", "rlock,process=2,rwlock=3/message", 4, messages=3, fault="garble", every=11),
)
BY_HAND = (
    Traffic("length", "lock", 2, fault="double", every=11),
    Traffic("line", "free", 3, "persistent", payload=9, fault="double", every=7),
    Traffic("raw", "semaphore=2", 3, messages=3, fault="garble", every=13),
)


class Between:
    """The proxy's process, spoken with in JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, do: str, **order: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def counting_proxy() -> Iterator[Between]:
    command = [sys.executable, str(ROOT / "tests/truth/counting_proxy.py")]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        try:
            yield Between(process)
        finally:
            process.kill()


class Bench:
    """Servers, the proxy before them, and a master with workers that know only the proxy."""

    def __init__(self, between: Between, servers: dict[str, ServerProcess], load: LoadProcesses) -> None:
        self.between = between
        self.servers = servers
        self.load = load
        self._known: set[Path] = set()

    def run(self, framing: str, within: int = 0, **fields: object) -> dict[str, Any]:
        """Start, stop once enough has passed (within: 0 lets a plan end by itself); the run's run.json."""
        self.between("admin", port=self.servers[framing].ready["admin_port"])
        # Refused in words for a moment, while the run before is still being cleared away.
        eventually(lambda: self.load.post("/swarm", {}, host="tcp://127.0.0.1", **fields)[1]["success"])
        if within:
            eventually(lambda: self.between("passed")["answered"] >= within)
            assert self.load.post("/stop", {})[0] == 200
        folder = eventually(self._finished)
        eventually(self._at_rest)
        self._known.add(folder)
        run: dict[str, Any] = json.loads((folder / "run.json").read_text())
        return run

    def _at_rest(self) -> bool:
        with urllib.request.urlopen(f"{self.load.url}/stats/requests", timeout=PATIENCE_S) as answer:
            return json.load(answer)["state"] in ("ready", "stopped")

    def _finished(self) -> Path | None:
        for folder in set(self.load.results.glob("*")) - self._known:
            file = folder / "run.json"
            if file.exists() and json.loads(file.read_text())["finished"]:
                return folder
        return None


def eventually(condition: Any) -> Any:
    """What `condition` gives once that is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s"
        time.sleep(POLL_S)
    return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as stack:
        between = stack.enter_context(counting_proxy())
        servers = {}
        for framing, flags in SERVERS.items():
            server = stack.enter_context(ServerProcess(*MODES, flags=("--bind", "127.0.0.1", *flags)))
            servers[framing] = server
            for port in server.ports.values():
                between("front", port=port, framing=framing)
        facade = between("admin", port=servers["length"].ready["admin_port"])
        folder = tmp_path_factory.mktemp("count")
        load = stack.enter_context(LoadProcesses(f"127.0.0.1:{facade['port']}", folder))
        yield Bench(between, servers, load)


def counted_by_server(server: ServerProcess) -> dict[str, dict[str, int]]:
    names = ("accepted", "received", "answered", "bytes_received", "bytes_sent")
    return {mode: {name: row[name] for name in names} for mode, row in server.listeners().items()}


def assert_agree(
    cells: list[dict[str, Any]], passed: dict[str, int], theirs: dict[str, int], *, whole: bool
) -> None:
    """All three have counted the same messages and bytes, to the last one.

    whole: whether what is spoilt is a whole reply still, and a wrong one: clients took it.
    """
    ours = {line: sum(cell["ledger"][line]["client"] for cell in cells) for line in LINES}
    assert ours == {
        "sent": passed["asked"],
        "answered": passed["answered"] + (passed["spoilt"] if whole else 0),
        "bytes_sent": passed["asked_bytes"],
        "bytes_received": passed["answered_bytes"],
    }
    assert (theirs["accepted"], theirs["received"]) == (passed["connections"], passed["asked"])
    assert theirs["bytes_received"] == passed["asked_bytes"]
    assert theirs["answered"] == passed["answered"] + passed["spoilt"]
    assert sum(cell["ledger"]["failed"] for cell in cells) == passed["spoilt"]
    assert passed["open"] == 0


def counted(bench: Bench, traffic: Traffic, **fields: Any) -> list[dict[str, Any]]:
    """The cells of such a run, whose counts agree mode by mode."""
    server = bench.servers[traffic.framing]
    was = counted_by_server(server)
    bench.between("sizes", sizes=(traffic.payload, traffic.payload + TIMING_BYTES))
    bench.between("fault", kind=traffic.fault, every=traffic.every)
    run = bench.run(traffic.framing, **fields, **traffic.fields())
    passed, now = bench.between("count"), counted_by_server(server)
    for mode in traffic.modes.split(","):
        between = passed[str(server.ports[mode])]
        theirs = {name: now[mode][name] - was[mode][name] for name in now[mode]}
        cells = [cell for cell in run["cells"] if cell["mode"] == mode]
        assert_agree(cells, between, theirs, whole=traffic.fault != "cut")
        assert between["asked"] > 0
        assert bool(between["spoilt"]) == bool(traffic.fault)
    measured: list[dict[str, Any]] = run["cells"]
    return measured


@pytest.mark.parametrize("traffic", PLANS, ids=str)
def test_a_plan_is_counted_alike_by_clients_server_and_whoever_stands_between(
    bench: Bench, traffic: Traffic
) -> None:
    plan = {"modes": traffic.modes, "levels": traffic.users, "repeats": 1, "seconds": 0.4, "warmup": 0.1}
    cells = counted(bench, traffic, run="comparison plan", **plan)
    assert len(cells) == len(traffic.modes.split(","))


@pytest.mark.parametrize("traffic", BY_HAND, ids=str)
def test_a_run_by_hand_is_counted_alike_by_clients_server_and_whoever_stands_between(
    bench: Bench, traffic: Traffic
) -> None:
    by_hand = {"mode": traffic.modes, "user_count": traffic.users, "spawn_rate": traffic.users}
    cells = counted(bench, traffic, within=ENOUGH, run="manual run", **by_hand)
    assert len(cells) == 1
