"""Where a command is started, and with what environment, does not change what it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment, only_run
from tests.support.peers import line_echo
from tests.support.server import ROOT, ServerProcess

LOCKSTEP = Path(sys.executable).with_name("lockstep")
PATIENCE_S = 100
FOREIGN = "import sys; sys.stderr.write('somebody else ran\\n'); raise SystemExit(9)\n"

# Files of somebody else's in the working folder, by names that we, Locust or Python use too.
FILES = (
    "server/__init__.py",
    "server/__main__.py",
    "wire/__init__.py",
    "loadtest/__init__.py",
    "loadtest/__main__.py",
    "loadtest/users.py",
    "server.py",
    "wire.py",
    "loadtest.py",
    "locust.py",
    "gevent.py",
    "queue.py",
    "json.py",
    "sitecustomize.py",
)
CONFIGURATION = {
    "locust.conf": "users = 77\nprocesses = 4\nheadless = true\ntags = nobody\n",
    "pyproject.toml": "[tool.locust]\nusers = 77\nmaster = true\nstop-timeout = 'never'\n",
}
VARIABLES = {
    "LOCKSTEP_HOLD": "50ms",
    "LOCKSTEP_PAUSE": "300ms",
    "LOCKSTEP_WORK": "cpu",
    "LOCKSTEP_ACCEPT": "nonsense",
    "LOCUST_USERS": "77",
    "LOCUST_MODE_MASTER": "true",
    "LOCUST_SKIP_MONKEY_PATCH": "1",
    "LOCUST_TAGS": "nobody",
    "http_proxy": "http://127.0.0.1:9",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "PYTHONWARNINGS": "error",
    "PYTHONOPTIMIZE": "2",
    "LC_ALL": "C.ISO-8859-1",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder in which everything that could be taken for ours is somebody else's."""
    here = tmp_path / "somebody's"
    for name in FILES:
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(FOREIGN)
    for name, text in CONFIGURATION.items():
        (here / name).write_text(text)
    return here


def run(*command: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """With the test's own environment and these variables; none leads to the checkout."""
    inherited = {name: value for name, value in environment().items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**inherited, **variables},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def test_a_comparison_is_the_same_wherever_and_with_whatever_variables_it_is_started(
    folder: Path, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    for name in ("wire.py", "server.py"):
        (packages / name).write_text(FOREIGN)
    (tmp_path / ".locust.conf").write_text("users = 77\nprocesses = 4\nmaster = true\n")
    out = tmp_path / "results"
    plan = ("--modes", "free", "--levels", "3", "--repeats", "1", "--seconds", "1", "--warmup", "0.2")
    done = run(
        *(LOCKSTEP, "compare", *plan, "--out", out),
        cwd=folder,
        **VARIABLES,
        HOME=str(tmp_path),
        PYTHONPATH=str(packages),
    )
    assert done.returncode in (0, 3), done.stderr  # a machine that is busy degrades a run
    assert "somebody else ran" not in done.stderr
    kept, found = only_run(out)
    settings = {name: found["server"][name] for name in ("hold_ns", "pause_ns", "work", "accept")}
    assert settings == {"hold_ns": 2_000_000, "pause_ns": 0, "work": "sleep", "accept": "blocking"}
    (cell,) = found["cells"]
    assert (cell["level"], cell["workers_reported"]) == (3, 2)
    assert cell["messages"]["answered"] > 0
    assert (kept / "report.html").is_file()


def test_clients_and_report_are_ours_too(folder: Path, tmp_path: Path) -> None:
    done = run(LOCKSTEP, "clients", "--count", "1", "--pause", "0", cwd=folder, **VARIABLES)
    assert (done.returncode, done.stderr) == (0, "")
    assert "client 1 has left" in done.stdout


def test_a_terminal_without_our_characters_gets_question_marks(tmp_path: Path) -> None:
    done = run(LOCKSTEP, "clients", "--count", "1", "--pause", "0", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "client 1 is answered ???????" in done.stdout


def test_the_server_is_ours_beside_somebody_else_s_wire(tmp_path: Path) -> None:
    for name in ("wire.py", "queue.py", "logging.py"):
        (tmp_path / name).write_text(FOREIGN)
    done = run(sys.executable, "-m", "lockstep_server", "--listen", "nonsense", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("lockstep-server: --listen nonsense")


GREETER = """
import gevent
import server, wire
from locust import task
from lockstep.users import TcpUser
import wire as again

assert server.words == wire.words == again.words == "mine"

class Greeter(TcpUser):
    host = "tcp://127.0.0.1:{port}"
    framing = "line"

    @task
    def talk(self):
        self.client.connect()
        self.client.request(b"hello", expect=b"hello")
        self.client.close()
        gevent.spawn(self.environment.runner.quit)
"""


def test_a_locustfile_has_its_own_wire_and_server_beside_a_tcp_user(tmp_path: Path) -> None:
    for name in ("wire.py", "server.py"):
        (tmp_path / name).write_text("words = 'mine'\n")
    with line_echo() as port:
        (tmp_path / "greeter.py").write_text(GREETER.format(port=port))
        load = ("-f", "greeter.py", "--headless", "-u", "1", "-t", "30s", "--json", "--only-summary")
        done = run(Path(sys.executable).with_name("locust"), *load, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row for row in json.loads(done.stdout)}
    assert rows["message"]["num_requests"] > 0
    assert rows["message"]["num_failures"] == 0


def test_the_shipped_locustfile_is_ours_where_another_loadtest_lies(tmp_path: Path) -> None:
    for name in ("wire.py", "loadtest.py", "server.py"):
        (tmp_path / name).write_text(FOREIGN)
    out = tmp_path / "results"
    with ServerProcess("free", flags=("--framing", "length", "--reply", "echo", "--timing")) as server:
        admin = server.admin_url.removeprefix("http://")
        done = run(
            *(Path(sys.executable).with_name("locust"), "-f", ROOT / "loadtest" / "locustfile.py"),
            *("--headless", "--only-summary", "--host", "tcp://127.0.0.1", "--admin", admin, "--out", out),
            *("-u", "1", "-t", "1s"),
            cwd=tmp_path,
            http_proxy="http://127.0.0.1:9",
        )
    assert done.returncode in (0, 3), done.stderr
    kept, _ = only_run(out)
    assert (kept / "report.html").is_file(), done.stderr
