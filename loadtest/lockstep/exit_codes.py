"""What the exit code of a run says to whoever started it."""

from __future__ import annotations

DONE = 0
FAILED = 1
"""A gate was not met, or the second run of a diff is worse than the first."""
WRONG_USE = 2
"""It could not begin or go on: one line on stderr says what is wrong and how to mend it."""
DEGRADED = 3
"""It ran, but figures may be missing or wrong: the report says at its top which."""
UNREPORTED = 4
"""All well, but its report could not be made: one line says why, and the run is saved."""
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

    refused: the harness could not go on. signal: which one stopped it. failed: a gate was not met.
    unreported: there is no report.
    """
    reasons = (
        (refused, WRONG_USE),
        (signal is not None, stopped_by(signal or 0)),
        (degraded, DEGRADED),
        (failed, FAILED),
        (unreported, UNREPORTED),
    )
    return next((code for holds, code in reasons if holds), DONE)
