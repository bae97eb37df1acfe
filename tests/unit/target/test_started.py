"""Services that are started for a run: ready, talked to, ended, and what is said where they are not."""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from lockstep.errors import HarnessError, PlanError
from lockstep.target import chosen
from lockstep.target.chosen import Chosen, Command, checked_framing, started
from lockstep.target.named import Spoken
from tests.support.clients import wait_until

PYTHON = shlex.quote(sys.executable)
SERVE = """
import socket, sys, time
where = sys.argv[1]
family, address = (socket.AF_INET, ("127.0.0.1", int(where))) if where.isdigit() else (socket.AF_UNIX, where)
server = socket.socket(family)
server.bind(address)
time.sleep(float(sys.argv[2]))
server.listen()
print("listening at last", flush=True)
while True:
    server.accept()[0].close()
"""


def command(script: str, *more: str) -> Command:
    return Command.parse(f"mine={PYTHON} -c {shlex.quote(script)} {' '.join(more)}")


def is_gone(pid: int) -> bool:
    """A child of a process that is gone may still wait for init to reap it."""
    try:
        return " Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_it_listens_where_it_was_told_to_and_is_ended_with_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    parent = f"""
import os, subprocess, sys, time
child = subprocess.Popen({[sys.executable, "-c", SERVE]!r} + sys.argv[1:])
open({str(pids)!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(60)
"""
    with started(command(parent, "{port}", "0.2"), os.environ) as service:
        endpoint = service.named.endpoint
        socket.create_connection((endpoint.host, endpoint.port)).close()
        service.check()
    for pid in map(int, pids.read_text().split()):
        wait_until(partial(is_gone, pid))


def test_a_unix_socket_is_made_for_it_and_gone_after_it() -> None:
    with started(command(SERVE, "{socket}", "0"), os.environ) as service:
        path = Path(service.named.endpoint.host)
        assert path.is_socket()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    assert not path.parent.exists()


def test_it_is_ready_once_it_has_said_so() -> None:
    with started(
        command(SERVE, "{port}", "0.3"), os.environ, re.compile("at last$", re.MULTILINE)
    ) as service:
        assert service.said() == "listening at last\n"


def test_it_gets_the_environment_that_is_given_to_it() -> None:
    script = "import os; print(os.environ['PYTHONOPTIMIZE']); " + SERVE
    with started(command(script, "{port}", "0"), {**os.environ, "PYTHONOPTIMIZE": "1"}) as service:
        assert service.said().startswith("1\n")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("import sys; sys.exit('no such flag')", r"mine has ended \(exit code 1\): no such flag"),
        ("import os; os.kill(os.getpid(), 9)", r"mine has ended \(signal SIGKILL\); try its command by hand"),
        (
            "import time; print('thinking', flush=True); time.sleep(9)",
            "accepted nobody within 0.5 s: thinking",
        ),
    ],
)
def test_one_that_does_not_get_ready_is_told_by_its_end_and_its_last_words(script: str, why: str) -> None:
    with pytest.raises(HarnessError, match=why), started(command(script, "{port}"), os.environ, ready_s=0.5):
        pass


def test_one_that_ends_later_is_told_too() -> None:
    script = SERVE.replace(
        "while True:\n    server.accept()[0].close()", "server.accept(); print('bye'); sys.exit(3)"
    )
    with started(command(script, "{port}", "0"), os.environ) as service:
        service._process.wait()
        with pytest.raises(HarnessError, match=r"has ended \(exit code 3\): listening at last \| bye"):
            service.check()


IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVE


def test_one_that_does_not_heed_sigterm_is_waited_for_aloud_and_then_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chosen, "SOON_S", 0.1)
    monkeypatch.setattr(chosen, "STOP_S", 0.1)
    told: list[str] = []
    with started(command(IGNORES, "{port}", "0"), os.environ, tell=told.append) as service:
        pass
    assert service._process.poll() == -signal.SIGKILL
    assert told == [
        "waiting for the server of mine to end",
        "the server of mine did not end within 0.2 s of SIGTERM: killed",
    ]


def test_one_that_ends_as_it_is_told_to_is_waited_for_in_silence() -> None:
    told: list[str] = []
    with started(command(SERVE, "{port}", "0"), os.environ, tell=told.append):
        pass
    assert told == []


HOLDS_ONE = """
import os, sys, time
from lockstep.target import chosen
from lockstep.target.chosen import Command, started
with started(Command.parse(sys.argv[1]), os.environ) as service:
    print(service._process.pid, flush=True)
    time.sleep(60)
"""


def test_one_does_not_outlive_its_run_even_if_that_is_killed_and_it_heeds_no_sigterm() -> None:
    text = command(IGNORES, "{port}", "0").text
    with subprocess.Popen([sys.executable, "-c", HOLDS_ONE, f"mine={text}"], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        server = int(run.stdout.readline())
        run.kill()
    wait_until(partial(is_gone, server))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("./server {port}", "has no name"),
        ("new=./server", "does not say where the server is to listen"),
        ("new=./server {port} {socket}", "does not say where"),
        ("new=./server '{port}", "cannot be cut into words"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused_before_anything_is_started(text: str, why: str) -> None:
    with pytest.raises(PlanError, match=why) as refusal:
        Command.parse(text)
    assert refusal.value.what == "run"


def test_a_program_that_is_not_there_is_refused() -> None:
    with (
        pytest.raises(PlanError, match=r"'\./no-such-server' cannot be started \(No such file"),
        started(Command.parse("new=./no-such-server {port}"), os.environ),
    ):
        pass


@pytest.mark.parametrize(
    ("commands", "targets", "ready", "framing", "what"),
    [
        (["a=./s {port}"], ["a=tcp://h:1"], None, "raw", "target"),
        ([], ["a=tcp://h:1"], "x", "raw", "ready"),
        (["a=./s {port}"], [], "(", "raw", "ready"),
        ([], ["a=tcp://h:1"], None, "morse", "framing"),
    ],
)
def test_what_does_not_go_together_is_refused(
    commands: list[str], targets: list[str], ready: str | None, framing: str, what: str
) -> None:
    with pytest.raises(PlanError) as refusal:
        Chosen.read(commands, targets, ready, Spoken(checked_framing(framing)), {})
    assert refusal.value.what == what


def test_what_is_started_comes_before_what_runs_already() -> None:
    read = Chosen.read(["new=./s {port}"], ["old=tcp://h:1 older=tcp://h:2"], None, Spoken(), {})
    assert read.names == ("new", "old", "older")
