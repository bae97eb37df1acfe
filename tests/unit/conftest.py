"""What tests of the client run on: a link that blocks its thread, and one that lets other greenlets run."""

from __future__ import annotations

import pytest

from tests.support.peers import BLOCKING, COOPERATIVE, Book, Waiting


@pytest.fixture(params=[BLOCKING, COOPERATIVE], ids=["thread", "greenlet"])
def waiting(request: pytest.FixtureRequest) -> Waiting:
    """Each way to wait for the peer."""
    way: Waiting = request.param
    return way


@pytest.fixture
def book(waiting: Waiting) -> Book:
    """The samples of clients that wait in that way."""
    return Book(waiting)
