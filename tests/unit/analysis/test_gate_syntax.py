"""Gates as a pipeline writes them: what they mean, and what is refused in words that help."""

from __future__ import annotations

import pytest

from lockstep.analysis.gate_syntax import check_gates, parse_gates, split_gates
from lockstep.analysis.metrics import METRICS, Unit
from lockstep.errors import PlanError
from lockstep.plan import Plan

MODES = ("free", "lock", "lock/message", "semaphore=4")
LEVELS = (1, 8, 32)


def refusal_of(text: str) -> str:
    """The one line that this gate is refused with; it quotes the gate."""
    with pytest.raises(PlanError) as refusal:
        parse_gates([text], MODES, LEVELS)
    said = str(refusal.value)
    assert refusal.value.what == "gate"
    assert "\n" not in said
    assert said.startswith(f"{text!r}: ")
    return said.removeprefix(f"{text!r}: ")


@pytest.mark.parametrize(
    ("text", "mode", "baseline", "level", "metric", "operator", "bound"),
    [
        ("free: response_p99 < 20ms", "free", None, None, "response_p99", "<", 20_000),
        ("free@32: response_p99<=1.5 s", "free", None, 32, "response_p99", "<=", 1_500_000),
        ("free : wait_mean < 800us", "free", None, None, "wait_mean", "<", 800),
        ("free: wait_mean < 800µs", "free", None, None, "wait_mean", "<", 800),
        ("semaphore=4 @ 8: messages_per_s >= 1000", "semaphore=4", None, 8, "messages_per_s", ">=", 1000),
        ("free: failed_share < 7%", "free", None, None, "failed_share", "<", 0.07),
        ("free: failed_share < 0.01", "free", None, None, "failed_share", "<", 0.01),
        ("free: failed <= 0", "free", None, None, "failed", "<=", 0),
        ("lock/free: messages_per_s > 0.05", "lock", "free", None, "messages_per_s", ">", 0.05),
        ("lock/free: response_p50 < 200%", "lock", "free", None, "response_p50", "<", 2),
        ("lock / free@8: messages_per_s > .05", "lock", "free", 8, "messages_per_s", ">", 0.05),
        ("lock/message: failed < 1", "lock/message", None, None, "failed", "<", 1),
        ("lock/message/lock: failed < 1", "lock/message", "lock", None, "failed", "<", 1),
        ("lock/lock/message@1: failed < 1", "lock", "lock/message", 1, "failed", "<", 1),
    ],
)
def test_a_gate_is_read_as_it_is_written(
    text: str, mode: str, baseline: str | None, level: int | None, metric: str, operator: str, bound: float
) -> None:
    (gate,) = parse_gates([text], MODES, LEVELS)
    assert (gate.text, gate.mode, gate.baseline, gate.level) == (text, mode, baseline, level)
    assert (gate.metric, gate.operator, gate.bound) == (METRICS[metric], operator, bound)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("fre: failed < 1", "the plan has no mode 'fre': did you mean free?"),
        ("ticket: failed < 1", "the plan has no mode 'ticket': choose from free, lock, lock/message, semaph"),
        ("lok/free: failed < 1", "the plan has no mode 'lok/free': did you mean lock/free?"),
        ("lock/free/free: failed < 1", "the plan has no mode 'lock/free/free': did you mean lock/free?"),
        ("free/free: failed < 1", "holds free against itself: name two modes"),
        ("free@2: failed < 1", "the plan has no level '2': choose from 1, 8, 32"),
        ("free@: failed < 1", "the plan has no level ''"),
        ("free@many: failed < 1", "the plan has no level 'many'"),
        ("free: respons_p99 < 1ms", "there is no metric 'respons_p99': did you mean response_p99?"),
        ("free: Response_P99 < 1ms", "there is no metric 'Response_P99': did you mean response_p99?"),
        ("free: p99 < 1ms", "there is no metric 'p99': choose from messages_per_s, sessions_per_s"),
        ("free: failed = 1", "'=' is not a comparison: choose from <, <=, >, >="),
        ("free: failed =< 1", "'=<' is not a comparison"),
        ("free: response_p99 < 20", "'20' has the wrong unit: a time needs its unit, us, ms or s"),
        ("free: response_p99 < 20min", "'20min' has the wrong unit: a time needs its unit"),
        ("free: response_p99 < 20%", "'20%' has the wrong unit: a time needs its unit"),
        ("free: response_p99 < fast", "'fast' is not a number of 0 or more: a time needs its unit"),
        ("free: response_p99 < -1ms", "'-1ms' is not a number of 0 or more"),
        ("free: response_p99 < nan", "'nan' is not a number of 0 or more"),
        ("free: response_p99 <", "'' is not a number of 0 or more"),
        ("free: messages_per_s > 9/s", "'9/s' has the wrong unit: a rate is a number per second"),
        ("free: failed < 5%", "'5%' has the wrong unit: a count has no unit"),
        (f"free@{'9' * 5000}: failed <= 0", "the plan has no level"),
        ("free: failed_share < 5", "'5' is too much: a share is 0 to 1, or 0% to 100%"),
        ("lock/free: response_p99 < 5ms", "'5ms' has the wrong unit: a ratio has no unit"),
        ("free: failed_share < 5% or abrt", "'or abrt' says nothing here: did you mean `or abort`?"),
        ("free: failed < 5 or stop it", "'or stop it' says nothing here: did you mean `or abort`?"),
        ("free: response_p99", "'response_p99' compares nothing: write MODE: METRIC < VALUE"),
        ("free", "is not a gate: write MODE: METRIC < VALUE"),
        ("free:", "is not a gate: write MODE: METRIC < VALUE"),
        (": failed < 1", "is not a gate: write MODE: METRIC < VALUE"),
        ("", "is not a gate: write MODE: METRIC < VALUE"),
    ],
)
def test_what_is_no_gate_is_refused_with_what_is_wrong_and_the_remedy(text: str, said: str) -> None:
    assert refusal_of(text).startswith(said)


def test_a_gate_that_is_there_twice_is_refused() -> None:
    with pytest.raises(PlanError, match="'free: failed < 1' is there twice"):
        parse_gates(["free: failed < 1", "lock: failed < 1", "free: failed < 1"], MODES, LEVELS)


def test_every_metric_can_be_gated_by_the_remedy_of_its_own_refusal() -> None:
    for name in METRICS:
        example = refusal_of(f"free: {name} < 20x").rpartition("write for example ")[2].partition(" ")[0]
        (gate,) = parse_gates([f"free: {name} < {example}"], MODES, LEVELS)
        assert gate.metric.name == name


def test_a_plans_gates_are_checked_against_its_own_modes_and_levels() -> None:
    check_gates(Plan(("free", "lock"), (4,), gates=("lock/free@4: messages_per_s > 0.01",)))
    with pytest.raises(PlanError, match="choose from free, lock"):
        check_gates(Plan(("free", "lock"), (4,), gates=("queue=1: failed < 1",)))


@pytest.mark.parametrize(
    ("text", "gates"),
    [
        ("", ()),
        (" ; ", ()),
        ("free: late < 1", ("free: late < 1",)),
        ("free: late < 1; lock: late < 1 ;", ("free: late < 1", "lock: late < 1")),
        ("free: late < 1,lock: late < 1", ("free: late < 1", "lock: late < 1")),
    ],
)
def test_gates_in_one_text_are_separated_by_semicolons_or_commas(text: str, gates: tuple[str, ...]) -> None:
    assert split_gates(text) == gates


def test_a_bound_beyond_every_number_could_never_fail_and_is_refused() -> None:
    assert "is too much" in refusal_of(f"free: response_p99 < {'9' * 400}s")


@pytest.mark.parametrize("name", ["GET", "get a key", "a.b", "login:first"])
def test_a_gate_may_be_of_the_messages_of_one_name(name: str) -> None:
    (gate,) = parse_gates([f"free@8: {name}.response_p99 < 10ms"], ["free"], [8])
    assert (gate.metric.request, gate.metric.unit, gate.bound) == (name, Unit.US, 10_000)


def test_a_metric_that_no_name_has_is_refused_with_the_nearest_one_that_it_has() -> None:
    with pytest.raises(PlanError, match="did you mean response_p99"):
        parse_gates(["free: GET.respons_p99 < 10ms"], ["free"], [8])
