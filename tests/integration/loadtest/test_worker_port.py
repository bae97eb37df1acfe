"""The workers' port of a real master, under fire while a run goes on: the run's ledger stays exact."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import msgpack
import zmq

from tests.support.commands import differences, only_run
from tests.support.load import LoadProcesses
from tests.support.server import ServerProcess

FRAMES = 500
SOCKETS = 5
# What Locust and we take from workers, and some more.
KINDS = (
    *("client_ready", "client_stopped", "heartbeat", "stats", "spawning", "spawning_complete", "exception"),
    *(
        "logs",
        "locustfile",
        "lockstep_report",
        "lockstep_pulse",
        "lockstep_limits",
        "lockstep_met",
        "nonsense",
    ),
)
WORDS = ("run_id", "cell", "state", "user_classes_count", "version", "stats", "logs", "worker_id", "counts")


def any_value(draw: random.Random, depth: int = 0) -> Any:
    """What msgpack can carry, of any shape; no dict for a state that would make the sender a worker."""
    plain = (None, True, -1, 7, 2**63, 1e308, float("nan"), "text", b"\xff", "")
    if depth > 2 or draw.random() < 0.4:
        return draw.choice(plain)
    if draw.random() < 0.5:
        return [any_value(draw, depth + 1) for _ in range(draw.randint(0, 4))]
    return {draw.choice(WORDS): any_value(draw, depth + 1) for _ in range(draw.randint(0, 4))}


def any_payload(draw: random.Random, sender: str) -> bytes:
    kind = draw.choice(KINDS)
    data = any_value(draw)
    if kind == "client_ready" and (isinstance(data, str) or data == -1):
        data = None  # that would be a worker, which is sent into the cell and carries nothing
    payload: bytes = msgpack.dumps((kind, data, draw.choice((sender, sender, sender, "another", None))))
    if draw.random() < 0.3:
        damaged = bytearray(payload)
        damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        return bytes(damaged)
    return draw.randbytes(draw.randint(0, 40)) if draw.random() < 0.2 else payload


def test_five_hundred_random_frames_at_a_master_leave_its_run_exact(tmp_path: Path) -> None:
    draw = random.Random(13)
    flags = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "1ms")
    with ServerProcess("free", flags=flags) as server, zmq.Context() as context:
        admin = server.admin_url.removeprefix("http://")
        with LoadProcesses(admin, tmp_path) as load:
            load.start(user_count=4, spawn_rate=4, host="tcp://127.0.0.1", run="manual run", mode="free")
            time.sleep(2)
            senders = [f"rogue-{number}" for number in range(SOCKETS)]
            sockets = [context.socket(zmq.DEALER) for _ in senders]
            for sender, socket in zip(senders, sockets, strict=True):
                socket.setsockopt(zmq.IDENTITY, sender.encode())
                socket.connect(f"tcp://127.0.0.1:{load.master_port}")
            for _ in range(FRAMES):
                number = draw.randrange(SOCKETS)
                socket = sockets[number]
                # Some of more frames than a message has.
                frames = [any_payload(draw, senders[number]) for _ in range(draw.choice((1, 1, 1, 2)))]
                socket.send_multipart(frames)
                time.sleep(0.005)
            time.sleep(3)
            for socket in sockets:
                socket.close(linger=0)
            load.end_in_order()
            _, run = only_run(load.results)
            (cell,) = run["cells"]
            logs = load.logs()
    assert (cell["workers_expected"], cell["workers_reported"]) == (2, 2), logs
    assert 0 < cell["messages"]["sent"] == cell["messages"]["answered"]
    assert not any(differences(cell).values())
    assert not run["interrupted"]
    assert "refused a message of a worker" in logs
    assert "Traceback" not in logs
