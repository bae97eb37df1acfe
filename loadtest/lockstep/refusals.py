"""What stops a command before it does anything: the user's words, an absent server, a full disk."""

from __future__ import annotations

from lockstep.plan import PlanError
from lockstep.runs.records import ResultsError
from lockstep.target.admin import ServerUnreachableError
from lockstep.tcp.failures import HarnessError

REFUSALS = (PlanError, HarnessError, ServerUnreachableError, ResultsError)


def in_words(refusal: Exception) -> str:
    """One line: which setting, what is wrong with it, the remedy."""
    return f"--{refusal.what} {refusal}" if isinstance(refusal, PlanError) else str(refusal)
