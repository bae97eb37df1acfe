"""A worker's cell is built first, and then started."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockstep.record.journal import Journal
from lockstep.traffic import Arrival
from lockstep.worker.cell import RunningCell
from lockstep.worker.health import open_files
from tests.support.crew import PlainFeed, order

FILES = Path("/proc/self/fd")


class WatchedFeed(PlainFeed):
    """Knows which journals it is to hand on."""

    def __init__(self) -> None:
        self.registered: list[str] = []

    def register(self, name: str, journal: Journal) -> None:
        self.registered.append(name)


@pytest.mark.parametrize("scenario", ["session", "persistent"])
def test_only_its_start_opens_files_registers_its_journal_and_calls_back(scenario: str) -> None:
    feed, opened, before = WatchedFeed(), list[float](), open_files(FILES)
    arrival = Arrival("constant", 100.0)
    cell = RunningCell(
        order(1, seconds=60.0, scenario=scenario, arrival=arrival), "w1", (), feed, opened.append
    )
    assert (cell.open, feed.registered, opened, open_files(FILES)) == (False, [], [], before)
    cell.start()
    try:
        # Timers of the health monitor and of the pacer. Where connections stay, and nobody is there to open
        # one, all are open.
        assert before is not None
        assert (cell.open, feed.registered, open_files(FILES)) == (True, ["free"], before + 2)
        assert len(opened) == (scenario == "persistent")
    finally:
        cell.close(0)
        cell.take_report(0, {}, final=True)
    assert (cell.open, open_files(FILES)) == (False, before)
