"""What the exit code of a run says to whoever started it."""

from __future__ import annotations

DONE = 0
FAILED = 1
"""A gate was not met, or the second run of a diff is worse than the first."""
WRONG_USE = 2
"""It could not begin or go on: one line on stderr says what is wrong and how to mend it."""
DEGRADED = 3
"""It ran, but figures may be missing or wrong: the report says at its top which."""
INTERRUPTED = 130
"""Stopped by Ctrl-C; what was measured is saved."""


def exit_code(*, refused: bool, interrupted: bool, degraded: bool, failed: bool) -> int:
    """The code of a run that ended like this: what casts more doubt on the rest comes first.

    refused: the harness could not go on. failed: a gate was not met.
    """
    reasons = ((refused, WRONG_USE), (interrupted, INTERRUPTED), (degraded, DEGRADED), (failed, FAILED))
    return next((code for holds, code in reasons if holds), DONE)
