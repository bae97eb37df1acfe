"""The modes on several interpreters: what their series are called, in what order, and gates on them."""

from __future__ import annotations

import os
import sys

import pytest

from lockstep.analysis.gate_syntax import parse_gates
from lockstep.errors import PlanError
from lockstep.plan import parse_modes
from lockstep.target.on_pythons import OnPythons

HERE = (f"new={sys.executable}", f"old={sys.executable}")
MODES = ("free", "semaphore=4", "lock/message")


def test_every_mode_on_every_interpreter_is_a_series_and_the_first_comes_first() -> None:
    names = OnPythons.read([",".join(HERE)], MODES, os.environ).names
    assert names[:2] == ("free-on-new", "semaphore=4-on-new")
    assert names == tuple(f"{mode}-on-{python}" for python in ("new", "old") for mode in MODES)


def test_a_series_is_named_in_lists_and_in_gates_as_it_is() -> None:
    names = OnPythons.read(HERE, MODES, os.environ).names
    assert parse_modes(",".join(names)) == names
    for mode, other in zip(names[:3], names[3:], strict=True):
        alone, ratio = parse_gates(
            [f"{mode}@4: late < 1", f"{mode}/{other}@4: messages_per_s > 1.5"], names, [4]
        )
        assert (alone.mode, alone.baseline) == (mode, None)
        assert (ratio.mode, ratio.baseline) == (mode, other)


def test_two_interpreters_need_two_names() -> None:
    with pytest.raises(PlanError, match="'new' is there twice: give each a name of its own, NAME=PATH"):
        OnPythons.read([HERE[0], HERE[0]], MODES, os.environ)
