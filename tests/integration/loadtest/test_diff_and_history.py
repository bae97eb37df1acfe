"""`lockstep diff` and `lockstep history` as a pipeline runs them: real runs, exit codes, refusals."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from lockstep.errors import DONE, FAILED
from lockstep.runs.records import Run
from tests.factories.folders import write_run
from tests.factories.runs import degraded, make_cell, noisy_run, run_of
from tests.support.commands import compare_well, lockstep

# A window holds sixty sessions and more, of the slower run too.
PLAN = ("--modes", "lock", "--levels", "2", "--repeats", "3", "--messages", "1", "--processes", "1")


def measured(out: Path, *more: str) -> Path:
    """A run of its own below `out`: its folder."""
    before = set(out.iterdir()) if out.exists() else set()
    compare_well(out, *PLAN, *more)
    (folder,) = set(out.iterdir()) - before
    return folder


def test_real_runs_are_told_alike_worse_and_not_made_alike(tmp_path: Path) -> None:
    first, again = measured(tmp_path), measured(tmp_path)
    slower = measured(tmp_path, "--hold", "8ms")
    # So wide a tolerance that no busy machine passes it by chance.
    alike = lockstep("diff", str(first), str(again), "--tolerance", "90%")
    assert alike.code == 0, alike.out
    refused = lockstep("diff", str(first), str(slower))
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    assert "server's hold: 2 ms and 8 ms" in refused.err
    assert "--force" in refused.err
    forced = lockstep("diff", str(first), str(slower), "--force")
    assert forced.code == 1, forced.out
    assert forced.out.startswith("FORCED: server's hold differs, 2 ms in A and 8 ms in B\nB is worse than A")
    assert lockstep("diff", str(slower), str(first), "--force").code == 0

    told = lockstep("history", str(tmp_path))
    assert told.code == 0, told.err
    assert all(folder.name in told.out for folder in (first, again, slower))
    page = (tmp_path / "history.html").read_text(encoding="utf-8")
    assert f'<a href="./{slower.name}/report.html">' in page


def saved(out: Path, name: str, run: Run) -> Path:
    return write_run(out, replace(run, run_id=name))


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """`a`, `b` measured the same, `slow` half as fast, `degraded` that nobody should quote."""
    out = tmp_path / "results"
    rng = random.Random(1)
    for name in ("a", "b"):
        saved(out, name, noisy_run(rng, 5))
    saved(out, "slow", noisy_run(rng, 5, slower=2.0))
    saved(out, "degraded", degraded(noisy_run(rng, 5)))
    return out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("a", "b"), 0, "No significant difference between A and B in any of 12 figures."),
        (("a", "slow"), 1, "B is worse than A, beyond the tolerance of 5%."),
        (("a", "slow", "--tolerance", "0.9"), 1, "B is worse than A, beyond the tolerance of 90%."),
        (("slow", "a"), 0, "B is better than A"),
        (("a", "degraded"), 3, "No verdict: B is degraded: "),
        (("degraded", "slow"), 3, "No verdict: A is degraded: "),
    ],
)
def test_a_diffs_exit_code_says_what_its_first_line_says(
    runs: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = lockstep("diff", *arguments, cwd=runs)
    assert done.code == code, done.err
    assert done.out.startswith(said)


def test_markdown_is_for_a_comment_on_a_change(runs: Path) -> None:
    done = lockstep("diff", "a", "slow", "--markdown", cwd=runs)
    assert done.code == 1
    assert done.out.startswith(
        "**B is worse than A, beyond the tolerance of 5%.**\n\n- at 1 connection in B, free reaches"
    )
    assert "| lock | 8 | p99 |" in done.out


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("diff", "a", "nowhere"), "nowhere is not a run folder"),
        (("diff", "a", "a"), "a and a are the same run, a: name two runs"),
        (("diff", "a"), "diff needs RUN_B"),
        (("diff", "a", "b", "--tolerance", "5"), "--tolerance 5 is out of range"),
        (("history", "nowhere"), "cannot read nowhere"),
        (("history", "a"), "a is a run itself"),
        (("history", "a/cells"), "a/cells holds no run"),
        (("history", ".", "--out", "no/such/page.html"), "--out no/such/page.html"),
        (("history", ".", "--open-out", "a"), "--out a is a folder"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(runs: Path, arguments: tuple[str, ...], named: str) -> None:
    done = lockstep(*arguments, cwd=runs)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert named in done.err


def test_a_history_names_what_it_leaves_out_and_writes_where_it_is_told(runs: Path) -> None:
    (runs / "damaged").mkdir()
    (runs / "damaged" / "run.json").write_text("{", encoding="utf-8")
    (runs / "foreign").mkdir()
    saved(runs, "later", replace(noisy_run(random.Random(2), 1), plan={"gates": ["in words to come"]}))
    (runs / "a" / "report.html").write_text("", encoding="utf-8")
    page = runs.parent / "over-time.html"
    done = lockstep("history", str(runs), "--out", str(page))
    assert done.code == 0, done.err
    assert "…" not in done.out  # a pipe has no width to be cut to
    left_out = [line for line in done.out.splitlines() if line.startswith("left out: ")]
    assert [name in line for name, line in zip(("damaged", "foreign", "later"), left_out, strict=True)] == [
        True,
        True,
        True,
    ]
    written = page.read_bytes()
    assert b'<a href="./results/a/report.html">' in written
    assert not (runs / "history.html").exists()
    lockstep("history", str(runs), "--out", str(page))
    assert page.read_bytes() == written


@pytest.mark.parametrize(
    ("rates", "code", "told"),
    [
        ([100.0] * 6 + [80.0] * 5, FAILED, "worse: lock at 8 connections, throughput 0.8"),
        ([80.0] * 6 + [100.0] * 5, DONE, "better: lock at 8 connections, throughput 1.25"),
        ([100.0] * 11, DONE, "No change is shown"),
    ],
)
def test_a_history_tells_from_which_run_on_a_figure_changed_and_fails_where_it_is_worse(
    rates: list[float], code: int, told: str, tmp_path: Path
) -> None:
    for day, rate in enumerate(rates, start=1):
        cells = [make_cell("lock", 8, repeat, messages_per_s=rate + day % 3 / 10) for repeat in (1, 2, 3)]
        started = f"2026-01-{day:02}T10:00:00+00:00"
        write_run(tmp_path, run_of(cells, run_id=f"run-{day:02}", started=started))
    done = lockstep("history", str(tmp_path), "--changes", "--fail-on", "worse")
    assert (done.code, done.err) == (code, "")
    assert told in done.out
    assert ("from run-07 on (6 runs before, 5 since)" in done.out) == (len(set(rates)) == 2)
