"""Who may import whom: what keeps real threads away from Locust, and reports away from a running Locust."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("wire", "server", "loadtest")

# A package, and the modules that no file of it may import.
FORBIDDEN = {
    "wire/lockstep_wire": {"lockstep_server", "lockstep", "locust", "gevent", "socket"},
    "server/lockstep_server": {"lockstep", "locust", "gevent"},
    "loadtest/lockstep": {"lockstep_server"},
    "loadtest/lockstep/analysis": {"lockstep_server", "locust", "gevent"},
    "loadtest/lockstep/report": {"lockstep_server", "locust", "gevent"},
}

# Lockstep's rooms, and the files that its rooms share, from the bottom up: each imports what stands above it
# in this list, and of its own line.
LAYERS = (
    {"errors"},
    {"stopping", "documents"},
    {"beside", "scenario", "stages"},
    {"traffic"},
    {"search"},
    {"plan"},
    {"settings"},
    {"plan_files"},
    {"children"},
    {"runs"},
    {"watch", "profiling"},
    {"tcp"},
    {"dialogue"},
    {"control"},
    {"worker_port"},
    {"locust_numbers"},
    {"record"},
    {"target"},
    {"measure"},
    {"users", "preflight", "user_checks", "user_files", "python_files", "user_client", "user_id_client"},
    {"worker"},
    {"analysis"},
    {"report"},
    {"master"},
    {"options", "doctor"},
    {"web"},
    {"commands"},
    {"leading"},
    {"locustfile", "__main__", ""},
)

# The same for what is loaded when a package's modules are imported, be it by others on the way.
NEVER_LOADED = {
    "lockstep_wire": {"lockstep_server", "lockstep", "locust", "gevent"},
    "lockstep_server": {"lockstep", "locust", "gevent"},
    "lockstep.analysis": {"lockstep_server", "locust", "gevent"},
    "lockstep.report": {"lockstep_server", "locust", "gevent"},
}

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def imported_by(file: Path) -> Iterator[str]:
    """Full names of the modules that a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno} imports relatively; name the whole module"
            assert node.module is not None
            yield node.module


def roots_imported_by(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_by(file)}


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    if parts[0] in SOURCE_ROOTS:
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def roots_reached_from(module: str, direct: dict[str, set[str]]) -> set[str]:
    """First names of everything a module imports, be it by way of other modules of ours."""
    reached: set[str] = set()
    ahead = [module]
    while ahead:
        new = direct.get(ahead.pop(), set()) - reached
        reached |= new
        ahead += new
    return {name.partition(".")[0] for name in reached}


def python_files(*folders: str) -> list[Path]:
    return [file for folder in folders for file in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    files = python_files(package)
    assert files
    wrong = {str(file.relative_to(ROOT)): roots_imported_by(file) & FORBIDDEN[package] for file in files}
    assert {file: names for file, names in wrong.items() if names} == {}


@pytest.mark.parametrize("package", NEVER_LOADED)
def test_importing_a_whole_package_loads_nothing_that_is_forbidden(package: str) -> None:
    command = [sys.executable, "-c", IMPORT_ALL, package]
    loaded = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert loaded.returncode == 0, loaded.stderr
    assert set(loaded.stdout.split()) & NEVER_LOADED[package] == set()


def test_no_room_imports_one_that_stands_on_it() -> None:
    height = {room: number for number, layer in enumerate(LAYERS) for room in layer}
    files = python_files("loadtest/lockstep")
    rooms = {module: room_of(module) for module in map(module_name, files)}
    assert set(rooms.values()) == set(height)
    upward = [
        f"{module_name(file)} imports {name}"
        for file in files
        for name in imported_by(file)
        if name.partition(".")[0] == "lockstep" and height[room_of(name)] > height[rooms[module_name(file)]]
    ]
    assert upward == []


def room_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def test_no_file_imports_both_the_server_and_locust_even_by_way_of_another_file() -> None:
    files = python_files("wire", "server", "loadtest", "tests", "bench", "docker")
    direct = {module_name(file): set(imported_by(file)) for file in files}
    assert [
        module for module in direct if {"lockstep_server", "locust"} <= roots_reached_from(module, direct)
    ] == []


# What a process that only carries load has no use for: charts, statistics of a run, pages, who leads.
OF_WHO_LEADS = (
    *("altair", "scipy", "vl_convert", "pandas", "lockstep.report", "lockstep.web"),
    *("lockstep.master.conductor", "lockstep.analysis.gate", "lockstep.analysis.checks"),
)

A_USERS_LOCUSTFILE = "from lockstep.users import TcpUser"
A_WORKER_OF_COMPARE = "import lockstep.worker.process"
# With its options in the parser, and up to where Locust would connect to its master.
A_LOCUST_WORKER = """
import runpy, sys
from locust.env import Environment
def stop(*_, **__):
    raise SystemExit
Environment.create_worker_runner = stop
sys.argv = ["locust", "-f", "loadtest/locustfile.py", "--worker"]
try:
    runpy.run_module("locust", run_name="__main__")
except SystemExit:
    assert "lockstep.users" in sys.modules
"""


@pytest.mark.parametrize("start", [A_USERS_LOCUSTFILE, A_WORKER_OF_COMPARE, A_LOCUST_WORKER])
def test_who_carries_load_loads_nothing_of_who_leads(start: str) -> None:
    script = f"import sys\n{start}\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "lockstep.users" in loaded
    assert [name for name in loaded if name in OF_WHO_LEADS] == []


def test_tcp_user_brings_in_few_modules_of_ours() -> None:
    script = "import sys\nfrom lockstep import TcpUser\nprint(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    ours = {name for name in done.stdout.split() if name.partition(".")[0] in ("lockstep", "lockstep_wire")}
    assert len(ours) <= 20, sorted(ours)
    rooms = ("lockstep.master", "lockstep.worker", "lockstep.plan", "lockstep.control", "lockstep.runs")
    assert [name for name in ours if name.startswith(rooms)] == []


def test_a_user_of_tcp_user_loads_nothing_of_the_master() -> None:
    files = python_files("loadtest")
    direct = {module_name(file): set(imported_by(file)) for file in files}
    assert {name for name in direct["lockstep.users"] if name.startswith("lockstep.master")} == set()


@pytest.mark.parametrize(
    ("word", "files"),
    [
        ("sys.executable", ["loadtest/lockstep/children.py"]),
        (
            "os.environ",
            [
                "loadtest/lockstep/children.py",
                "loadtest/lockstep/commands/workflow.py",
                "loadtest/lockstep/leading.py",
                "loadtest/lockstep/locustfile.py",
                "loadtest/lockstep/options.py",
                "loadtest/lockstep/worker/process.py",
                "server/lockstep_server/__main__.py",
            ],
        ),
        ("getenv", []),
    ],
)
def test_processes_are_started_and_variables_read_where_the_rule_for_them_is_kept(
    word: str, files: list[str]
) -> None:
    """What Locust is given as variables is given, and so is what keeps strangers away; the server reads its
    own; commands read what a workflow is told by."""
    found = [file for file in python_files("loadtest", "server") if word in file.read_text(encoding="utf-8")]
    assert [str(file.relative_to(ROOT)) for file in sorted(found)] == files
