"""What stops a command before or while it runs, and the code that it then exits with."""

from __future__ import annotations


class PlanError(ValueError):
    """A plan that cannot be run: `what` names the setting, the message says value and remedy."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


class HarnessError(Exception):
    """The generator itself cannot go on; the message names the remedy."""


class ServerUnreachableError(Exception):
    """The admin port does not answer as a Lockstep server's would; the message says where and the remedy."""


class ResultsError(Exception):
    """A run folder that cannot be written, read or compared; the message says what, where and the remedy."""


REFUSALS = (PlanError, HarnessError, ServerUnreachableError, ResultsError)


def in_words(refusal: Exception) -> str:
    """One line: which setting, what is wrong with it, the remedy."""
    return f"--{refusal.what} {refusal}" if isinstance(refusal, PlanError) else str(refusal)


def printable(text: str) -> str:
    """What somebody else said, fit for a line of ours: what would move a terminal is escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


DONE = 0
FAILED = 1
"""A gate or --at-least was not met, nothing was answered, or a diff found the second run worse."""
WRONG_USE = 2
"""It could not begin or go on: one line on stderr says what is wrong and how to mend it."""
DEGRADED = 3
"""It ran, but figures may be missing or wrong: the report says at its top which."""
UNREPORTED = 4
"""All well, but its charts could not be drawn, though [report] is there: one line says why."""
INTERRUPTED = 130
"""Stopped by Ctrl-C; what was measured is saved. 143 where it was SIGTERM, 129 where the terminal closed."""

_AFTER_A_SIGNAL = 128


def stopped_by(signal: int) -> int:
    """The code of a run that a signal ended, as a shell tells it: 130 for SIGINT, 143 for SIGTERM."""
    return _AFTER_A_SIGNAL + signal


def exit_code(
    *,
    refused: bool = False,
    signal: int | None = None,
    degraded: bool = False,
    failed: bool = False,
    unreported: bool = False,
) -> int:
    """The code of a run that ended like this: what casts more doubt on the rest comes first.

    refused: the harness could not go on. signal: which one stopped it. failed: a gate was not met, or
    nothing was answered. unreported: there is no report.
    """
    reasons = (
        (refused, WRONG_USE),
        (signal is not None, stopped_by(signal or 0)),
        (degraded, DEGRADED),
        (failed, FAILED),
        (unreported, UNREPORTED),
    )
    return next((code for holds, code in reasons if holds), DONE)
