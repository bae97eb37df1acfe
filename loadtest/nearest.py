"""What somebody may have meant who misspelt a name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def offer(word: str, choices: Iterable[str], otherwise: str = "") -> str:
    """The choice that is spelt most like the word, as a question.

    Where none is like it: all of them, or what `otherwise` says.
    """
    by_lower = {choice.lower(): choice for choice in choices}
    near = get_close_matches(word.lower(), by_lower, n=1)
    if near:
        return f"did you mean {by_lower[near[0]]}?"
    return f"choose from {otherwise or ', '.join(by_lower.values())}"
