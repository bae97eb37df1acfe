"""A dialogue in a cell."""

from __future__ import annotations

from pathlib import Path

import gevent
import pytest

from lockstep.scenario import OF_A_FILE
from lockstep.traffic import Arrival, UserFile
from lockstep.user_files import find_user_file
from tests.support.crew import Echo, crew, order, until

ECHO = '[[step]]\nname = "echo"\nsend = "hello"\nexpect = "hello"\n'
ONCE = "[data]\nt = { csv = 't.csv', order = 'once' }\n[[step]]\nsend = '{t.n}'\nexpect = '{t.n}'\n"


def written(folder: Path, text: str) -> UserFile:
    (folder / "t.csv").write_text("n\n" + "".join(f"row {number}\n" for number in range(5)))
    (folder / "talk.toml").write_text(text, encoding="utf-8")
    return find_user_file(folder / "talk.toml")[0]


@pytest.mark.parametrize("arrival", [Arrival(), Arrival("constant", 500.0)])
@pytest.mark.parametrize("seconds", [None, 60.0])
def test_all_that_is_said_is_in_the_cells_ledger(
    arrival: Arrival, seconds: float | None, tmp_path: Path
) -> None:
    file, peer = written(tmp_path, ECHO), Echo()
    with crew(peer, users=3) as (agent, runner):
        agent.begin(order(peer.port, scenario=OF_A_FILE, user_file=file, arrival=arrival, seconds=seconds))
        until(lambda: peer.heard > 20)
        agent.end()
        assert runner.outcomes() == {"answered": peer.heard}
        assert peer.accepted == 3
        assert len(runner.opened) == (seconds is not None)
        names = {name for report in runner.reports for name in report.counts.requests}
        assert names == {"echo"}


def test_who_has_no_data_left_rests_and_that_is_told(tmp_path: Path) -> None:
    file, peer = written(tmp_path, ONCE), Echo()
    with crew(peer, users=2) as (agent, runner):
        for _ in range(2):
            peer.heard = 0
            agent.begin(order(peer.port, scenario=OF_A_FILE, user_file=file))
            until(lambda: peer.heard == 5)
            gevent.sleep(0.05)
            assert peer.heard == 5
            agent.end()
            ((words, users),) = runner.reports[-1].standing.troubles.items()
            assert "all 5 rows are used" in words
            assert users == 2
        assert runner.outcomes() == {"answered": 10}


def test_a_pause_does_not_outlast_the_cell(tmp_path: Path) -> None:
    file, peer = written(tmp_path, ECHO + 'pause = "1m"\n'), Echo()
    with crew(peer, users=2) as (agent, runner):
        agent.begin(order(peer.port, scenario=OF_A_FILE, user_file=file))
        until(lambda: peer.heard == 2)
        agent.end(drain_s=5.0)
        assert runner.outcomes() == {"answered": 2}
        assert peer.open == 0
