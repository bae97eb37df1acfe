"""The wheel as a stranger has it: built, installed into an empty environment, used beside code of theirs."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockstep_wire.build import VERSION

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).resolve().parents[2]
# What a build needs of a checkout; what else lies there, such as an old build/, must not get in.
SOURCES = ("loadtest", "server", "wire", "requirements", "LICENSE", "README.md", "pyproject.toml")
PACKAGES = {"lockstep": "loadtest", "lockstep_server": "server", "lockstep_wire": "wire"}
NO_FILE_OF_OURS = ("*.egg-info", "__pycache__", "build")
HOSTILE = 'print("a stranger\'s code ran"); raise SystemExit(9)\n'


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Paths of the wheel, which is built from the sdist, and of the sdist."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*NO_FILE_OF_OURS))
        else:
            shutil.copy(ROOT / name, source)
    uv = Path(sys.executable).parent / "uv"
    said(uv, "build", "--offline", "--no-build-isolation", "--python", sys.executable, "-o", out, source)
    (wheel,), (sdist,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, sdist


class Installed:
    """An environment that holds nothing but what pip brings, and a folder of somebody else's code."""

    def __init__(self, home: Path, wheel: Path) -> None:
        self.folder = home / "project"
        self._bin = home / "venv" / "bin"
        self._wheel = wheel
        self._versions = home / "versions.txt"
        locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
        self._versions.write_text("\n".join(re.findall(r"^(\S+==[^\\\n]*)", locked, re.MULTILINE)))
        venv.create(home / "venv", symlinks=True)
        for module in ("wire", "loadtest", "server"):
            (self.folder / module).mkdir(parents=True)
            (self.folder / module / "__init__.py").write_text(HOSTILE)
            (self.folder / module / "__main__.py").write_text(HOSTILE)
        (self.folder / "server.py").write_text(HOSTILE)

    def install(self, extras: str = "") -> None:
        pip = (sys.executable, "-m", "pip", "--python", self._bin / "python", "install", "--no-compile")
        said(*pip, "--constraint", self._versions, f"locust-lockstep{extras} @ {self._wheel.as_uri()}")

    def holds(self, module: str) -> bool:
        return self.run("python", "-P", "-c", f"import {module}").returncode == 0

    def run(self, command: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment to its end, in the folder, with nothing of ours in sight."""
        return subprocess.run(
            [self._bin / command, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start_server(self) -> subprocess.Popen[str]:
        command: list[str | Path] = [self._bin / "lockstep-server", "--listen", "free:0", "--admin-port", "0"]
        return subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )

    @property
    def environment(self) -> dict[str, str]:
        ours = ("PYTHON", "LOCKSTEP", "LOCUST", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return {**kept, "PATH": f"{self._bin}{os.pathsep}{kept['PATH']}"}


@pytest.fixture(scope="module")
def bare(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """`pip install locust-lockstep`; until a later test adds the extras."""
    installed = Installed(tmp_path_factory.mktemp("stranger"), built[0])
    installed.install()
    return installed


@pytest.fixture(scope="module")
def whole(bare: Installed) -> Installed:
    """`pip install locust-lockstep[all]`, on top."""
    bare.install("[all]")
    return bare


@pytest.fixture
def server(bare: Installed) -> Iterator[dict[str, int]]:
    """A running lockstep-server: the ports of `free` and of `admin`."""
    with bare.start_server() as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield {"free": ready["listeners"][0]["port"], "admin": ready["admin_port"]}
        process.terminate()


def said(*command: str | Path) -> str:
    """What a command says that must go well."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def readmes_user_file() -> str:
    """The locustfile that README shows."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    (user_file,) = (block for block in blocks if "TcpUser" in block)
    return str(user_file)


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(built: tuple[Path, Path]) -> None:
    wanted = {
        str(file.relative_to(ROOT / root))
        for package, root in PACKAGES.items()
        for file in (ROOT / root / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    with zipfile.ZipFile(built[0]) as wheel:
        there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert there == wanted
    assert {f"{package}/py.typed" for package in PACKAGES} | {"lockstep/plans/smoke.toml"} <= there


def test_the_sdist_holds_what_a_wheel_is_built_from(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        there = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "requirements/base.in",
        "requirements/profile.in",
        "requirements/report.in",
    } <= there


def test_with_locust_and_little_else_a_user_file_imports_tcp_user(bare: Installed) -> None:
    done = bare.run("python", "-c", "from lockstep import TcpUser, __version__; print(__version__)")
    assert (done.returncode, done.stdout) == (0, f"{VERSION}\n"), done.stderr
    assert [
        module for module in ("altair", "vl_convert", "scipy", "prometheus_client") if bare.holds(module)
    ] == []


def test_without_the_reports_extra_a_run_has_gates_and_a_summary_and_one_line_says_how_to_get_charts(
    bare: Installed,
) -> None:
    plan = ("--modes", "free", "--levels", "1", "--repeats", "1", "--seconds", "1", "--out", "bare")
    done = bare.run("lockstep", "compare", *plan, "--gate", "free: failed <= 0")
    (run,) = (bare.folder / "bare").iterdir()
    assert {each.name for each in run.iterdir()} >= {"run.json", "summary.md", "junit.xml"}
    assert not (run / "report.html").exists()
    *_, report, note = done.stdout.splitlines()
    assert report == f"Report: bare/{run.name}/summary.md"
    assert note == (
        "note: no charts without an extra: pip install 'locust-lockstep[report]', "
        f"then lockstep report bare/{run.name}"
    )
    assert "gate ok" in done.stdout or done.returncode == 3  # a machine that is busy degrades a run
    assert done.returncode in (0, 3), done.stderr

    again = bare.run("lockstep", "report", run, "--markdown")
    assert (again.returncode, again.stdout) == (0, (run / "summary.md").read_text(encoding="utf-8"))
    charts = bare.run("lockstep", "report", run, "--charts", "charts")
    assert charts.stderr == "lockstep: vl_convert is not installed: pip install 'locust-lockstep[report]'\n"
    assert charts.returncode == 2


def test_without_the_servers_extra_it_serves_all_but_metrics(bare: Installed, server: dict[str, int]) -> None:
    def ask(path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", server["admin"], timeout=10)
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    assert ask("/health") == (200, "ok\n")
    assert ask("/metrics") == (
        501,
        "prometheus_client is not installed: pip install 'locust-lockstep[server]'\n",
    )


def test_readmes_user_file_runs_against_the_server(bare: Installed, server: dict[str, int]) -> None:
    (bare.folder / "greeter.py").write_text(readmes_user_file(), encoding="utf-8")
    host = f"tcp://127.0.0.1:{server['free']}"
    flags = ("--headless", "--users", "2", "--run-time", "2s", "--host", host, "--json", "--only-summary")
    done = bare.run("locust", "-f", "greeter.py", *flags)
    assert done.returncode == 0, done.stderr
    rows = {row["method"]: row for row in json.loads(done.stdout)}
    assert {"connect", "message", "close"} <= set(rows)
    assert all(row["num_requests"] > 0 and row["num_failures"] == 0 for row in rows.values())


def test_a_comparison_runs_beside_a_strangers_code_and_leaves_a_report(whole: Installed) -> None:
    plan = ("--modes", "free,lock", "--levels", "2", "--repeats", "1", "--seconds", "1", "--out", "whole")
    done = whole.run("lockstep", "compare", *plan)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    (run,) = (whole.folder / "whole").iterdir()
    assert "<svg" in (run / "report.html").read_text(encoding="utf-8")
    assert f"Report: whole/{run.name}/report.html" in done.stdout
    cells = json.loads((run / "run.json").read_text(encoding="utf-8"))["cells"]
    assert {cell["mode"] for cell in cells} == {"free", "lock"}
    assert all(cell["messages"]["answered"] > 0 for cell in cells)
