"""What stops a command before it does anything: the user's words, an absent server, a full disk."""

from __future__ import annotations

from lockstep.connection.socket_errors import HarnessError
from lockstep.master.server_view import ServerUnreachableError
from lockstep.plan import PlanError
from lockstep.results import ResultsError

REFUSALS = (PlanError, HarnessError, ServerUnreachableError, ResultsError)


def in_words(refusal: Exception) -> str:
    """One line: which setting, what is wrong with it, the remedy."""
    return f"--{refusal.what} {refusal}" if isinstance(refusal, PlanError) else str(refusal)
