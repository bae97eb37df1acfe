"""How much to measure, and a word on stderr about what is being measured."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """pairs: how often each side is measured, in turn. seconds: how long each time.

    With these all comparisons but the huge one take about eight minutes on two cores.
    """

    pairs: int = 5
    seconds: float = 2.0


def say(text: str) -> None:
    """A line of progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
