"""Services side by side under names of their own: started or running, ours or anybody's."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import Any

from lockstep.errors import DEGRADED, WRONG_USE
from lockstep.runs.folder import RunFolder
from tests.support import counting_servers
from tests.support.commands import compare, lockstep, only_run
from tests.support.server import ServerProcess

SHORT = ("--levels", "4", "--repeats", "2", "--seconds", "1", "--warmup", "0.1")
SPOKEN = ("--framing", "length:>H", "--reply", "echo")


def counted(kind: str, file: Path) -> str:
    """A command for --run."""
    words = (sys.executable, counting_servers.__file__, kind, str(file))
    return f"{kind}={shlex.join(words)} {{port}}"


def sums(run: dict[str, Any], name: str, line: str) -> int:
    return sum(cell["ledger"][line]["client"] for cell in run["cells"] if cell["mode"] == name)


def test_two_servers_from_one_command_have_a_verdict_and_count_what_their_clients_count(
    tmp_path: Path,
) -> None:
    counts = {kind: tmp_path / kind for kind in ("threads", "asyncio")}
    commands = [word for kind, file in counts.items() for word in ("--run", counted(kind, file))]
    gate = ("--gate", "threads/asyncio: messages_per_s > 1%")
    folder, run = compare(tmp_path / "results", *commands, *SPOKEN, *SHORT, *gate)
    for kind, file in counts.items():
        connections, came, went = map(int, file.read_text().split())
        # One more asked whether it is ready.
        assert connections > 2 * 4
        assert came == sums(run, kind, "bytes_sent") > 0
        assert went == sums(run, kind, "bytes_received")
    told = lockstep("report", str(folder))
    assert told.code == 0
    (verdict,) = re.findall(r"At 4 connections, .*", told.out)[:1]
    assert "threads" in verdict
    assert "asyncio" in verdict
    assert "gate ok  threads/asyncio" in told.out
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "95%" in page
    # What only a server of ours tells is nowhere, but in the one line that says so.
    assert told.out.count("no-server-data") == 1
    for head in ("peak in service", "hand-off, mean", "wait, mean"):
        assert f"{head}</th>" not in page
    assert {name: target["command"] is not None for name, target in run["targets"].items()} == {
        "threads": True,
        "asyncio": True,
    }


ECHO = ("--bind", "127.0.0.1", "--framing", "line", "--reply", "echo")
LINES = ("--framing", "line", "--reply", "echo")


def test_a_server_of_ours_and_one_of_anybodys_stand_in_one_report(tmp_path: Path) -> None:
    flags = ("--bind", "127.0.0.1", "--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
    with ServerProcess("lock", flags=flags) as ours, ServerProcess("free", flags=ECHO) as other:
        admin = ours.admin_url.removeprefix("http://")
        targets = (
            *("--target", f"ours=tcp://127.0.0.1:{ours.ports['lock']},admin={admin}"),
            *("--target", f"other=tcp://127.0.0.1:{other.ports['free']}"),
        )
        folder, run = compare(tmp_path / "results", *targets, *LINES, *SHORT)
        answered = ours.listeners()["lock"]["answered"]
    of_ours, of_other = (
        [cell for cell in run["cells"] if cell["mode"] == name] for name in ("ours", "other")
    )
    # A run that was too short for this machine was measured again, and the server has counted both.
    assert answered >= sums(run, "ours", "answered") > 0
    assert all(
        cell["ledger"]["answered"]["client"] == cell["ledger"]["answered"]["server"] for cell in of_ours
    )
    assert all(cell["server"]["max_in_service"] == 1 for cell in of_ours)
    assert all(cell["server"] is None for cell in of_other)
    assert all(cell["messages"]["answered"] == cell["messages"]["sent"] > 0 for cell in of_other)
    findings = lockstep("report", str(folder)).out
    assert "not a Lockstep server" in findings
    loaded = RunFolder.load_run(folder)
    assert loaded.mode("ours").one_at_a_time
    assert loaded.planned.baseline == "other"


def test_a_server_that_dies_in_mid_run_ends_it_with_its_last_words_and_what_was_measured(
    tmp_path: Path,
) -> None:
    server = shlex.join((sys.executable, counting_servers.__file__, "threads", str(tmp_path / "count")))
    mortal = tmp_path / "mortal.sh"
    mortal.write_text(f'#!/bin/sh\n{server} "$1" &\nsleep 4; kill -9 $!; echo "out of memory" >&2; exit 7\n')
    mortal.chmod(0o755)
    out = tmp_path / "results"
    plan = ("--levels", "2", "--repeats", "30", "--seconds", "0.5", "--warmup", "0")
    done = lockstep("compare", "--out", str(out), "--run", f"mortal={mortal} {{port}}", *SPOKEN, *plan)
    assert done.code == WRONG_USE, done.out + done.err
    ended = "the server of mortal has ended (exit code 7): out of memory"
    assert done.err.splitlines()[-1].startswith(f"lockstep: {ended}")
    assert (done.out + done.err).count("has ended") == 1
    _, run = only_run(out)
    assert run["interrupted"]
    assert 0 < len(run["cells"]) < 30


def test_a_run_of_targets_is_told_in_the_history_and_may_be_set_against_another(tmp_path: Path) -> None:
    with ServerProcess("free", flags=ECHO) as server:
        url = f"tcp://127.0.0.1:{server.ports['free']}"
        # The same twice: whatever differs is noise.
        targets = ("--target", f"a={url}", "--target", f"b={url}", *LINES)
        (first, run), (second, _) = (compare(tmp_path / each, *targets, *SHORT) for each in ("1", "2"))
    record: dict[str, Any] = {"url": url, "framing": "line", "reply": "echo", "command": None, "server": {}}
    assert run["targets"] == {"a": record, "b": record}
    assert run["plan"]["baseline"] == "b"
    compared = lockstep("diff", str(first), str(second), "--tolerance", "90%")
    assert compared.code in (0, DEGRADED), compared.err
    told = lockstep("history", str(tmp_path / "1"))
    assert told.code == 0, told.err
    assert "a,b 4 x2" in told.out
