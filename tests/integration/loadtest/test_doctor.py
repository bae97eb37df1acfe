"""`lockstep doctor` on this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import lockstep


def test_the_doctor_says_what_limits_a_load_here_and_what_comes_first() -> None:
    done = lockstep("doctor")
    assert done.code == 0, done.err
    for name in ("open files of the server", "local ports", "threads of the server", "free memory"):
        assert name in done.out
    assert "More connections meet first: " in done.out


def test_a_plan_that_does_not_fit_is_told_with_the_remedy(tmp_path: Path) -> None:
    plan = tmp_path / "large.toml"
    plan.write_text('levels = [100000]\nsource = "127.0.0.2"\n', encoding="utf-8")
    done = lockstep("doctor", str(plan), "--processes", "1")
    assert done.code == 1
    (line,) = [line for line in done.out.splitlines() if line.startswith("TOO FEW: local ports")]
    assert "of 100,000: --source 127.0.0.2,127.0.0.3, or sysctl" in line


@pytest.mark.parametrize("plan", ["smoke", "staircase", "soak", "open-load", "capacity"])
def test_each_shipped_plan_fits_here(plan: str) -> None:
    assert lockstep("doctor", plan).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing-like-it"], "--plan nothing-like-it: there is no such file"),
        (["smoke", "--processes", "0"], "--processes 0 is out of range: give 1 to 64"),
    ],
)
def test_what_makes_no_sense_is_one_line(arguments: list[str], said: str) -> None:
    done = lockstep("doctor", *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
