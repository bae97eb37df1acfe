"""The record of how many connections were in service over a cell; analysis/overlap.py makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overlap:
    """How many connections were in service, and how many waited, over a whole cell in bins of equal length.

    By the server's records and clock, from the cell's beginning on, warm-up and drain included. in_service
    and waiting: the time average in each bin. most: the greatest number in service at one moment of it. The
    measured window is counted from the first arrival, with which the workers begin.
    """

    bin_ms: float
    window_start_ms: float
    window_end_ms: float
    in_service: list[float]
    most: list[int]
    waiting: list[float]

    @property
    def span_ms(self) -> float:
        """How long the cell was."""
        return self.bin_ms * len(self.in_service)

    @property
    def kept(self) -> float | None:
        """The time average in service over the measured window, of whole bins; None where it has none."""
        inside = [
            mean
            for number, mean in enumerate(self.in_service)
            if self.window_start_ms <= number * self.bin_ms
            and (number + 1) * self.bin_ms <= self.window_end_ms
        ]
        return sum(inside) / len(inside) if inside else None
