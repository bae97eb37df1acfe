"""What pulses come to since the master began, series by series: counts that only grow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lockstep.control import Pulse
from lockstep.record.pulse import BUCKETS


@dataclass(slots=True)
class Totals:
    """Of one series. failures: outcome -> messages. responses: answers by a pulse's buckets of their time."""

    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    responses: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))

    @property
    def sent(self) -> int:
        """Messages that were answered or failed; what is in flight is in no pulse yet."""
        return self.answered + self.failures.total()


class TotalsBySeries:
    """Adds pulses up. A series is a mode's or a target's name."""

    def __init__(self) -> None:
        self._found: dict[str, Totals] = {}

    def add(self, pulse: Pulse) -> None:
        """A worker's pulse."""
        totals = self._found.setdefault(pulse.mode, Totals())
        totals.answered += pulse.answered
        totals.failures.update(pulse.failures)
        totals.responses += np.array(pulse.responses, np.int64)

    @property
    def found(self) -> Mapping[str, Totals]:
        """By series, in the order in which they first came."""
        return self._found
