"""Prometheus and the dashboard of Compose's profile `observe`, on a real load."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench import services
from tests.support.load import LoadProcesses
from tests.support.server import ROOT, ServerProcess

pytestmark = pytest.mark.services

OBSERVE = ROOT / "docker" / "observe"
CONFIGURATION = OBSERVE / "prometheus.yml"
DASHBOARD = json.loads((OBSERVE / "grafana" / "lockstep.json").read_text(encoding="utf-8"))
TARGETS = [target for panel in DASHBOARD["panels"] for target in panel["targets"]]
FLAGS = ("--framing", "length", "--reply", "echo", "--timing", "--hold", "2ms")
PATIENCE_S = 40.0


class Prometheus:
    """Answers queries about a load that goes on."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1/query?"

    def ask(self, query: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(
            self._url + urllib.parse.urlencode({"query": query}), timeout=10
        ) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def await_some(self, query: str) -> list[dict[str, Any]]:
        """What it answers, once it is more than nothing."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.ask(query)):
            assert time.monotonic() < deadline, f"{query} has no answer"
            time.sleep(0.3)
        return found


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with ServerProcess("free", "lock", flags=FLAGS) as server:
        admin = server.admin_url.removeprefix("http://")
        with LoadProcesses(admin, tmp_path_factory.mktemp("load")) as load:
            text = CONFIGURATION.read_text(encoding="utf-8")
            for name, place in (("server:9100", admin), ("master:8089", load.url.removeprefix("http://"))):
                assert name in text
                text = text.replace(name, place)
            with services.prometheus(text) as port:
                load.start(user_count=4, spawn_rate=100, run="manual run", mode="lock")
                yield Prometheus(port)
                load.settle()


def test_what_compose_gives_prometheus_is_a_configuration() -> None:
    done = subprocess.run(
        [services.program("promtool"), "check", "config", str(CONFIGURATION)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("target", TARGETS, ids=[target["legendFormat"] for target in TARGETS])
def test_each_line_of_the_dashboard_has_something_to_draw(
    prometheus: Prometheus, target: dict[str, Any]
) -> None:
    if "failed_total" in target["expr"]:
        # Nothing fails here; that it can be asked is all.
        assert prometheus.ask(target["expr"]) == []
        return
    found = prometheus.await_some(target["expr"])
    names = {name for each in found for name in each["metric"]}
    wanted = {part.partition("}}")[0] for part in target["legendFormat"].split("{{")[1:]}
    assert wanted <= names


def test_the_series_and_the_cell_under_way_are_those_of_the_run(prometheus: Prometheus) -> None:
    (cell,) = prometheus.await_some(DASHBOARD["annotations"]["list"][0]["expr"])
    assert (cell["metric"]["series"], cell["metric"]["level"]) == ("lock", "4")
    (answered,) = prometheus.await_some("lockstep_load_answered_total")
    assert answered["metric"]["series"] == "lock"


def test_what_clients_saw_answered_the_server_answered_too(prometheus: Prometheus) -> None:
    """A pulse comes once a second: so the clients' count is behind, and never ahead."""
    query = 'lockstep_load_answered_total - on() sum(lockstep_messages_answered_total{listener="lock"})'
    (ahead,) = prometheus.await_some(f"max_over_time(({query})[10s:1s])")
    # Both are scraped at moments of their own, up to a second apart.
    (rate,) = prometheus.await_some('sum(rate(lockstep_messages_answered_total{listener="lock"}[10s]))')
    assert float(ahead["value"][1]) <= 2 * float(rate["value"][1])


def test_the_dashboards_panels_are_apart_and_its_source_is_the_one_that_is_provided() -> None:
    (source,) = yaml.safe_load((OBSERVE / "grafana" / "datasource.yml").read_text())["datasources"]
    assert {target["datasource"]["uid"] for target in TARGETS} == {source["uid"]}
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
    assert max(x for x, _ in taken) < 24


def test_the_profile_stands_in_compose_and_starts_only_when_asked_for() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    observing = {name for name, each in compose["services"].items() if each.get("profiles") == ["observe"]}
    assert observing == {"prometheus", "grafana"}
    for name in observing:
        for mount in compose["services"][name]["volumes"]:
            assert Path(ROOT, mount.partition(":")[0]).is_file(), mount
