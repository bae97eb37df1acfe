"""What a pipeline is told of a run: what casts more doubt comes first."""

from __future__ import annotations

import signal

import pytest

from lockstep.errors import INTERRUPTED, exit_code, printable, stopped_by


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (set(), 0),
        ({"failed"}, 1),
        ({"degraded"}, 3),
        ({"unreported"}, 4),
        ({"failed", "unreported"}, 1),
        ({"degraded", "failed", "unreported"}, 3),
        ({"refused", "degraded", "failed", "unreported"}, 2),
    ],
)
def test_one_code_says_how_a_run_ended(ended: set[str], code: int) -> None:
    names = ("refused", "degraded", "failed", "unreported")
    assert exit_code(**{name: name in ended for name in names}) == code


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_run_that_a_signal_stopped_says_which_as_a_shell_does(number: int, code: int) -> None:
    assert exit_code(signal=number, degraded=True, failed=True, unreported=True) == code
    assert exit_code(signal=number, refused=True) == 2
    assert stopped_by(signal.SIGINT) == INTERRUPTED


@pytest.mark.parametrize(
    ("said", "shown"),
    [("收到, well", "收到, well"), ("ERR \x1b[31mred\r\n", "ERR \\x1b[31mred\\r\\n"), ("\u202e", "\\u202e")],
)
def test_what_somebody_else_said_moves_no_terminal(said: str, shown: str) -> None:
    assert printable(said) == shown
