"""A peer that takes connections and never says a word."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lockstep.errors import FAILED
from tests.support.commands import lockstep, only_run

LISTENER = """
from locust import task
from lockstep import TcpUser

class Listener(TcpUser):
    framing, timeout_s = "line", 0.2

    @task
    def listen(self):
        self.client.receive()
"""


def test_a_file_that_only_listens_has_failed_where_nothing_ever_comes(tmp_path: Path) -> None:
    file = tmp_path / "listener.py"
    file.write_text(LISTENER, encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        flags = (f"--target=tcp://127.0.0.1:{silent.getsockname()[1]}", "--users", "2", "--processes", "1")
        done = lockstep("run", str(file), *flags, "--seconds", "1", "--out", str(tmp_path / "runs"))
    assert done.code == FAILED, done.err
    assert "no-answers: Not one message was answered.\n  nothing came, waited for " in done.out
    _, run = only_run(tmp_path / "runs")
    receives = run["cells"][0]["requests"]["receive"]["messages"]
    assert receives["timeout"] == receives["sent"] > 0


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
