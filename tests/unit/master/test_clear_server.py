"""A cell begins once the server is through with those who left before it."""

from __future__ import annotations

import pytest

from lockstep.master import cell as cell_under_way
from lockstep.master.cell import clear_server
from lockstep.plan import PlannedCell
from lockstep.target.admin import ServerView
from tests.support.admin_port import admin_port, listener, listeners

CELL = PlannedCell(4, "lock", 8, 1)
QUIET = listeners(listener("free", 8888, open=9), listener("lock", 8889))
BUSY = listeners(listener("free", 8888), listener("lock", 8889, open=3, in_service=1))


def test_a_server_that_is_through_is_asked_once_whoever_is_at_other_modes() -> None:
    slept: list[float] = []
    with admin_port({"/peaks": [QUIET]}) as port:
        before, note = clear_server(ServerView(port.address), CELL, slept.append)
    assert before is not None
    assert (note, slept) == (None, [])
    assert port.asked == ["POST /peaks"]


def test_one_that_is_not_is_waited_for_and_its_peaks_begin_after_that() -> None:
    slept: list[float] = []
    after = listeners(listener("lock", 8889, accepted=7))
    with admin_port({"/peaks": [BUSY, after], "/listeners": [BUSY, BUSY, after]}) as port:
        before, note = clear_server(ServerView(port.address), CELL, slept.append)
    assert before is not None
    assert (before.listeners["lock"].accepted, note) == (7, None)
    assert len(slept) == 2


def test_who_does_not_go_is_counted_and_named_with_the_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_under_way, "SETTLE_S", 0.0)
    with admin_port({"/peaks": [BUSY], "/listeners": [BUSY]}) as port:
        before, note = clear_server(ServerView(port.address), CELL, lambda _: None)
    assert before is not None
    assert note is not None
    assert note.startswith("cell 4: connections of others, 3, were at lock as it began")


def test_where_no_server_can_be_asked_there_is_nothing_to_wait_for() -> None:
    slept: list[float] = []
    assert (clear_server(None, CELL, slept.append), slept) == ((None, None), [])
