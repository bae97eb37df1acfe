"""Looks at a cell while it runs: whether a gate that may end it is broken already. Has no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lockstep.analysis.gate_syntax import Gate
from lockstep.control import Pulse
from lockstep.record.pulse import BUCKETS, percentiles_us
from lockstep.report.words import in_unit

# Of fewer messages a share or a percentile is luck.
ENOUGH = 100


@dataclass(slots=True)
class Seen:
    """What the pulses of a cell's window add up to. responses: answers by bucket of their time."""

    answered: int = 0
    failed: int = 0
    responses: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))

    def add(self, pulse: Pulse) -> None:
        """A worker's pulse."""
        self.answered += pulse.answered
        self.failed += pulse.failed
        self.responses += np.array(pulse.responses)

    @property
    def enough(self) -> bool:
        """Whether a share of it says something."""
        return self.answered + self.failed >= ENOUGH

    def percentile_us(self, share: float) -> float | None:
        """A response time, to 6%; None where too little was answered."""
        return percentiles_us(self.responses.tolist(), [share])[0] if self.answered >= ENOUGH else None


_FIGURES: Mapping[str, Callable[[Seen], float | None]] = {
    "failed": lambda seen: seen.failed,
    "failed_share": lambda seen: seen.failed / (seen.answered + seen.failed) if seen.enough else None,
    "response_p50": lambda seen: seen.percentile_us(0.5),
    "response_p90": lambda seen: seen.percentile_us(0.9),
    "response_p99": lambda seen: seen.percentile_us(0.99),
    "response_p999": lambda seen: seen.percentile_us(0.999),
}
"""The figures that pulses tell, by their metric: gate_syntax.WATCHED."""


class GateWatch:
    """One cell's gates that may end it. gates: of its mode and level."""

    def __init__(self, gates: Sequence[Gate]) -> None:
        self._gates = [gate for gate in gates if gate.abort]
        self._seen = Seen()

    def note(self, pulse: Pulse) -> str | None:
        """Take a pulse of the window in: the gate that is broken now, and by what; None where all hold."""
        if not self._gates:
            return None
        self._seen.add(pulse)
        for gate in self._gates:
            value = _FIGURES[gate.metric.name](self._seen)
            if value is not None and not gate.holds(value):
                came = in_unit(gate.metric.unit, value)
                return f"{gate.metric.name} came to {came}, and the gate is {gate.text!r}"
        return None
