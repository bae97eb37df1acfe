"""Whatever holds of a server holds with a global lock and without one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.pythons import free_threaded
from tests.support.server import ServerProcess


@pytest.fixture(
    scope="module",
    autouse=True,
    params=[
        pytest.param(True, id="gil"),
        pytest.param(False, id="no-gil", marks=pytest.mark.free_threaded),
    ],
)
def gil(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the servers of a test have a global lock: each test is of both."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.param:
            python = free_threaded()
            assert python is not None, "who is marked is skipped where there is none"
            patch.setattr(ServerProcess, "python", python.path)
        yield request.param
