"""A peer that takes connections and never says a word."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lockstep.errors import FAILED
from tests.support.commands import lockstep


@pytest.mark.parametrize(
    ("scenario", "what"), [("persistent", "2 sent"), ("receive-only", "nothing was pushed")]
)
def test_a_run_of_which_nothing_was_answered_says_so_and_nobody_quotes_it(
    tmp_path: Path, scenario: str, what: str
) -> None:
    # Its backlog takes the connections: nobody ever reads them.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"quiet=tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = lockstep(
            *("compare", "--out", str(tmp_path)),
            *("--target", target, "--scenario", scenario, "--levels", "2", "--repeats", "1"),
            *("--seconds", "0.5", "--warmup", "0.1", "--processes", "1"),
        )
    assert done.code == FAILED
    assert f"no-answers: Not one message was answered.\n  {what}" in done.out
    assert "too-short" not in done.out
