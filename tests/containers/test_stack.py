"""Server, master and workers in containers of their own: a plan without the page, a manual run with it."""

from __future__ import annotations

import json
import os
import stat
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.containers.stack import IMAGES, Stack, run_document

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

WORKERS = 3
PLAN = {
    "LOCUST_HEADLESS": "true",
    "LOCUST_EXPECT_WORKERS": str(WORKERS),
    "LOCKSTEP_RUN": "comparison plan",
    "LOCKSTEP_MODES": "free,lock",
    "LOCKSTEP_LEVELS": "1,6",
    "LOCKSTEP_REPEATS": "1",
    "LOCKSTEP_SECONDS": "3",  # a pause of the machine at an end must not make it too short
    "LOCKSTEP_WARMUP": "0.5",
    "LOCKSTEP_GATE": "lock: max_in_service <= 1; free: messages_per_s > 0",
}
# A service that knows nothing of us, and what its users say.
ECHO = """
import asyncio
async def talk(reader, writer):
    while line := await reader.readline():
        writer.write(line)
    writer.close()
async def serve():
    await (await asyncio.start_server(talk, "0.0.0.0", 7000)).serve_forever()
asyncio.run(serve())
"""
TALK = """
[target]
framing = "line"

[[step]]
name = "hello"
send = "hello {seq}"
expect = "hello {seq}"
"""
FILES = {"run.json", "summary.csv", "summary.md", "connections.jsonl", "report.html", "cells"}
PLAN_S = 180
DEADLINE_S = 60.0


def assert_the_books_balance(cell: dict[str, Any]) -> None:
    """Sent is the sum of the outcomes; a difference to the server's count has its name."""
    outcomes = dict(cell["messages"])
    assert outcomes.pop("sent") == sum(outcomes.values())
    ledger = cell["ledger"]
    lines = [ledger[name] for name in ("sent", "answered", "bytes_sent", "bytes_received")]
    assert ledger["explanation"] or all(line["client"] == line["server"] for line in lines), ledger


def assert_the_folder_is_complete(folder: Path, run: dict[str, Any]) -> None:
    with_gates = {"junit.xml"} if run["plan"].get("gates") else set()
    assert {path.name for path in folder.iterdir()} == FILES | with_gates
    indices = [cell["index"] for cell in run["cells"]]
    assert len(indices) == len(set(indices)), f"a cell is there twice: {indices}"
    assert {path.name for path in (folder / "cells").iterdir()} == {f"{index}.json" for index in indices}
    assert run["finished"] is not None
    assert "<svg" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_plan_without_the_page_leaves_a_whole_run_folder(tmp_path: Path) -> None:
    """The results folder is not there before: the Docker engine makes it, as root."""
    results = tmp_path / "results"
    with Stack(results, PLAN) as stack:
        stack.up(workers=WORKERS)
        assert stack.exit_code("master", PLAN_S) == 0
        folder, run = run_document(results)

    assert_the_folder_is_complete(folder, run)
    assert run["kind"] == "plan"
    assert run["plan"]["gates"] == PLAN["LOCKSTEP_GATE"].split("; ")
    cells = {(cell["mode"], cell["level"]): cell for cell in run["cells"]}
    assert set(cells) == {("free", 1), ("free", 6), ("lock", 1), ("lock", 6)}
    for cell in run["cells"]:
        assert_the_books_balance(cell)
        assert cell["messages"]["answered"] > 0
        assert (cell["workers_expected"], cell["workers_reported"]) == (WORKERS, WORKERS)
        assert cell["server"]["answered"] == cell["ledger"]["answered"]["server"]
    assert cells["lock", 6]["server"]["max_in_service"] == 1
    assert cells["free", 6]["server"]["max_in_service"] > 1


def test_a_run_by_hand_without_the_page_takes_users_and_time_and_ends_with_its_verdict(
    tmp_path: Path,
) -> None:
    results = tmp_path / "results"
    settings = {
        "LOCUST_HEADLESS": "true",
        "LOCUST_EXPECT_WORKERS": "2",
        "LOCUST_USERS": "5",
        "LOCUST_RUN_TIME": "3s",
        "LOCKSTEP_MODE": "lock",
    }
    with Stack(results, settings) as stack:
        stack.up(workers=2)
        assert stack.exit_code("master", PLAN_S) == 0
        folder, run = run_document(results)
        said = stack.compose("logs", "--no-color", "--no-log-prefix", "master").splitlines()

    (cell,) = run["cells"]
    assert (run["kind"], cell["mode"], cell["level"]) == ("hand", "lock", 5)
    assert 1 < cell["seconds"] < 60
    for name, value in settings.items():
        assert f"{name}={value}" in run["command"]
    *above, last = (line for line in said if line.strip("\x1b[2K "))
    assert last.endswith(f"Report: {results / folder.name / 'report.html'}")
    assert any("At 5 connections, lock's throughput" in line for line in above[-30:])
    assert len(said) < 100, "Locust's tables bury the verdict"


def test_services_of_a_users_own_are_compared_by_what_a_file_of_his_says(tmp_path: Path) -> None:
    results, files = tmp_path / "results", tmp_path / "files"
    files.mkdir()
    (files / "talk.toml").write_text(TALK)
    services = {
        name: {
            "image": IMAGES[1],
            "command": ["python", "-c", ECHO],
            "networks": ["lockstep"],
            "init": True,
        }
        for name in ("new", "old")
    }
    mine = tmp_path / "mine.yml"
    mine.write_text(json.dumps({"services": services}))
    settings = {
        "LOCUST_HEADLESS": "true",
        "LOCUST_EXPECT_WORKERS": "2",
        "LOCKSTEP_RUN": "comparison plan",
        "LOCKSTEP_FILES": str(files),
        "LOCKSTEP_FILE": "/files/talk.toml",
        "LOCKSTEP_TARGET": "new=tcp://new:7000 old=tcp://old:7000",
        "LOCKSTEP_LEVELS": "2",
        "LOCKSTEP_REPEATS": "1",
        "LOCKSTEP_SECONDS": "2",
    }
    with Stack(results, settings, more=(mine,)) as stack:
        stack.up(workers=2)
        assert stack.exit_code("master", PLAN_S) == 0
        folder, run = run_document(results)

    assert {cell["mode"] for cell in run["cells"]} == set(run["targets"]) == {"new", "old"}
    for cell in run["cells"]:
        assert cell["messages"]["answered"] == cell["messages"]["sent"] > 0
        assert set(cell["requests"]) == {"hello"}
    assert "talk.toml" in (folder / "report.html").read_text(encoding="utf-8")


def test_taking_everything_down_in_a_run_by_hand_leaves_a_whole_run_folder(tmp_path: Path) -> None:
    """The results folder is there before, belongs to somebody else and lets nobody in."""
    results = tmp_path / "results"
    results.mkdir(mode=0o700)
    if os.geteuid() == 0:  # only root can give a folder away
        os.chown(results, 12345, 12345)
    with Stack(results) as stack:
        stack.up(workers=WORKERS)
        assert_it_is_confined(stack)
        page = Page(stack.web_port)
        page.await_workers(WORKERS)
        page.start(user_count=6, spawn_rate=100, host="tcp://server", run="manual run", mode="lock")
        page.await_requests(100)
        stack.down()
        folder, run = run_document(results)

    assert_the_folder_is_complete(folder, run)
    (cell,) = run["cells"]
    assert (run["kind"], cell["mode"], cell["level"]) == ("hand", "lock", 6)
    assert_the_books_balance(cell)
    assert cell["messages"]["answered"] >= 1
    assert cell["server"]["max_in_service"] == 1
    assert cell["workers_reported"] == WORKERS
    assert_the_owner_of_the_checkout_may_delete(folder)


def assert_it_is_confined(stack: Stack) -> None:
    for service in ("server", "master", "worker"):
        for container in stack.inspect(service):
            assert container["HostConfig"]["ReadonlyRootfs"]
            assert container["Config"]["User"] == "10001:10001"
            bindings = container["HostConfig"]["PortBindings"] or {}
            assert {host["HostIp"] for hosts in bindings.values() for host in hosts} <= {"127.0.0.1"}
            assert set(bindings) == ({"8089/tcp"} if service == "master" else set())


def assert_the_owner_of_the_checkout_may_delete(folder: Path) -> None:
    """Everything is writable for the group of docker-compose.yml."""
    group = (Path(__file__).resolve().parents[2] / "docker-compose.yml").stat().st_gid
    for path in (folder.parent, folder, *folder.rglob("*")):
        assert path.stat().st_gid == group
        assert path.stat().st_mode & stat.S_IWGRP


class Page:
    """Locust's web page, over HTTP."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"

    def start(self, **form: object) -> None:
        answer = self._ask("/swarm", urllib.parse.urlencode(form).encode())
        assert answer["success"], answer

    def await_workers(self, count: int) -> None:
        self._await(count, "workers", lambda table: len(table.get("workers", [])))

    def await_requests(self, count: int) -> None:
        self._await(
            count,
            "requests",
            lambda table: sum(row["num_requests"] for row in table["stats"] if row["name"] == "Aggregated"),
        )

    def _await(self, count: int, noun: str, seen_in: Callable[[dict[str, Any]], int]) -> None:
        """Until Locust's own table shows this many; AssertionError if it takes too long."""
        deadline = time.monotonic() + DEADLINE_S
        while (seen := seen_in(self._ask("/stats/requests"))) < count:
            assert time.monotonic() < deadline, f"only {seen} of {count} {noun} in {DEADLINE_S} s"
            time.sleep(0.2)

    def _ask(self, path: str, form: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(self._address + path, form, timeout=10) as answer:
            document: dict[str, Any] = json.load(answer)
        return document
