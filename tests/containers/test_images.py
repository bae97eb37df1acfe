"""What the two images are, and what they are not."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lockstep_wire.build import build_of
from tests.containers.stack import IMAGES, ROOT, Stack, docker

pytestmark = [pytest.mark.containers, pytest.mark.timeout(900)]

MB = 1_000_000
SERVER, LOADTEST = IMAGES
COMPILERS = ("gcc", "cc", "g++", "c++", "clang", "tcc", "ld", "as", "make", "rustc", "go")


@pytest.fixture(scope="module", autouse=True)
def images(tmp_path_factory: pytest.TempPathFactory) -> None:
    Stack(tmp_path_factory.mktemp("results")).compose("build", "server", "master", timeout_s=900)


def inspect_image(image: str) -> dict[str, Any]:
    (inspected,) = json.loads(docker("image", "inspect", image))
    return dict(inspected)


def in_image(image: str, script: str) -> str:
    command = ("run", "--rm", "--network", "none", "--read-only", "--entrypoint", "sh", image, "-c", script)
    return docker(*command)


def test_the_server_image_is_under_200_mb() -> None:
    assert inspect_image(SERVER)["Size"] < 200 * MB


@pytest.mark.parametrize("image", IMAGES, ids=["server", "loadtest"])
def test_an_image_runs_as_a_fixed_user_that_is_not_root(image: str) -> None:
    assert inspect_image(image)["Config"]["User"] == "10001:10001"
    assert in_image(image, "id -u").strip() == "10001"


@pytest.mark.parametrize("image", IMAGES, ids=["server", "loadtest"])
def test_an_image_holds_no_compiler(image: str) -> None:
    script = f"for tool in {' '.join(COMPILERS)}; do command -v $tool || true; done"
    assert in_image(image, script).split() == []


@pytest.mark.parametrize("image", IMAGES, ids=["server", "loadtest"])
def test_an_image_runs_its_command_without_a_shell_around_it(image: str) -> None:
    """`sh -c` in the entrypoint sets the umask, takes flags for those of Locust, and execs."""
    config = inspect_image(image)["Config"]
    assert config["Cmd"][:2] == ["python", "-m"]
    assert config["Entrypoint"] is None or 'exec "$@"' in config["Entrypoint"][2]


@pytest.mark.parametrize(
    "words", [["--version"], ["python", "-m", "locust", "--version"]], ids=["flags", "a command"]
)
def test_the_loadtest_image_takes_locusts_flags_as_well_as_a_command(words: list[str]) -> None:
    said = docker("run", "--rm", "--network", "none", "--read-only", LOADTEST, *words)
    assert said.startswith("locust 2.")


def test_the_server_image_holds_nothing_of_the_load() -> None:
    script = "ls /app && python -c 'import importlib.util as u; print(u.find_spec(\"locust\"))'"
    assert in_image(SERVER, script).split() == [
        "docker",
        "lockstep_server",
        "lockstep_wire",
        "requirements",
        "None",
    ]


def test_the_loadtest_image_holds_nothing_of_the_server() -> None:
    assert in_image(LOADTEST, "ls /app").split() == [
        "docker",
        "lockstep",
        "lockstep_wire",
        "locustfile.py",
        "plans",
    ]


@pytest.mark.parametrize(
    ("image", "told", "packages"),
    [
        (SERVER, "from lockstep_server.views import VERSION as it", ("lockstep_server", "lockstep_wire")),
        (
            LOADTEST,
            "from lockstep.runs.host import describe_host as d; it = d('', '')['lockstep']",
            ("lockstep", "lockstep_wire"),
        ),
    ],
    ids=["server", "loadtest"],
)
def test_an_image_records_the_build_that_this_checkout_is(
    image: str, told: str, packages: tuple[str, ...]
) -> None:
    assert in_image(image, f'python -c "{told}; print(it)"').strip() == build_of(*packages)


@pytest.mark.parametrize(
    ("target", "code", "told"),
    [
        ("new=tcp://[::1]:9", 2, "this machine has no IPv6"),
        # A name that is ::1 too: what 127.0.0.1 says is what counts.
        ("new=tcp://localhost:9", 2, "no connection to tcp://localhost:9 (connection refused)"),
    ],
)
def test_without_ipv6_what_is_told_is_that_or_what_ipv4_says(target: str, code: int, told: str) -> None:
    run = f"python -m lockstep compare --target {target} --levels 2 --repeats 1 --seconds 1 --out /tmp"
    script = f"{run} 2>&1; echo exit code $?"
    without = ("--network", "none", "--sysctl", "net.ipv6.conf.all.disable_ipv6=1")
    said = docker("run", "--rm", *without, "--add-host", "localhost:::1", LOADTEST, "sh", "-c", script)
    assert told in " ".join(said.split())
    assert said.splitlines()[-1] == f"exit code {code}"


def test_compose_publishes_the_web_page_on_loopback_and_nothing_else(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    services = json.loads(stack.compose("config", "--format", "json"))["services"]
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert [(port["host_ip"], port["published"]) for port in ports] == [("127.0.0.1", str(stack.web_port))]


@pytest.mark.parametrize("name", ["talks", "./talks", "../talks", "/srv/talks"])
def test_a_folder_is_a_folder_however_it_is_named(name: str) -> None:
    """In Compose's short form `talks` would be an empty volume of that name."""
    stack = Stack(Path(name), {"LOCKSTEP_FILES": name})
    services = json.loads(stack.compose("config", "--format", "json"))["services"]
    mounts = {
        (service, mount["target"]): (mount["type"], mount["source"])
        for service in ("results", "master", "worker")
        for mount in services[service]["volumes"]
        if mount["target"] in ("/results", "/files")
    }
    takers = {"/results": ("results", "master"), "/files": ("master", "worker")}
    assert set(mounts) == {(service, target) for target, each in takers.items() for service in each}
    assert set(mounts.values()) == {("bind", os.path.normpath(ROOT / name))}


def test_a_folder_of_files_that_is_not_there_is_refused_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "talsk"
    with Stack(tmp_path / "results", {"LOCKSTEP_FILES": str(missing)}) as stack:
        with pytest.raises(AssertionError, match=f"bind source path does not exist: {missing}"):
            stack.compose("run", "--rm", "--no-deps", "worker", "true")
        assert not missing.exists()


def test_compose_confines_every_service(tmp_path: Path) -> None:
    services = json.loads(Stack(tmp_path).compose("config", "--format", "json"))["services"]
    assert set(services) == {"server", "results", "master", "worker"}
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert {name for name, service in services.items() if "user" in service} == {"results"}
    assert services["results"]["network_mode"] == "none"
