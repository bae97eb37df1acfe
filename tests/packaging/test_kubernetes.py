"""The manifests: by the published schemas, and in the words of the images that they start."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "kubernetes"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
MANIFESTS = list(yaml.safe_load_all((FOLDER / "lockstep.yaml").read_text(encoding="utf-8")))
TEST = yaml.safe_load((FOLDER / "locusttest.yaml").read_text(encoding="utf-8"))
# Of the operator's definition (locusttests.locust.io, v1): what `spec` may have, and of which kind.
SPEC = {
    **dict.fromkeys(("image", "imagePullPolicy", "args"), str),
    **dict.fromkeys(("annotations", "labels", "master", "worker", "locustfile", "metrics"), dict),
    **dict.fromkeys(("env", "imagePullSecrets"), list),
    "workers": int,
}


def of_kind(kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"] for each in MANIFESTS if each["kind"] == kind}


def container(name: str) -> dict[str, Any]:
    (only,) = of_kind("Deployment")[name]["template"]["spec"]["containers"]
    return dict(only)


def test_the_manifests_are_valid_by_the_published_schemas(tmp_path: Path) -> None:
    """Strictly: what a schema does not know is refused."""
    uv = Path(sys.executable).parent / "uv"
    run = ("tool", "run", "--quiet", "--with", "pyyaml", "kubernetes-validate==1.37.0")
    done = subprocess.run(
        [uv, *run, "--strict", FOLDER / "lockstep.yaml"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("passed for resource") == len(MANIFESTS)


@pytest.mark.parametrize("name", ["server", "master", "worker"])
def test_every_variable_is_one_that_compose_knows_too(name: str) -> None:
    ours = {each["name"] for each in container(name)["env"]}
    assert ours <= set(COMPOSE[name]["environment"])


def test_the_operators_test_has_the_fields_that_its_definition_has() -> None:
    assert (TEST["apiVersion"], TEST["kind"]) == ("locust.io/v1", "LocustTest")
    for name, value in TEST["spec"].items():
        assert isinstance(value, SPEC[name]), name
    assert {each["name"] for each in TEST["spec"]["env"]} <= set(COMPOSE["master"]["environment"])


def test_what_is_named_is_there() -> None:
    """Services select pods that there are; each place that a container is told of is a service's port."""
    pods = [each["template"]["metadata"]["labels"] for each in of_kind("Deployment").values()]
    ports = {}
    for name, service in of_kind("Service").items():
        assert any(service["selector"].items() <= labels.items() for labels in pods)
        ports[name] = {port["port"] for port in service["ports"]}
    for name in of_kind("Deployment"):
        told = " ".join(
            [*container(name).get("args", []), *(each["value"] for each in container(name)["env"])]
        )
        for host, port in re.findall(r"\b(server|master):(\d+)", told):
            assert int(port) in ports[host]


def test_nobody_runs_as_root_or_writes_into_an_image() -> None:
    for name, deployment in of_kind("Deployment").items():
        pod = deployment["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        confined = container(name)["securityContext"]
        assert confined["readOnlyRootFilesystem"] is True
        assert confined["capabilities"] == {"drop": ["ALL"]}


def test_cpus_are_whole_and_a_pods_own() -> None:
    for name in of_kind("Deployment"):
        resources = container(name)["resources"]
        assert resources["requests"] == resources["limits"]
        assert resources["limits"]["cpu"].isdecimal()
