"""Scenarios that do more than ask and wait, each against a server that `compare` starts for it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from lockstep.analysis.blast import radii
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import Cell
from tests.support.commands import lockstep, only_run


def compared(out: Path, scenario: str, *flags: str) -> Cell:
    """The one cell of a comparison of one mode at one level."""
    short = ("--modes", "free", "--levels", "4", "--repeats", "1", "--seconds", "1", "--warmup", "0.3")
    done = lockstep("compare", *short, "--scenario", scenario, "--out", str(out), *flags)
    assert done.code in (0, 3), done.err
    (cell,) = RunFolder.load(only_run(out)[0]).run.cells
    return cell


@pytest.mark.parametrize(
    ("scenario", "flags"),
    [
        ("pipelined", ("--hold", "0", "--depth", "4")),
        ("send-only", ("--hold", "100us", "--payload", "8192")),
        ("receive-only", ("--push", "20ms")),
    ],
)
def test_client_and_server_count_the_same_whoever_speaks(
    tmp_path: Path, scenario: str, flags: tuple[str, ...]
) -> None:
    cell = compared(tmp_path, scenario, *flags)
    assert cell.messages.answered > 100
    assert cell.messages.failed == 0
    assert cell.ledger.exact, cell.ledger


def test_what_is_pushed_tells_how_long_it_was_on_its_way(tmp_path: Path) -> None:
    cell = compared(tmp_path, "receive-only", "--push", "50ms")
    assert cell.times["fan_out"].count == cell.messages.answered
    assert 45_000 < cell.times["response"].mean < 55_000


def test_a_server_that_does_not_talk_so_is_refused_before_the_load(tmp_path: Path) -> None:
    done = lockstep("compare", "--modes", "free", "--push", "10ms", "--out", str(tmp_path))
    assert done.code == 2
    assert "the server pushes and answers nothing: choose receive-only" in done.err


def test_one_silent_client_stops_everybody_with_a_lock_and_nobody_without(tmp_path: Path) -> None:
    modes = ("--modes", "free,lock", "--levels", "4", "--repeats", "1", "--seconds", "1", "--warmup", "0.3")
    done = lockstep("compare", *modes, "--beside", "half-open:1,idle:20", "--out", str(tmp_path))
    assert done.code in (0, 3), done.err
    run = RunFolder.load(only_run(tmp_path)[0]).run
    assert len(run.cells) == 2
    found = {(each.place.series.mode, each.company.kind): each for each in radii(run)}
    assert found["lock", "half-open"].kept < 0.05
    assert found["lock", "half-open"].stuck == 4
    assert found["free", "half-open"].kept > 0.4
    assert found["free", "idle"].company.opened == 20
    assert all(cell.ledger.exact for cell in run.cells)
    assert "leaves lock nothing" in done.out.replace("\n", " ") or "leave lock nothing" in done.out


def test_a_rate_in_stages_offers_what_it_says_and_users_in_stages_come_and_go(tmp_path: Path) -> None:
    stages = "hold 20 1s, spike 60 1s, hold 20 1s"
    common = ("--modes", "free", "--levels", "20", "--repeats", "1", "--warmup", "0", "--hold", "0")
    rate = ("--scenario", "persistent", "--arrival", "constant", "--stages", stages)
    assert lockstep("compare", *common, *rate, "--out", str(tmp_path / "rate")).code in (0, 3)
    loaded = RunFolder.load(only_run(tmp_path / "rate")[0])
    (cell,) = loaded.run.cells
    assert cell.seconds == 3
    assert abs(cell.messages.sent - 100) <= 2
    answered = [row["answered"] for row in loaded.details[0].per_second]
    assert answered[1] > answered[0] + 20
    users = ("--messages", "1", "--hold", "50ms", "--stages", "hold 2 2s, spike 12 2s")
    assert lockstep("compare", *common[:-2], *users, "--out", str(tmp_path / "users")).code in (0, 3)
    loaded = RunFolder.load(only_run(tmp_path / "users")[0])
    assert loaded.run.cells[0].level == 12
    answered = [row["answered"] for row in loaded.details[0].per_second]
    # Two users have 40 a second at most, twelve 240.
    assert max(answered[:2]) <= 44
    assert max(answered[2:]) > 80


def test_at_a_rendezvous_all_users_of_all_workers_begin_at_once(tmp_path: Path) -> None:
    flags = ("--modes", "free", "--levels", "8", "--repeats", "1", "--seconds", "1.5", "--warmup", "0.3")
    done = lockstep("compare", *flags, "--messages", "1", "--rendezvous", "2s", "--out", str(tmp_path))
    assert done.code in (0, 3), done.err
    (cell,) = RunFolder.load(only_run(tmp_path)[0]).run.cells
    assert cell.rendezvous is not None
    assert cell.rendezvous.rounds >= 5
    assert cell.rendezvous.missed == 0
    # Every round is one message of each user, also those before the window.
    assert abs(cell.ledger.sent.client - 8 * cell.rendezvous.rounds) <= 8
    assert cell.server is not None
    assert cell.server.max_in_service >= 4


MEETS = """\
from locust import task
from lockstep import TcpUser

class Meets(TcpUser):
    framing, timing = "length", True

    @task
    def meet(self):
        if self.rendezvous(within_s=30):
            self.client.request(b"together", expect=b"together", name="together")
"""


def test_users_of_a_file_meet_those_of_all_workers_where_a_task_says_so(tmp_path: Path) -> None:
    file = tmp_path / "meets.py"
    file.write_text(MEETS, encoding="utf-8")
    flags = ("--modes", "free", "--levels", "8", "--repeats", "1", "--seconds", "1.5", "--warmup", "0.3")
    done = lockstep("compare", str(file), *flags, "--processes", "2", "--out", str(tmp_path / "runs"))
    assert done.code in (0, 3), done.err
    (cell,) = RunFolder.load(only_run(tmp_path / "runs")[0]).run.cells
    assert cell.rendezvous is not None
    assert cell.rendezvous.rounds >= 5
    assert cell.rendezvous.missed == 0
    assert cell.ledger.sent.client == 8 * cell.rendezvous.rounds


def test_a_gate_ends_a_cell_early_and_says_why(tmp_path: Path) -> None:
    flags = ("--modes", "free", "--levels", "8", "--repeats", "1", "--seconds", "60", "--warmup", "0")
    gate = "free: response_p99 < 1us or abort"
    began_s = time.monotonic()
    done = lockstep("compare", *flags, "--gate", gate, "--out", str(tmp_path))
    assert time.monotonic() - began_s < 45
    assert done.code in (1, 3), done.err
    (cell,) = RunFolder.load(only_run(tmp_path)[0]).run.cells
    assert cell.cut_short
    assert cell.ended_early.endswith(f"and the gate is {gate!r}")
    assert cell.seconds < 30
    assert "ended early" in done.out


def test_heartbeats_have_figures_of_their_own_beside_the_work(tmp_path: Path) -> None:
    cell = compared(tmp_path, "persistent", "--hold", "1ms", "--heartbeat", "100ms")
    beats = cell.requests["heartbeat"]
    # Four connections, ten a second.
    assert 20 <= beats.messages.answered <= 48
    assert beats.response is not None
    assert cell.ledger.exact
