"""`lockstep find` against servers whose limit is known beforehand."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from lockstep.analysis.limits import End, limits
from lockstep.errors import DONE, FAILED
from lockstep.runs.folder import RunFolder
from tests.support import counting_servers
from tests.support.commands import COMMAND, lockstep, only_run, run_here

QUICK = ("--seconds", "0.8", "--warmup", "0.2", "--messages", "1")


def test_a_ticket_lock_serves_no_more_than_wait_within_the_promise(tmp_path: Path) -> None:
    """N users who take turns of 20 ms wait N turns: half of all messages are back in 110 ms up to 5 users.

    A machine that others use too makes turns longer, never shorter; tests/truth asks how much longer.
    """
    arguments = ("--modes", "ticket", "--hold", "20ms", "--keep", "response_p50 < 110ms; failed <= 0")
    done = run_here(*COMMAND, "find", *arguments, *QUICK, "--out", str(tmp_path), within_s=300)
    assert done.code == DONE, done.err
    folder, _ = only_run(tmp_path)
    (limit,) = limits(RunFolder.load_run(folder))
    assert limit.end in (End.FOUND, End.NOISE)
    assert limit.low is not None
    assert limit.value is not None
    assert limit.low <= limit.value <= 5
    told = f"Ticket holds response_p50 < 110ms and failed <= 0 up to {limit.value:g} connection"
    assert told in done.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="limits"' in page
    assert lockstep("report", str(folder)).out == done.out


def test_a_strangers_server_that_holds_all_that_was_tried_is_said_to_hold_no_more_than_that(
    tmp_path: Path,
) -> None:
    counts = tmp_path / "counts"
    words = (sys.executable, counting_servers.__file__, "threads", str(counts))
    server = ("--run", f"threads={shlex.join(words)} {{port}}", "--framing", "length:>H", "--reply", "echo")
    promise = ("--keep", "response_p50 < 5s", "--up-to", "4")
    out = tmp_path / "results"
    done = run_here(*COMMAND, "find", *server, *promise, "--at-least", "4", *QUICK, "--out", str(out))
    assert done.code == DONE, done.err
    assert "Threads holds response_p50 < 5s up to at least 4 connections." in done.out
    assert "no more than 4 connections were tried (--up-to)" in done.out
    folder, _ = only_run(out)
    (limit,) = limits(RunFolder.load_run(folder))
    assert limit.end is End.CEILING


def test_a_promise_that_no_load_keeps_fails_where_one_was_asked_for(tmp_path: Path) -> None:
    arguments = ("--modes", "free", "--hold", "5ms", "--keep", "response_p50 < 1ms", "--at-least", "1")
    done = run_here(*COMMAND, "find", *arguments, *QUICK, "--out", str(tmp_path))
    assert done.code == FAILED, done.err
    assert "Free does not hold response_p50 < 1ms, not even at 1 connection." in done.out


def test_a_rate_is_found_below_what_a_lock_can_carry(tmp_path: Path) -> None:
    """Turns of 20 ms are at most 50 a second; half of all arrivals wait less than 60 ms well below that."""
    arguments = ("--modes", "ticket", "--hold", "20ms", "--search", "rate", "--keep", "response_p50 < 60ms")
    budget = ("--at-most", "25s", "--within", "20%")
    quick = ("--seconds", "1.5", "--warmup", "0.2", "--messages", "1")
    done = run_here(*COMMAND, "find", *arguments, *budget, *quick, "--out", str(tmp_path), within_s=200)
    assert done.code == DONE, done.err
    folder, run = only_run(tmp_path)
    (limit,) = limits(RunFolder.load_run(folder))
    assert limit.low is not None
    assert limit.low < 50
    assert {cell["arrival"] for cell in run["cells"]} == {"poisson"}
