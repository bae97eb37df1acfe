"""Who overlapped: what the timeline is called, and its strips."""

from __future__ import annotations

import pytest

from lockstep.analysis.timeline import Lane, Panel, Timeline
from lockstep.report.sections.timeline import timeline_chart, timeline_title
from lockstep.runs.earlier import mode_named
from tests.factories.runs import series_named


def by_message() -> Panel:
    return Panel(series_named("lock/message"), 32, None, by_message=True)


def lane(mode: str, most: int) -> Lane:
    by_message = mode_named(mode).by_message
    return Lane(series_named(mode), 36, 10.0, (), ((0, most), (10, most)), by_message)


@pytest.mark.parametrize(
    ("lanes", "said"),
    [
        (
            (lane("free", 30), lane("lock", 1), lane("ticket", 1)),
            "30 with free, 1 with lock and ticket",
        ),
        (
            (lane("lock", 1), lane("lock/message", 36)),
            "1 with lock",
        ),
        ((lane("lock/message", 36),), ""),
    ],
)
def test_the_timeline_is_called_by_what_its_own_strips_show(lanes: tuple[Lane, ...], said: str) -> None:
    title = timeline_title(Timeline(32, 10.0, lanes, client_shown=True))
    assert title.partition(": ")[2] == said


def test_a_last_step_that_ends_as_it_begins_is_not_drawn_twice_as_high() -> None:
    shown = Lane(series_named("lock"), 1, 10.0, (), ((0, 9), (10.0, 9), (10.0, 9)))
    chart = timeline_chart(Timeline(32, 10.0, (shown,), client_shown=True), shown, "#d55e00")
    strip, _ = chart.to_dict()["vconcat"]
    assert strip["layer"][0]["encoding"]["y"]["stack"] is None
