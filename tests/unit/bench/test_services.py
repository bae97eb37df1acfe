"""Which programs other people's services need, and what is said where one is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import services
from bench.processes import ToolError


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "path_of", lambda name: None)
    monkeypatch.setattr(services, "NGINX_STREAM", Path("/nowhere"))


@pytest.mark.usefixtures("nothing_installed")
def test_a_missing_program_is_named_with_the_package_that_brings_it() -> None:
    with pytest.raises(ToolError, match="redis-benchmark is not installed: apt install redis-tools"):
        services.program("redis-benchmark")


@pytest.mark.usefixtures("nothing_installed")
def test_every_missing_package_is_named_once() -> None:
    missing = services.missing_packages()
    assert missing == sorted({*services.PROGRAMS.values(), "libnginx-mod-stream"})


def test_ci_installs_every_package_that_the_services_need() -> None:
    script = (Path(services.__file__).parents[1] / ".ci" / "run").read_text()
    assert {*services.PROGRAMS.values(), "libnginx-mod-stream"} <= set(script.replace(")", " ").split())


def test_only_root_hands_a_command_to_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert services.as_user("postgres", ["initdb"])[-2:] == ["--", "initdb"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert services.as_user("postgres", ["initdb"]) == ["initdb"]
