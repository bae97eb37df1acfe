"""What holds of the server's parts holds without a global lock too."""

from __future__ import annotations

import os
import subprocess
import sysconfig

import pytest

from tests.support.server import ROOT, ServerProcess


@pytest.mark.parametrize("gil", [False], indirect=True)
@pytest.mark.free_threaded
def test_every_test_of_the_servers_parts_passes_without_a_global_lock(gil: bool) -> None:
    """As a session of their own on that interpreter, which has nothing installed: of pytest and its plugins
    it gets what is pure Python."""
    assert not gil
    sources = os.environ["PYTHONPATH"].split(os.pathsep)
    done = subprocess.run(
        [
            *(ServerProcess.python, "-X", "utf8", "-m", "pytest", "--noconftest", "-q"),
            *("-p", "no:cacheprovider", "-p", "pytest_timeout", "tests/unit/server"),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*sources, sysconfig.get_path("purelib")]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
