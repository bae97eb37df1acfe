"""What tests may need from the machine, and an account of what was left out for the lack of it.

A test marked `containers`, `browser` or `services` is skipped where its tool is missing, and the last lines
of the run say so. With CI=true nothing may be left out: whatever is skipped, for whatever reason, fails. But
for `free_threaded`, whose interpreter has to be built, from sources that may be out of reach.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from bench.services import missing_packages
from tests.support.pythons import free_threaded

ROOT = Path(__file__).resolve().parents[1]
OWN_SESSION = ROOT / "tests" / "locust"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-golden", action="store_true", help="write tests/golden anew, to be read in git")


def pytest_configure() -> None:
    """What tests start is of this checkout too, whichever one was installed where it is started."""
    sources = (ROOT, ROOT / "wire", ROOT / "server", ROOT / "loadtest")
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, sources))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """tests/locust is left to a session of its own, which test_locust_side.py starts."""
    return True if collection_path == OWN_SESSION and not _of_locusts_own(config) else None


def pytest_collection_finish(session: pytest.Session) -> None:
    """Threads of these tests are real ones: Locust would have made greenlets of them as it was imported."""
    if "locust" in sys.modules and not _of_locusts_own(session.config):
        raise pytest.UsageError(
            "a test imports Locust, which replaces threads and locks: put it into tests/locust"
        )


def _of_locusts_own(config: pytest.Config) -> bool:
    return any("locust" in Path(argument.partition("::")[0]).parts for argument in config.args)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"true", "1"}


@functools.cache
def missing_docker() -> str | None:
    """Why the container tests cannot run here, None where they can."""
    for command in (["docker", "info"], ["docker", "compose", "version"]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except FileNotFoundError:
            return "Docker is not installed"
        except subprocess.TimeoutExpired:
            return f"`{' '.join(command)}` does not answer"
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            return f"`{' '.join(command)}` fails: {last}"
    return None


@functools.cache
def browser_path() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def missing_browser() -> str | None:
    return None if browser_path() else f"no Chromium is installed (none of {', '.join(BROWSERS)} is in PATH)"


@functools.cache
def missing_services() -> str | None:
    packages = missing_packages()
    return f"not all services are installed: apt install {' '.join(packages)}" if packages else None


def missing_free_threaded() -> str | None:
    return None if free_threaded() else "there is no Python without a global lock: make python3.13t"


NEEDS: dict[str, Callable[[], str | None]] = {
    "containers": missing_docker,
    "browser": missing_browser,
    "services": missing_services,
    "free_threaded": missing_free_threaded,
}


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; for tests marked `browser`."""
    path = browser_path()
    assert path is not None, missing_browser()
    return path


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, missing in NEEDS.items():
        if item.get_closest_marker(marker) and (reason := missing()):
            pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    must = not item.get_closest_marker("free_threaded")
    if in_ci() and must and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome, report.longrepr = "failed", f"CI leaves nothing out: {_reason(report)}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if in_ci() and report.skipped:
        report.outcome, report.longrepr = "failed", f"CI leaves nothing out: {_reason(report)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = Counter(map(_reason, terminalreporter.getreports("skipped")))
    terminalreporter.section("left out")
    for reason, count in sorted(left_out.items()):
        terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")
    if not left_out:
        terminalreporter.write_line("nothing")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    # A skip's representation is (file, line, "Skipped: reason").
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
