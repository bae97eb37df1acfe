"""Tests of the load side inside Locust: a pytest session of its own, whose process Locust has taken over.

Locust replaces threads, locks and sockets of the standard library by greenlets' as soon as it is imported, so
nobody may come before it, and no other test may run here.
"""

from __future__ import annotations

import locust  # isort: skip - before anybody imports what it replaces

import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from tests.support.crew import PATIENCE_S

assert locust is not None
HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locust's web interface reads those of the process."""
    monkeypatch.setattr(sys, "argv", ["locust"])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if strangers := [item.nodeid for item in items if HERE not in item.path.parents]:
        raise pytest.UsageError(
            f"tests/locust is a session of its own: leave out {strangers[0]}, or tests/locust itself"
        )


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Whatever a test waits for in Locust's loop, it does not wait for ever."""
    with gevent.Timeout(PATIENCE_S):
        yield
