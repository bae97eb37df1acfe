"""Ways to a server: over IPv6, over both kinds at once, from sources, and ports that contradict it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import compare, differences, lockstep
from tests.support.server import ServerProcess

FRAMED = ("--framing", "length", "--reply", "echo", "--timing")
SHORT = ("--modes", "free", "--levels", "2", "--repeats", "1", "--seconds", "1", "--warmup", "0.1")


def connections(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "connections.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("bound", "host", "source"),
    [
        ("::1", "tcp://[::1]", ()),
        ("::1", "tcp://[::1]", ("--source", "::1")),
        ("::", "tcp://127.0.0.1", ()),
        ("::", "tcp://127.0.0.1", ("--source", "127.0.0.2,127.0.0.3")),
    ],
)
def test_both_ends_count_alike_and_their_records_join(
    tmp_path: Path, bound: str, host: str, source: tuple[str, ...]
) -> None:
    with ServerProcess("free", flags=(*FRAMED, "--bind", bound, "--admin-host", "::1")) as server:
        where = ("--host", host, "--admin", f"[::1]:{server.ready['admin_port']}")
        folder, run = compare(tmp_path / "results", *where, *SHORT, *source)
        used = f"{host.removeprefix('tcp://')}:{server.ports['free']}"
    (cell,) = run["cells"]
    assert cell["addresses"] == [used]
    assert not any(differences(cell).values())
    joined = [each for each in connections(folder) if each["client"] and each["server"]]
    assert len(joined) == len(connections(folder)) > 0
    assert {each["client"]["peer"] for each in joined} == {used}
    assert used in (folder / "report.html").read_text()


def test_a_port_that_contradicts_the_server_is_refused_before_the_run(tmp_path: Path) -> None:
    with ServerProcess("free", "lock", flags=(*FRAMED, "--bind", "127.0.0.1")) as server:
        where = ("--host", f"tcp://127.0.0.1:{server.ports['lock']}", "--admin")
        done = lockstep("compare", *where, server.admin_url.removeprefix("http://"), *SHORT, cwd=tmp_path)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert f"--host names port {server.ports['lock']}, which is that of 'lock'" in line
    assert list(tmp_path.iterdir()) == []
