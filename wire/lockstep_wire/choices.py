"""What may have been meant where a word is no choice, said alike on both ends."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """The choice that is spelt most like the word, as a question.

    Where none is like it: all of them, or what `otherwise` says.
    """
    choices = list(choices)
    meant = nearest(word, choices)
    if meant is not None:
        return f"did you mean {meant}?"
    return f"choose from {otherwise or ', '.join(choices)}"


def nearest(word: str, choices: Iterable[str], alike: float = 0.6) -> str | None:
    """The choice that is spelt most like the word; None where none is as much alike, 0 to 1, as that."""
    by_lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower(), by_lower, n=1, cutoff=alike)
    return by_lower[near[0]] if near else None
