"""Gates: what a run must keep to, as a pipeline writes it.

    MODE[@LEVEL]: METRIC OP VALUE[UNIT]        free@32: response_p99 < 20ms
    MODE/BASELINE[@LEVEL]: METRIC OP RATIO     lock/free: messages_per_s > 0.05
    MODE[@LEVEL]: NAME.METRIC OP VALUE[UNIT]   free: login.response_p99 < 20ms
    MODE[@LEVEL]: METRIC < VALUE or abort      free: failed_share < 10% or abort

OP is <, <=, > or >=; METRIC a name from metrics.py; NAME what messages are called. Without @LEVEL a gate
holds at every level of the plan. `or abort` ends a cell as soon as it is seen to break the gate.
Arithmetic and words only.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isinf

from lockstep.analysis.metrics import METRICS, REQUEST_METRICS, Metric, Unit, metric_named
from lockstep.errors import PlanError
from lockstep.plan import Plan
from lockstep_wire.choices import did_you_mean

FORM = "write MODE: METRIC < VALUE or MODE/BASELINE: METRIC > RATIO, for example free@32: response_p99 < 20ms"
CONDITION_FORM = "write METRIC < VALUE, for example response_p99 < 50ms"

WATCHED = ("failed", "failed_share", "response_p50", "response_p90", "response_p99", "response_p999")
"""What is known of a cell while it runs, and so may end it."""

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# There are too many times to name them all.
_METRICS_IN_SHORT = ", ".join(name for name, metric in METRICS.items() if metric.unit is not Unit.US)
_METRICS_IN_SHORT += ", or a time such as response_p99, wait_mean, handoff_p50"
_CONDITION = re.compile(r"(?P<metric>[^<>=!]+?)\s*(?P<operator>[<>=!]+)\s*(?P<bound>.*)")
# What stands behind a bound and is none of it: `or abort`.
_BEHIND = re.compile(r"[<>=]\s*[^\s<>=]+\s+(?P<words>or\b.*)")
_BOUND = re.compile(r"(?P<number>\d+(?:\.\d*)?|\.\d+)\s*(?P<unit>\D*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How bounds of one kind are written. units: what one of each is, in the metric's own unit."""

    units: Mapping[str, Decimal]
    remedy: str
    max: float = float("inf")


_PLAIN = {"": Decimal(1)}
_PARTS = {"": Decimal(1), "%": Decimal("0.01")}
# Both characters that look like a micro sign.
_TIMES = {"us": Decimal(1), "µs": Decimal(1), "μs": Decimal(1), "ms": Decimal(1000), "s": Decimal(1_000_000)}
_RATIO = _Scale(_PARTS, "a ratio has no unit: write for example 0.05 or 5%")
_SCALES: Mapping[Unit, _Scale] = {
    Unit.US: _Scale(_TIMES, "a time needs its unit, us, ms or s: write for example 20ms"),
    Unit.SHARE: _Scale(_PARTS, "a share is 0 to 1, or 0% to 100%: write for example 1%", max=1),
    Unit.COUNT: _Scale(_PLAIN, "a count has no unit: write for example 0"),
    Unit.PER_S: _Scale(_PLAIN, "a rate is a number per second without a unit: write for example 100"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What a figure has to keep to. bound: in the metric's unit, times in microseconds, shares 0 to 1."""

    text: str
    metric: Metric
    operator: str
    bound: float

    def holds(self, value: float) -> bool:
        """Whether the value keeps to the bound."""
        return _OPERATORS[self.operator](value, self.bound)

    @property
    def asks_for_less(self) -> bool:
        """Whether the bound is an upper one."""
        return self.operator in ("<", "<=")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(Condition):
    """One gate, parsed: a condition, and whose figure has to keep to it.

    baseline: the mode that `mode` is divided by, None where the figure itself is judged; bound is a ratio
    then. level: None for every level of the plan. abort: whether a cell that breaks it ends early. percent:
    whether the bound is written so.
    """

    mode: str
    baseline: str | None
    level: int | None
    abort: bool = False
    percent: bool = False


def _nearest_metric(name: str) -> str:
    return did_you_mean(name, METRICS, _METRICS_IN_SHORT)


def split_gates(text: str) -> tuple[str, ...]:
    """`free: late < 1; lock: late < 1` -> one text a gate; semicolons and commas both separate."""
    return tuple(part.strip() for part in re.split(r"[;,]", text) if part.strip())


def check_gates(plan: Plan, named: Collection[str] | None = None) -> None:
    """PlanError where a gate or promise of the plan is none, or names what the plan does not measure.

    named: what requests will be called; None where that is not known beforehand.
    """
    keep = () if plan.search is None else plan.search.keep
    conditions: dict[str, Sequence[Condition]] = {
        "gate": parse_gates(plan.gates, plan.modes, plan.levels),
        "keep": parse_conditions("keep", keep),
    }
    for setting, each in ((setting, each) for setting, group in conditions.items() for each in group):
        request = each.metric.request
        if named is not None and request and request not in named:
            near = did_you_mean(request, sorted(named)) if named else "no step has a name"
            reason = f"there is no request {request!r} that users make: {near}"
            raise PlanError(setting, f"{each.text!r}: {reason}")


def parse_gates(texts: Sequence[str], modes: Sequence[str], levels: Sequence[int]) -> list[Gate]:
    """The gates of a plan with these modes and levels.

    PlanError quotes the one that is wrong, says what is, and offers the nearest right name.
    """
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise PlanError("gate", f"{twice!r} is there twice: leave one out")
    return [_Parser(_Reader(text, "gate", FORM), modes, levels).gate() for text in texts]


def parse_conditions(setting: str, texts: Sequence[str]) -> list[Condition]:
    """Conditions on figures, as `setting` has them: `response_p99 < 50ms`. PlanError as for gates."""
    return [_Reader(text, setting, CONDITION_FORM).condition(text) for text in texts]


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads conditions. text: the whole that is quoted where it is wrong, of the setting of this name."""

    text: str
    setting: str
    form: str

    def condition(self, text: str, *, ratio: bool = False) -> Condition:
        """The condition that a part of the text is."""
        match = _CONDITION.fullmatch(text)
        if match is None:
            raise self.refusal(f"{text!r} compares nothing: {self.form}")
        name, sign = match["metric"], match["operator"]
        metric = metric_named(name)
        if metric is None:
            request, _, last = name.rpartition(".")
            near = did_you_mean(last, REQUEST_METRICS) if request else _nearest_metric(name)
            raise self.refusal(f"there is no metric {last!r}: {near}")
        if sign not in _OPERATORS:
            raise self.refusal(f"{sign!r} is not a comparison: choose from {', '.join(_OPERATORS)}")
        bound = self._bound(match["bound"].strip(), _RATIO if ratio else _SCALES[metric.unit])
        return Condition(text=text, metric=metric, operator=sign, bound=bound)

    def _bound(self, text: str, scale: _Scale) -> float:
        match = _BOUND.fullmatch(text)
        if match is None:
            raise self.refusal(f"{text!r} is not a number of 0 or more: {scale.remedy}")
        if match["unit"] not in scale.units:
            raise self.refusal(f"{text!r} has the wrong unit: {scale.remedy}")
        bound = float(Decimal(match["number"]) * scale.units[match["unit"]])
        if bound > scale.max or isinf(bound):
            raise self.refusal(f"{text!r} is too much: {scale.remedy}")
        return bound

    def refusal(self, reason: str) -> PlanError:
        """That the text is wrong."""
        return PlanError(self.setting, f"{self.text!r}: {reason}")


@dataclass(frozen=True, slots=True)
class _Parser:
    """Reads a gate of a plan with these modes and levels."""

    reader: _Reader
    modes: Sequence[str]
    levels: Sequence[int]

    def gate(self) -> Gate:
        text = self.reader.text
        subject, colon, condition = text.partition(":")
        if not colon or not subject.strip() or not condition.strip():
            raise self.reader.refusal(f"is not a gate: {FORM}")
        who, at, level = subject.partition("@")
        mode, baseline = self._modes(who.strip())
        itself, abort = self._abort(condition.strip())
        if behind := _BEHIND.search(itself):
            raise self.reader.refusal(f"{behind['words']!r} says nothing here: did you mean `or abort`?")
        read = self.reader.condition(itself, ratio=baseline is not None)
        watched = read.metric.name in WATCHED and not read.metric.request and baseline is None
        if abort and not (watched and read.asks_for_less):
            raise self.reader.refusal(
                f"cannot end a cell while that runs: give an upper bound of {', '.join(WATCHED)}, "
                "or leave `or abort` out"
            )
        return Gate(
            text=text,
            mode=mode,
            baseline=baseline,
            level=self._level(level.strip()) if at else None,
            metric=read.metric,
            operator=read.operator,
            bound=read.bound,
            abort=abort,
            percent=itself.endswith("%"),
        )

    @staticmethod
    def _abort(condition: str) -> tuple[str, bool]:
        """The condition itself, and whether breaking it ends a cell."""
        itself = condition.removesuffix("abort").rstrip()
        if itself == condition or not itself.endswith(" or"):
            return condition, False
        return itself.removesuffix(" or").rstrip(), True

    def _modes(self, who: str) -> tuple[str, str | None]:
        """Mode and baseline. A mode's own name may hold a slash, so the plan's names decide."""
        if who in self.modes:
            return who, None
        slashes = [place for place, character in enumerate(who) if character == "/"]
        for place in slashes:
            mode, baseline = who[:place].strip(), who[place + 1 :].strip()
            if mode in self.modes and baseline in self.modes:
                if mode == baseline:
                    raise self.reader.refusal(f"holds {mode} against itself: name two modes")
                return mode, baseline
        pairs = [f"{mode}/{other}" for mode in self.modes for other in self.modes if mode != other]
        names = pairs if slashes and pairs else self.modes
        raise self.reader.refusal(f"the plan has no mode {who!r}: {did_you_mean(who, names)}")

    def _level(self, text: str) -> int:
        if text in map(str, self.levels):
            return int(text)
        levels = ", ".join(map(str, self.levels))
        raise self.reader.refusal(f"the plan has no level {text!r}: choose from {levels}")
