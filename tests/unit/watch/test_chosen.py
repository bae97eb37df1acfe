"""Whom `--watch` names."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from lockstep.errors import PlanError
from lockstep.watch.chosen import Watching

HERE = os.getpid()
STARTED: Mapping[str, int] = {"free": 11, "lock": 11}


def process_of(watching: Watching, mode: str) -> int | None:
    return watching.process_of(mode, STARTED.get)


def read(text: str | None, names: tuple[str, ...] = ("free", "lock"), *, one_server: bool = True) -> Watching:
    return Watching.read(text, names, one_server=one_server)


def test_whoever_was_started_is_watched_unless_something_is_said() -> None:
    assert process_of(read(None), "lock") == 11
    assert process_of(read(None), "a service that runs already") is None


def test_off_watches_nobody() -> None:
    assert process_of(read("off"), "lock") is None


def test_one_server_is_behind_all_of_its_modes() -> None:
    watching = read(f"{HERE}")
    assert (process_of(watching, "free"), process_of(watching, "lock")) == (HERE, HERE)


def test_of_several_targets_each_has_a_process_of_its_own() -> None:
    watching = read(f"new={HERE}, old={os.getppid()}", ("new", "old", "other"), one_server=False)
    assert [process_of(watching, name) for name in ("new", "old", "other")] == [HERE, os.getppid(), None]


def test_one_target_needs_no_name() -> None:
    assert process_of(read(f"{HERE}", ("target",), one_server=False), "target") == HERE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere", "'nowhere' is no process: write the PID"),
        ("", "'' is no process"),
        ("-1", "'-1' is no process"),
        ("1²", "is no process"),
        ("4194305", "4194305 cannot be watched: there is no such process here; name one of this machine"),
        ("fre=1", "names nobody who is compared: did you mean free"),
        ("free=", "'free=' is no process"),
        ("1,1", "'1,1' gives free two processes: leave one out"),
        ("free=1,free=1", "gives free two processes"),
    ],
)
def test_who_cannot_be_watched_is_refused_in_one_line(text: str, words: str) -> None:
    with pytest.raises(PlanError) as refusal:
        read(text)
    assert refusal.value.what == "watch"
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_process_of_nobody_in_particular_is_refused() -> None:
    with pytest.raises(PlanError, match="does not say whose process it is: write NAME=PID"):
        read(f"{HERE}", ("new", "old"), one_server=False)
