"""Our `wire` and somebody else's in one process: both sides get theirs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

FOREIGN = "words = 'somebody else says'\n"
OURS_WORKS = """
from loadtest.connection.client import TcpClient
from loadtest.connection.meters import SampleMeter
from loadtest.protocol import get_framing
assert get_framing("line").encode(b"x") == b"x\\n"
assert TcpClient("127.0.0.1", 1, SampleMeter(lambda sample: None), framing="length")
"""
THEIRS_WORKS = """
import wire
assert wire.words == "somebody else says"
"""
OURS_IS_WIRE = """
import wire.framing
from loadtest.protocol import Framing
assert wire.framing.Framing is Framing
"""


def run_in(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """As Locust runs a locustfile: its folder comes before everything else."""
    path = f"import sys; sys.path[:0] = [{str(folder)!r}]; sys.path.append({str(ROOT)!r})\n"
    return subprocess.run(
        [sys.executable, "-P", "-c", path + script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "script",
    [OURS_WORKS, OURS_WORKS + THEIRS_WORKS, THEIRS_WORKS + OURS_WORKS + THEIRS_WORKS],
    ids=["ours alone", "ours first", "theirs first"],
)
@pytest.mark.parametrize("file", ["wire.py", "wire/__init__.py"])
def test_a_wire_beside_a_locustfile_and_ours_do_not_meet(tmp_path: Path, file: str, script: str) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(FOREIGN)
    done = run_in(tmp_path, script)
    assert done.returncode == 0, done.stderr


def test_a_folder_of_that_name_without_python_in_it_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "wire").mkdir()
    done = run_in(tmp_path, OURS_WORKS)
    assert done.returncode == 0, done.stderr


def test_where_nobody_has_another_wire_it_is_ours_for_everybody(tmp_path: Path) -> None:
    done = run_in(tmp_path, OURS_WORKS + OURS_IS_WIRE)
    assert done.returncode == 0, done.stderr


def test_a_program_of_ours_finds_ours_before_everything_on_the_path(tmp_path: Path) -> None:
    for name in ("wire", "server", "loadtest"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('somebody else ran')")
    script = f"""
import runpy, sys
sys.argv = ["child.py", "server", "--listen", "nonsense"]
runpy.run_path({str(ROOT / "loadtest" / "child.py")!r}, run_name="__main__")
"""
    done = run_in(tmp_path, script)
    assert done.returncode == 2
    assert done.stderr.startswith("lockstep server: --listen nonsense")
