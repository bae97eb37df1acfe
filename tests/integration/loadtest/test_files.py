"""A user's own file, from the command to the report: a dialogue as docs/dialogues.md has it, and TcpUsers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lockstep.runs.folder import REPORT_FILE
from tests.support.commands import Done, environment, lockstep, only_run
from tests.support.peers import line_echo, login_server, refusing_port
from tests.support.server import ROOT

PAGE = (ROOT / "docs" / "dialogues.md").read_text(encoding="utf-8")
SHORT = ("--users", "4", "--seconds", "1", "--warmup", "0.2")


def block(language: str) -> str:
    """The page's first block of code in a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def service() -> Iterator[int]:
    with login_server() as port:
        yield port


@pytest.fixture
def talk(tmp_path: Path, service: int) -> Path:
    """The page's example, with the service's port."""
    (tmp_path / "users.csv").write_text(block("csv"), encoding="utf-8")
    file = tmp_path / "talk.toml"
    file.write_text(block("toml").replace("7027", str(service)), encoding="utf-8")
    return file


def well(*arguments: str) -> Done:
    done = lockstep(*arguments)
    assert done.code == 0, f"exit {done.code}\n{done.out}\n{done.err}"
    return done


def answered(cell: dict[str, Any], name: str) -> int:
    return int(cell["requests"][name]["messages"]["answered"])


def test_the_example_is_checked_and_run_and_its_names_have_figures(talk: Path, tmp_path: Path) -> None:
    commands = [line.split()[1:] for line in block("sh").splitlines()]
    assert [command[0] for command in commands] == ["dialogue", "run"]
    assert "nothing is wrong" in well("dialogue", "check", str(talk)).out
    gate = ("--gate", "target: do.response_p99 < 10s; target: failed <= 0")
    done = well("run", str(talk), *SHORT, "--out", str(tmp_path / "runs"), *gate)
    folder, run = only_run(tmp_path / "runs")
    (cell,) = run["cells"]
    assert (cell["scenario"], cell["level"], cell["messages"]["mismatch"]) == ("file", 4, 0)
    assert answered(cell, "do") > 5 * answered(cell, "login") > 0
    assert cell["unchecked"] == 0
    assert run["plan"]["traffic"]["user_file"]["path"] == str(talk)
    assert f"Report: {folder / REPORT_FILE}" in done.out
    page = (folder / REPORT_FILE).read_text(encoding="utf-8")
    assert ">login<" in page
    assert "talk.toml" in page


def test_files_that_say_different_things_are_not_compared(talk: Path, tmp_path: Path) -> None:
    out = tmp_path / "runs"
    for pause in ("10ms", "20ms"):
        talk.write_text(re.sub('pause = ".*"', f'pause = "{pause}"', talk.read_text()))
        well("run", str(talk), *SHORT, "--out", str(out))
    done = lockstep("diff", *map(str, sorted(out.iterdir())))
    assert done.code == 2
    assert "what users do" in done.err + done.out


GREETER = """\
from locust import constant, task
from lockstep import TcpUser

class Greeter(TcpUser):
    framing = "line"
    wait_time = constant(0.005)

    @task
    def hello(self):
        self.client.request(b"hello", expect=b"hello", name="hello")
"""


def test_a_locustfile_is_compared_against_two_targets(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    file.write_text(GREETER, encoding="utf-8")
    with line_echo() as one, line_echo() as other:
        targets = (f"--target=a=tcp://127.0.0.1:{one}", f"--target=b=tcp://127.0.0.1:{other}")
        plan = ("--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.2")
        well("compare", str(file), *targets, *plan, "--out", str(tmp_path / "runs"))
    _, run = only_run(tmp_path / "runs")
    assert {cell["mode"] for cell in run["cells"]} == {"a", "b"}
    assert all(answered(cell, "hello") > 20 for cell in run["cells"])


def test_the_host_that_a_file_names_is_the_one_target_of_a_comparison(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    with line_echo() as port:
        host = f'host = "tcp://127.0.0.1:{port}"'
        file.write_text(GREETER.replace("framing =", f"{host}\n    framing ="), encoding="utf-8")
        plan = ("--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.2")
        well("compare", str(file), *plan, "--out", str(tmp_path / "runs"))
    _, run = only_run(tmp_path / "runs")
    (cell,) = run["cells"]
    assert cell["mode"] == "target"
    assert answered(cell, "hello") > 20


def test_where_nobody_listens_a_run_is_refused_before_it_leaves_anything(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    file.write_text(GREETER, encoding="utf-8")
    with refusing_port() as port:
        target = f"tcp://127.0.0.1:{port}"
        for command in (("run", "--target", target), ("compare", "--target", f"mine={target}")):
            done = lockstep(command[0], str(file), *command[1:], "--out", str(tmp_path / "runs"))
            assert (done.code, done.out) == (2, "")
            assert done.err.endswith(
                f"no connection to {target} (connection refused): start the service, or check host and port\n"
            )
    assert not (tmp_path / "runs").exists()


def test_a_file_takes_the_place_of_a_scenario_against_our_own_modes(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    file.write_text(GREETER, encoding="utf-8")
    plan = ("--modes", "free", "--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.2")
    well("compare", str(file), *plan, "--out", str(tmp_path / "runs"))
    _, run = only_run(tmp_path / "runs")
    (cell,) = run["cells"]
    assert cell["server"]["received"] == cell["ledger"]["sent"]["client"]


@pytest.mark.parametrize(
    ("name", "text", "flags", "line"),
    [
        ("x.py", "def x(:\n", (), "{file}:1: is not valid Python: invalid syntax"),
        ("x.py", "x = 1\n", (), "{file}: no class in it extends TcpUser"),
        ("x.toml", "[[step]]\nsend = 'x'\nrepaet = 2\n", (), "{file}:3: there is no key 'repaet' in step"),
        ("x.toml", "[[step]]\nsend = 'x'\n", (), "{file} names no service: give --target tcp://name:port"),
        ("x.txt", "", (), "{file}: is neither a Python file nor a dialogue"),
        ("x.toml", "[[step]]\nsend = 'x'\n", ("--tags", "a"), "--tags a does nothing here"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line_and_no_run(
    name: str, text: str, flags: tuple[str, ...], line: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    done = lockstep("run", str(file), *flags, "--out", str(tmp_path / "runs"))
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("lockstep: " + line.format(file=file))
    assert done.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_what_a_scenario_alone_heeds_is_refused_beside_a_file(talk: Path) -> None:
    done = lockstep("compare", str(talk), "--messages", "3")
    assert done.code == 2
    assert done.err == "lockstep: --messages 3 does nothing here: leave it out, the file says what users do\n"


def test_misuse_of_the_client_ends_the_run_with_the_users_own_line(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    file.write_text(GREETER.replace('b"hello", expect', '"hello", expect'), encoding="utf-8")
    with line_echo() as port:
        target = f"--target=tcp://127.0.0.1:{port}"
        done = lockstep("run", str(file), target, *SHORT, "--out", str(tmp_path / "runs"))
    assert done.code == 2
    assert "Greeter (greeter.py:10): the payload is str ('hello'), not bytes" in done.err
    assert "Traceback" not in done.err
    assert re.search(r"^lockstep: worker [12]: Greeter", done.err, re.MULTILINE)
    run = json.loads(next((tmp_path / "runs").iterdir()).joinpath("run.json").read_text())
    assert run["interrupted"]


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("__import__('os')._exit(7)", "worker 1 has ended (exit code 7): look for what in {file} ends"),
        ("__import__('os').kill(__import__('os').getpid(), 9)", "worker 1 has ended (signal SIGKILL): "),
        ("exec('while True: pass')", "worker 1 has not answered for 3 s: what a task of {file} does blocks"),
    ],
)
def test_a_task_that_ends_or_blocks_its_worker_ends_the_run_with_what_became_of_it(
    deed: str, words: str, tmp_path: Path
) -> None:
    file = tmp_path / "greeter.py"
    file.write_text(GREETER.replace("self.client", f"{deed}; self.client"), encoding="utf-8")
    with line_echo() as port:
        flags = (f"--target=tcp://127.0.0.1:{port}", "--processes", "1", "--users", "2", "--seconds", "60")
        done = lockstep("run", str(file), *flags, "--out", str(tmp_path / "runs"))
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("lockstep: " + words.format(file=file))


def test_a_shape_in_a_file_is_told_to_do_nothing_here(tmp_path: Path) -> None:
    file = tmp_path / "greeter.py"
    shape = (
        "from locust import LoadTestShape\n\n\nclass Stairs(LoadTestShape):\n    def tick(self): ...\n\n\n"
    )
    file.write_text(shape + GREETER, encoding="utf-8")
    with line_echo() as port:
        done = well(
            "run", str(file), f"--target=tcp://127.0.0.1:{port}", *SHORT, "--out", str(tmp_path / "runs")
        )
    assert (
        f"lockstep: {file}: its shape Stairs is for locust -f, and does nothing here: --stages " in done.err
    )


def test_a_misspelt_file_is_refused_as_a_master_of_locust_starts(tmp_path: Path) -> None:
    command = ("locust", "-f", str(ROOT / "loadtest" / "locustfile.py"), "--master", "--web-port", "0")
    done = subprocess.run(
        [sys.executable, "-m", *command, "--host", "tcp://127.0.0.1:9"],
        env=environment() | {"LOCKSTEP_FILE": str(tmp_path / "tlak.toml")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    refusal = (
        f"lockstep: --file {tmp_path}/tlak.toml: cannot be read (No such file or directory): check its name"
    )
    assert done.stderr.splitlines()[-1].startswith(refusal)
    assert done.stderr.endswith("(from LOCKSTEP_FILE)\n")
