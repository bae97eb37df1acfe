"""Servers that are started anew for each repeat: what differs from start to start is in the interval."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from lockstep.analysis.comparison import THROUGHPUT
from lockstep.analysis.comparison import compare as compared
from lockstep.analysis.intervals import Estimate
from lockstep.errors import WRONG_USE
from lockstep.runs.folder import RunFolder
from tests.support import drawing_server
from tests.support.commands import compare, differences, lockstep, only_run

# Its first start draws twice the mean service time; of its first six some are slower and some faster.
SEED, STARTS = 1, 6
SPOKEN = ("--framing", "line", "--reply", "echo")
SHORT = ("--levels", "1", "--messages", "1", "--repeats", str(STARTS), "--seconds", "1.2", "--warmup", "0")


def command(name: str, seed: str, starts: Path) -> tuple[str, str]:
    words = (sys.executable, drawing_server.__file__, seed, str(starts))
    return ("--run", f"{name}={shlex.join(words)} {{port}}")


def throughput_of_drawn_over_steady(tmp_path: Path, *flags: str) -> Estimate:
    targets = (
        *command("drawn", str(SEED), tmp_path / "drawn"),
        *command("steady", "steady", tmp_path / "steady"),
    )
    folder, _ = compare(tmp_path / "results", *targets, *SPOKEN, *SHORT, *flags)
    run = RunFolder.load_run(folder)
    comparisons = compared(run.cells, run.modes, run.planned.baseline)
    (estimate,) = [each.estimate for each in comparisons if each.metric is THROUGHPUT]
    return estimate


def test_without_it_all_repeats_are_of_one_start_and_the_interval_misses_the_mean_over_starts(
    tmp_path: Path,
) -> None:
    estimate = throughput_of_drawn_over_steady(tmp_path)
    assert len((tmp_path / "drawn").read_text().split()) == 1
    assert estimate.high is not None
    assert estimate.high < 1


def test_with_it_each_repeat_is_of_another_start_and_the_interval_holds_the_mean(tmp_path: Path) -> None:
    estimate = throughput_of_drawn_over_steady(tmp_path, "--restart")
    assert len((tmp_path / "drawn").read_text().split()) == STARTS
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low < 1 < estimate.high
    assert "servers started anew for each repeat" in next(
        (tmp_path / "results").glob("*/report.html")
    ).read_text(encoding="utf-8")


@pytest.mark.parametrize("whose", [(), ("--python", sys.executable)])
def test_books_and_peaks_of_our_own_server_are_exact_across_its_restarts(
    tmp_path: Path, whose: tuple[str, ...]
) -> None:
    plan = ("--modes", "free,lock", "--levels", "3", "--repeats", "3", "--seconds", "0.5", "--warmup", "0.1")
    _, run = compare(tmp_path / "results", *whose, *plan, "--restart")
    assert run["plan"]["restart"]
    assert len(run["cells"]) == 6
    for cell in run["cells"]:
        assert differences(cell) == {"sent": 0, "answered": 0, "bytes_sent": 0, "bytes_received": 0}
        at_once = 1 if cell["mode"].startswith("lock") else 3
        assert cell["server"]["max_in_service"] == at_once
    # Each cell of one repeat is at the same server, and each repeat at another.
    ports = {(cell["repeat"], cell["mode"]): tuple(cell["addresses"]) for cell in run["cells"]}
    assert len(set(ports.values())) == 6


def test_a_service_that_does_not_come_back_ends_the_run_with_its_last_words_and_what_was_measured(
    tmp_path: Path,
) -> None:
    once = tmp_path / "once.sh"
    server = shlex.join((sys.executable, drawing_server.__file__, "steady", str(tmp_path / "starts")))
    once.write_text(
        f'#!/bin/sh\nif [ -e {tmp_path}/starts ]; then echo "no licence left" >&2; exit 4; fi\n'
        f'exec {server} "$1"\n'
    )
    once.chmod(0o755)
    out = tmp_path / "results"
    done = lockstep(
        "compare", "--out", str(out), "--run", f"once={once} {{port}}", *SPOKEN, *SHORT, "--restart"
    )
    assert done.code == WRONG_USE, done.out + done.err
    last = done.err.splitlines()[-1]
    assert last.startswith("lockstep: the server of once has ended (exit code 4): no licence left")
    _, run = only_run(out)
    assert run["interrupted"]
    assert [cell["repeat"] for cell in run["cells"]] == [1]


def test_a_search_starts_them_anew_for_each_of_its_cells(tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    search = ("--keep", "response_p99 < 1s", "--up-to", "2", "--at-most", "20s", "--seconds", "1")
    done = lockstep(
        "find",
        "--out",
        str(tmp_path / "results"),
        *command("s", "steady", starts),
        *SPOKEN,
        *search,
        "--restart",
    )
    assert done.code == 0, done.out + done.err
    _, run = only_run(tmp_path / "results")
    assert len(starts.read_text().split()) == len(run["cells"]) > 1
