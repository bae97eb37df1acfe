"""How much to measure, and a word on stderr about what is being measured."""

from __future__ import annotations

import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """pairs: how often each side is measured, in turn. seconds: how long each time.

    until: where it is given, pairs are added until every ratio's interval ends within this part of it, or
    there are as many as `most`.
    """

    pairs: int = 5
    seconds: float = 2.0
    until: float | None = None
    most: int = 15

    @property
    def most_pairs(self) -> int:
        """How many it may come to."""
        return self.pairs if self.until is None else self.most

    @property
    def repeats(self) -> list[str]:
        """The same as flags of `lockstep compare`, which measures in turn too."""
        flags = ["--repeats", str(self.pairs)]
        return flags if self.until is None else [*flags, "--until", str(self.until), "--most", str(self.most)]


def say(text: str) -> None:
    """A line of progress."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
