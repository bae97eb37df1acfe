"""Workflows, hooks and releases: what they call is there, and nothing is released that is not ready."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lockstep_wire.build import VERSION

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
HOOKS = ROOT / ".pre-commit-config.yaml"
SECTION = f"## [{VERSION}] - 2026-01-31"


def steps_of(workflow: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_make_targets_that_there_are(workflow: Path) -> None:
    scripts = " && ".join(step.get("run", "") for step in steps_of(workflow))
    assert set(re.findall(r"\bmake (\w+)", scripts)) <= make_targets()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflows_actions_are_pinned_by_major_version(workflow: Path) -> None:
    uses = [step["uses"] for step in steps_of(workflow) if "uses" in step]
    assert [name for name in uses if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", name)] == []


def test_the_action_hands_on_its_arguments_as_a_shell_would_and_the_exit_code(tmp_path: Path) -> None:
    steps = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
    (step,) = [step for step in steps if "ARGUMENTS" in step.get("env", {})]
    fake = tmp_path / "lockstep"
    fake.write_text('#!/bin/sh\nfor word in "$@"; do echo "<$word>"; done\nexit 3\n', encoding="utf-8")
    fake.chmod(0o755)
    arguments = """compare --keep "response_p99 < 50ms" --out 'my results' $(touch owned); touch owned"""
    ran = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "ARGUMENTS": arguments},
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    words = ["compare", "--keep", "response_p99 < 50ms", "--out", "my results"]
    assert ran.stdout.splitlines()[:5] == [f"<{word}>" for word in words]
    assert ran.returncode == 3
    assert not (tmp_path / "owned").exists()


def test_the_actions_steps_are_pinned_and_its_inputs_are_used() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    uses = [step["uses"] for step in action["runs"]["steps"] if "uses" in step]
    assert [name for name in uses if not re.fullmatch(r"[\w-]+/[\w-]+@v\d+", name)] == []
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"inputs\.(\w+)", text)) == set(action["inputs"])


def test_unit_tests_run_on_every_python_that_the_package_names() -> None:
    (jobs,) = (yaml.safe_load(file.read_text())["jobs"] for file in WORKFLOWS if file.stem == "test")
    classifiers = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert jobs["unit"]["strategy"]["matrix"]["python"] == classifiers


def test_the_hooks_fetch_nothing_and_lint_as_make_does() -> None:
    repositories = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))["repos"]
    assert {each["repo"] for each in repositories} == {"local"}
    entries = [hook["entry"] for each in repositories for hook in each["hooks"]]
    assert entries == ["make lint"]


def test_no_package_that_was_downloaded_or_built_belongs_to_the_project() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("what belongs to the project is known where there is a git checkout")
    strays = ("*.whl", "*.tar.gz", "*.zip", "*.egg")
    listed = ["git", "-C", str(ROOT), "ls-files", "--", *strays]
    assert subprocess.run(listed, capture_output=True, text=True, check=True).stdout == ""
    ignored = ["git", "-C", str(ROOT), "check-ignore", "--no-index", "tool-1.0-py3-none-any.whl"]
    assert subprocess.run(ignored, capture_output=True, check=False).returncode == 0


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of its own with this checkout's files."""
    for name in ("loadtest", "server", "wire", "requirements", "tools"):
        shutil.copytree(
            ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        )
    for name in ("LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "tests")
    git(tmp_path, "config", "user.email", "tests@localhost")
    head_changelog(tmp_path, SECTION)
    return tmp_path


def git(clone: Path, *arguments: str) -> str:
    command = ["git", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", *arguments]
    return subprocess.run(command, cwd=clone, check=True, capture_output=True, text=True).stdout


def head_changelog(clone: Path, section: str) -> None:
    (clone / "CHANGELOG.md").write_text(f"# Changelog\n\n## [Unreleased]\n\n{section}\n\n- A line.\n")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "All")


def release(clone: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.release"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False, timeout=100)


def test_a_release_is_a_wheel_an_sdist_and_a_tag(clone: Path) -> None:
    done = release(clone)
    assert done.returncode == 0, done.stderr
    built = {file.name for file in (clone / "dist").iterdir()} - {".gitignore"}
    assert built == {f"locust_lockstep-{VERSION}-py3-none-any.whl", f"locust_lockstep-{VERSION}.tar.gz"}
    assert git(clone, "tag").split() == [f"v{VERSION}"]

    again = release(clone)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ("", "says only Unreleased"),
        (f"## [{VERSION}]", "no date"),
        ("## [99.0.0] - 2026-01-31", "newest section is 99.0.0"),
    ],
    ids=["unreleased", "undated", "of another version"],
)
def test_a_changelog_that_is_not_ready_makes_no_release(clone: Path, section: str, words: str) -> None:
    head_changelog(clone, section)
    assert_refused(clone, words)


def test_what_is_not_committed_makes_no_release(clone: Path) -> None:
    (clone / "README.md").write_text("Changed.")
    assert_refused(clone, "README.md")


def assert_refused(clone: Path, words: str) -> None:
    done = release(clone)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert git(clone, "tag") == ""
    assert not (clone / "dist").exists()
