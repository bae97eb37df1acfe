"""The services that the tests of this folder load: each is started once, when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench import services


@pytest.fixture(scope="session")
def redis() -> Iterator[int]:
    with services.redis() as port:
        yield port


@pytest.fixture(scope="session")
def memcached() -> Iterator[int]:
    with services.memcached() as port:
        yield port


@pytest.fixture(scope="session")
def postgres() -> Iterator[int]:
    with services.postgres() as port:
        yield port


@pytest.fixture(scope="session")
def mosquitto() -> Iterator[int]:
    with services.mosquitto() as port:
        yield port


@pytest.fixture(scope="session")
def nginx(redis: int) -> Iterator[int]:
    """In front of Redis."""
    with services.nginx(redis) as port:
        yield port
