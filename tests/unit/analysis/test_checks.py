"""Each check finds its own fault, says it with the numbers, and lets pass what is well."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest

from lockstep.analysis.check import cell_name
from lockstep.analysis.checks import ALL_CHECKS, answers_nothing, degradations, findings, is_degraded
from lockstep.runs.histograms import of_values
from lockstep.runs.measures import Count, Edges, Ledger, Occupancy, WaitPrediction
from lockstep.runs.records import Cell, Messages, Requests, Run
from tests.factories.open_load import simulated_open_run
from tests.factories.runs import make_cell, of_somebody_else, with_times, without_server
from tests.factories.simulated import simulated_run
from tests.factories.units import MS, US


@pytest.fixture(scope="module")
def run() -> Run:
    return simulated_run(modes=("lock", "free"), levels=(1, 8))[0]


def with_cell(**changes: Any) -> Callable[[Run], Run]:
    return lambda run: replace(run, cells=[replace(run.cells[0], **changes), *run.cells[1:]])


def change_cell(change: Callable[[Cell], Cell]) -> Callable[[Run], Run]:
    return lambda run: replace(run, cells=[change(run.cells[0]), *run.cells[1:]])


def with_ledger(**lines: Any) -> Callable[[Run], Run]:
    return change_cell(lambda cell: replace(cell, ledger=replace(cell.ledger, **lines)))


def with_server(**changes: Any) -> Callable[[Run], Run]:
    def changed(cell: Cell) -> Cell:
        assert cell.server is not None
        return replace(cell, server=replace(cell.server, **changes))

    return change_cell(changed)


def with_worker(**changes: Any) -> Callable[[Run], Run]:
    return change_cell(
        lambda cell: replace(cell, health=[replace(cell.health[0], **changes), *cell.health[1:]])
    )


def prediction(measured_us: float, predicted_us: float) -> WaitPrediction:
    return WaitPrediction(100, 1, 0.8, measured_us, predicted_us, predicted_us)


def unchecked(run: Run, framing: str) -> Run:
    """A run against somebody else's server, of which no reply was looked at."""
    cells = [replace(cell, unchecked=cell.messages.answered) for cell in run.cells]
    return of_somebody_else(replace(run, cells=cells), framing, None)


SHORT = Edges(-0.2, 32, 3_340_000.0, 960.0)


def too_short_at_its_only_repeat(run: Run) -> Run:
    first = run.cells[0]
    others = [cell for cell in run.cells if (cell.mode, cell.level) != (first.mode, first.level)]
    return replace(run, cells=[replace(first, edges=SHORT), *others])


def nothing_pushed(cell: Cell) -> Cell:
    return replace(cell, scenario="receive-only", messages=Messages(), littles_law=None)


FAULTS: dict[str, Callable[[Run], Run]] = {
    "interrupted": lambda run: replace(run, interrupted=True),
    "unfinished": lambda run: replace(run, finished=None),
    "nothing-measured": lambda run: replace(run, cells=[]),
    "no-answers": lambda run: replace(run, cells=[nothing_pushed(cell) for cell in run.cells]),
    "too-short": too_short_at_its_only_repeat,
    "unsteady": with_cell(edges=SHORT),
    "cut-short": with_cell(cut_short=True),
    "disturbed": with_cell(edges=Edges(0.05, 2, 1_600.0, disturbed=True)),
    "unbalanced": with_cell(messages=Messages(sent=7, answered=7, aborted=1)),
    "ledger-difference": with_ledger(bytes_sent=Count(64, 60)),
    "unread": with_cell(
        scenario="send-only",
        littles_law=None,
        ledger=Ledger(Count(9, 4), Count(9, 4), Count(576, 256), Count(0, 0)),
    ),
    "missing-workers": with_cell(workers_reported=1),
    "missing-users": with_cell(users=0),
    "refused-reports": with_cell(reports_refused=2),
    "late-reports": with_cell(reports_late=1),
    "messages-failed": with_cell(messages=Messages(sent=7, answered=6, timeout=1)),
    "listen-overflow": with_server(listen_overflows=2),
    "dropped-records": with_server(dropped_records=3),
    "user-code": with_cell(troubles={"mine.py:3: Greeter raised ValueError: no": 2}),
    "no-ports": with_cell(port_waits=2),
    "backed-off": with_cell(backed_off=3),
    "dropped-arrivals": with_cell(dropped=1),
    "late-arrivals": with_cell(late=90),
    "generator-busy": with_worker(cpu_share=0.93),
    "throttled": with_worker(throttled_s=0.01),
    "generator-lag": with_worker(loop_lag_us=of_values([90 * MS])),
    "send-lag": change_cell(
        lambda cell: with_times(replace(cell, arrival="poisson"), send_lag=of_values([2 * MS]))
    ),
    "open-files": with_worker(open_files=950),
    "queueing": with_server(wait_prediction=prediction(1_000, 1_040)),
    "littles-law-client": with_cell(littles_law=Occupancy(8, 12)),
    "littles-law-server": with_server(littles_law=Occupancy(8, 12)),
    "no-server-data": without_server,
    "replies-unchecked": lambda run: unchecked(run, "raw"),
    "single-repeat": lambda run: replace(run, cells=[cell for cell in run.cells if cell.repeat == 1]),
}
DEGRADING = {
    "too-short",
    "unbalanced",
    "no-ports",
    "user-code",
    "ledger-difference",
    "missing-workers",
    "missing-users",
    "refused-reports",
    "late-reports",
}


def test_a_run_in_which_all_is_well_has_no_findings(run: Run) -> None:
    assert findings(run) == []
    assert findings(simulated_open_run(repeats=2)) == []


def test_there_is_a_fault_here_for_every_check() -> None:
    assert list(FAULTS) == [check.name for check in ALL_CHECKS]


@pytest.mark.parametrize("name", FAULTS)
def test_a_check_finds_its_fault_and_no_other_does(run: Run, name: str) -> None:
    (found,) = findings(FAULTS[name](run))
    assert found.check.name == name
    assert len(found.where) <= 1


@pytest.mark.parametrize("name", FAULTS)
def test_only_what_may_falsify_figures_degrades_a_run(run: Run, name: str) -> None:
    faulty = FAULTS[name](run)
    assert is_degraded(faulty) is (name in DEGRADING)
    assert {finding.check.name for finding in degradations(findings(faulty))} == {name} & DEGRADING


def test_every_line_of_the_ledger_that_differs_is_told_with_both_numbers(run: Run) -> None:
    lines = {
        "sent": Count(1_000, 998),
        "answered": Count(990, 998),
        "bytes_sent": Count(64_000, 63_900),
        "bytes_received": Count(63_000, 63_800),
    }
    (found,) = findings(with_ledger(**lines, explanation="8 timed out")(run))
    for said in (
        "clients sent 1,000 messages, the server received 998",
        "clients took 990 answers, the server gave 998",
        "clients sent 64,000 bytes, the server received 63,900",
        "clients received 63,000 bytes, the server sent 63,800",
        "(8 timed out)",
    ):
        assert said in found.where[0]


WELL: dict[str, Callable[[Run], Run]] = {
    "a worker at 90%": with_worker(cpu_share=0.9),
    "a tail of loop lag well below the response's": with_worker(
        loop_lag_us=of_values([1 * MS] * 97 + [3 * MS] * 3)
    ),
    "a loop that is late but not by 2 ms": lambda run: with_worker(loop_lag_us=of_values([1_900 * US]))(
        change_cell(lambda cell: with_times(cell, response=of_values([1 * MS])))(run)
    ),
    "a worker that tells little of itself": with_worker(
        loop_lag_us=None, throttled_s=None, open_files=None, open_files_limit=None
    ),
    "a lag between the turns of closed load": change_cell(
        lambda cell: with_times(cell, send_lag=of_values([50 * MS]))
    ),
    "one late arrival in a hundred": with_cell(late=1, sessions_per_s=250.0),
    "a prediction 3% off": with_server(wait_prediction=prediction(1_000, 1_030)),
    "a short cell that breaks the law": with_cell(littles_law=Occupancy(8, 8.4), sessions_per_s=250.0),
    "a kernel that tells of no overflow": with_server(listen_overflows=None),
    "overflows of another server, more than connections were tried": with_server(
        accepted=40, listen_overflows=60
    ),
    "a lag where nobody answers": lambda run: with_worker(loop_lag_us=of_values([90 * MS]))(
        with_cell(scenario="send-only", littles_law=None)(run)
    ),
}


def test_what_a_server_had_not_read_when_its_senders_were_stopped_is_no_difference_of_the_books(
    run: Run,
) -> None:
    """Where messages are answered it is one, and so is what a server has that nobody sent."""

    def counts(scenario: str, sent: int, received: int) -> list[str]:
        line = Count(sent, received)
        ledger = Ledger(line, line, Count(sent * 64, received * 64), Count(0, 0))
        return [each.check.name for each in findings(with_cell(scenario=scenario, ledger=ledger)(run))]

    assert "unread" in counts("send-only", 1_000, 400)
    assert "ledger-difference" not in counts("send-only", 1_000, 400)
    assert "ledger-difference" in counts("session", 1_000, 400)
    assert "ledger-difference" in counts("send-only", 400, 1_000)


@pytest.mark.parametrize("case", WELL)
def test_what_is_well_is_let_pass(run: Run, case: str) -> None:
    slow = replace(
        run,
        cells=[with_times(cell, response=of_values([10 * MS] * 90 + [90 * MS] * 10)) for cell in run.cells],
    )
    assert findings(WELL[case](slow)) == []


def test_a_cell_that_was_cut_short_is_not_held_against_theory(run: Run) -> None:
    faulty = FAULTS["littles-law-server"](FAULTS["cut-short"](FAULTS["queueing"](run)))
    assert [found.check.name for found in findings(faulty)] == ["cut-short"]


def test_of_several_workers_each_is_told(run: Run) -> None:
    busy = change_cell(
        lambda cell: replace(cell, health=[replace(each, cpu_share=0.97) for each in cell.health])
    )
    (found,) = findings(busy(run))
    assert found.where[0].endswith("worker-1 used 97%; worker-2 used 97%")


def test_a_lag_is_told_in_the_unit_that_suits_it(run: Run) -> None:
    quick = replace(run, cells=[with_times(cell, response=of_values([40 * US])) for cell in run.cells])
    (found,) = findings(with_worker(loop_lag_us=of_values([3 * MS]))(quick))
    assert found.where[0].endswith("lagged by 3.00 ms (p50), a response takes 40.0 µs")


def test_numbers_of_connections_have_decimals_only_where_they_are_small(run: Run) -> None:
    law, edges = Occupancy(10_000, 9_427.04), Edges(0.0, 0, 0.0)
    (found,) = findings(with_cell(littles_law=law, edges=edges)(run))
    assert found.where[0].endswith("10,000 counted, 9,427 computed")
    (found,) = findings(with_cell(littles_law=Occupancy(8, 12))(run))
    assert found.where[0].endswith("8.00 counted, 12.0 computed")


def test_failed_messages_are_told_by_outcome_with_what_was_said_of_the_first() -> None:
    run = simulated_run(modes=("lock",), levels=(1,), repeats=2)[0]
    messages = Messages(sent=400, answered=382, timeout=6, mismatch=12)
    cell = replace(run.cells[0], messages=messages, examples={"mismatch": "the reply is not ...: b'-ERR'"})
    (found,) = findings(replace(run, cells=[cell, *run.cells[1:]]))
    assert found.where[0].endswith(
        "18 of 400: 12 mismatch, the first: the reply is not ...: b'-ERR'; 6 timeout"
    )


@pytest.mark.parametrize(("framing", "ends"), [("raw", "the first bytes that came"), ("line", "the reply")])
def test_of_unchecked_replies_it_is_said_where_their_time_ends(run: Run, framing: str, ends: str) -> None:
    (found,) = findings(unchecked(run, framing))
    assert ends in found.where[0]
    assert findings(of_somebody_else(run, framing, "echo")) == []


def test_nobody_is_told_of_unchecked_replies_where_there_were_none(run: Run) -> None:
    why = {"refused": "nobody there"}
    refused = [
        replace(cell, messages=Messages(), backed_off=7, littles_law=None, examples=why) for cell in run.cells
    ]
    (first, *_) = findings(unchecked(replace(run, cells=refused), "raw"))
    assert (first.check.name, first.where) == (
        "no-answers",
        ("none was sent; the first failure: nobody there",),
    )
    told = {found.check.name for found in findings(unchecked(replace(run, cells=refused), "raw"))}
    assert "replies-unchecked" not in told


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (Messages(sent=9, timeout=9), "Not one message was answered."),
        (Messages(sent=9, timeout=8, mismatch=1), "No reply was as expected."),
        (Messages(sent=9, error=9), "No reply was as expected."),
        (Messages(sent=9, timeout=1, refused=8), "Not one message was answered."),
        (Messages(sent=9, refused=9), "no connection was taken"),
    ],
)
def test_a_target_that_answers_wrongly_is_not_told_of_as_a_silent_one(
    run: Run, messages: Messages, words: str
) -> None:
    cells = [replace(cell, messages=messages, littles_law=None) for cell in run.cells]
    (first, *_) = findings(replace(run, cells=cells))
    assert (first.check.name, first.where) == ("no-answers", (f"{9 * len(cells):,} sent",))
    assert words in first.check.message


def test_where_no_reply_was_as_expected_the_first_is_told(run: Run) -> None:
    said = {"aborted": "stopped in flight", "error": "-ERR no such command"}
    messages = Messages(sent=9, error=8, aborted=1)
    cells = [replace(cell, messages=messages, littles_law=None, examples=said) for cell in run.cells]
    (first, *_) = findings(replace(run, cells=cells))
    assert first.where == (f"{9 * len(cells):,} sent; the first failure: -ERR no such command",)


@pytest.mark.parametrize(
    ("received", "words"),
    [(0, "1 aborted, the first: no reply came within the window"), (7, "1 aborted, the first: stopped in")],
)
def test_of_what_was_stopped_in_flight_it_is_said_that_no_byte_came_back(
    run: Run, received: int, words: str
) -> None:
    cell = replace(run.cells[0], messages=Messages(sent=9, answered=8, aborted=1))
    cell = replace(cell, examples={"aborted": "stopped in flight"})
    told = Count(received, received)
    (found,) = findings(
        replace(run, cells=[replace(cell, ledger=replace(cell.ledger, bytes_received=told))])
    )[:1]
    assert words in found.where[0]


def test_of_no_answers_too_it_is_said_that_no_byte_came_back(run: Run) -> None:
    cells = [
        replace(
            cell,
            messages=Messages(sent=2, aborted=2),
            ledger=replace(cell.ledger, bytes_received=Count(0, None)),
            littles_law=None,
            examples={"aborted": "stopped in flight"},
        )
        for cell in run.cells
    ]
    (first, *_) = findings(replace(run, cells=cells))
    assert first.where[0].endswith("the first failure: no reply came within the window")


def of_steps(cell: Cell, **steps: Messages) -> Cell:
    """A cell of a file whose users send no message: what they do instead."""
    rows = {name: Requests(messages) for name, messages in steps.items()}
    return replace(cell, scenario="file", messages=Messages(), messages_per_s=0.0, requests=rows)


NOTHING_CAME = Messages(sent=9, timeout=9)
ALL_SAID = Messages(sent=9, answered=9)


@pytest.mark.parametrize(
    ("steps", "unanswered"),
    [
        ({"receive": NOTHING_CAME}, True),
        ({"receive": NOTHING_CAME, "send": ALL_SAID}, True),
        ({"receive": Messages(sent=9, answered=1, timeout=8)}, False),
        ({"send": Messages(sent=9, answered=8, reset=1)}, False),
        ({"send": Messages(sent=9, reset=9)}, True),
    ],
)
def test_who_waits_for_pushes_alone_has_no_answer_where_none_came(
    run: Run, steps: dict[str, Messages], unanswered: bool
) -> None:
    said = {"timeout": "nothing within 0.5 s", "reset": "Connection reset by peer"}
    run = replace(run, cells=[replace(of_steps(cell, **steps), examples=said) for cell in run.cells])
    found = {finding.check.name: finding.where for finding in findings(run)}
    assert answers_nothing(run) is unanswered
    assert ("no-answers" in found) is unanswered
    assert "messages-failed" in found


def test_pushes_that_did_not_come_are_counted_and_the_first_is_told(run: Run) -> None:
    said = {"timeout": "nothing within 0.5 s"}
    first = replace(of_steps(run.cells[0], receive=NOTHING_CAME), examples=said)
    found = {finding.check.name: finding.where for finding in findings(replace(run, cells=[first]))}
    assert found["no-answers"] == (
        "nothing came, waited for 9 times; the first failure: nothing within 0.5 s",
    )
    assert found["messages-failed"] == (
        f"{cell_name(first)}: receive: 9 of 9: 9 timeout, the first: nothing within 0.5 s",
    )


def test_replies_that_nobody_looked_at_are_told_by_cell_with_their_number(run: Run) -> None:
    first, *rest = run.cells
    some = replace(first, unchecked=3)
    (found,) = findings(replace(run, cells=[some, *rest]))
    assert found.check.name == "replies-unchecked"
    assert found.where == (f"{cell_name(first)}: 3 of {first.messages.answered:,} replies",)


def test_a_file_of_ones_own_that_checks_its_replies_has_checked_them(run: Run) -> None:
    cells = [replace(cell, unchecked=0) for cell in run.cells]
    assert findings(of_somebody_else(replace(run, cells=cells), "resp", None)) == []


def test_nobody_is_told_to_start_a_server_that_is_not_ours_with_a_flag_of_ours(run: Run) -> None:
    (found,) = findings(of_somebody_else(without_server(run), "line", "echo"))
    assert found.check.name == "no-server-data"
    assert "--timing" not in found.check.advice
    assert "not a Lockstep server" in found.check.message


def test_a_cell_that_is_too_short_says_what_it_needs(run: Run) -> None:
    (found,) = findings(too_short_at_its_only_repeat(with_cell(seconds=4.0)(run)))
    assert found.where[0].endswith(
        "too short: needs 960 s, was 4 s (32 still in flight at the end, one for 3.34 s)"
    )
    (found,) = findings(with_cell(edges=Edges(-1.0, 32, 3e6, 120.0, at_least=True))(run))
    assert "needs more than 120 s" in found.where[0]


def test_a_cell_that_was_long_enough_for_its_sessions_is_not_said_to_be_too_short(run: Run) -> None:
    """A pause of the machine at one end, which a longer window would have outweighed."""
    disturbed = with_cell(seconds=4.0, edges=Edges(-1.0, 8, 11e3, 0.5))(run)
    (found,) = findings(disturbed)
    assert found.where[0].endswith(
        "8 still in flight at the end, one for 0.011 s, though 0.5 s would have been enough"
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (-1.0, "8 still in flight at the end, one for 0.011 s, though 0.5 s would have been enough"),
        (0.2, "20.0% of the exchanges' time lies before its beginning, though 0.5 s would have been enough"),
    ],
)
def test_where_every_repeat_was_stalled_nobody_is_told_to_measure_for_longer(
    run: Run, share: float, words: str
) -> None:
    stalled = replace(SHORT, share=share, under_way=8, longest_us=11e3, needs_s=0.5)
    cells = [replace(cell, seconds=4.0, edges=stalled) for cell in run.cells]
    (found,) = degradations(findings(replace(run, cells=cells)))
    assert found.check.name == "unsteady"
    assert "--seconds" not in found.check.advice
    assert found.where[0].endswith(words)


@pytest.mark.parametrize(("share", "end"), [(0.048, "before its beginning"), (-0.048, "beyond its end")])
def test_a_pause_that_few_exchanges_met_is_told_and_their_figures_stand(
    run: Run, share: float, end: str
) -> None:
    disturbed = Edges(share, 2, 1_600.0, disturbed=True)
    (found,) = findings(with_cell(edges=disturbed, littles_law=Occupancy(2, 2.1))(run))
    assert (found.check.name, found.check.degrades) == ("disturbed", False)
    assert found.where[0].endswith(f"4.8% of the exchanges' time lies {end}")


def test_where_most_repeats_are_too_short_the_run_is_unfit_and_where_few_are_they_are_left_out(
    run: Run,
) -> None:
    """Three repeats of each mode and level: one may have met a pause of the machine, two have not."""

    def short(repeats: set[int]) -> Run:
        return replace(
            run,
            cells=[
                replace(cell, edges=SHORT) if cell.mode == "lock" and cell.repeat in repeats else cell
                for cell in run.cells
            ],
        )

    names = [
        [found.check.name for found in findings(short(set(range(1, most + 1))))] for most in (0, 1, 2, 3)
    ]
    assert names == [[], ["unsteady"], ["too-short"], ["too-short"]]
    assert not is_degraded(short({1}))


def test_every_outcome_but_an_answer_is_a_failure() -> None:
    outcomes = {field.name for field in fields(Messages)} - {"sent", "answered"}
    assert set(Messages().failures) == outcomes
    assert all(Messages(**{name: 3}).failures[name] == 3 for name in outcomes)


@pytest.mark.parametrize(
    ("rate_per_s", "name"), [(None, "lock at 32, repeat 2"), (240.0, "lock at 32 (240/s), repeat 2")]
)
def test_cells_that_differ_in_their_rate_alone_have_names_of_their_own(
    rate_per_s: float | None, name: str
) -> None:
    assert cell_name(make_cell("lock", 32, 2, rate_per_s=rate_per_s)) == name
