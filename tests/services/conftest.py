"""The services that the tests of this folder load: each is started once, when a test first asks for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from bench import services
from tests.support import small_services
from tests.support.small_services import serving

# The port that a page names -> the small service of ours that stands there in a test.
SMALL = {7001: "sensor", 7007: "echo", 7008: "values", 7027: "accounts"}


@pytest.fixture(scope="session")
def redis() -> Iterator[int]:
    with services.redis() as port:
        # What nobody has set would be a miss.
        with socket.create_connection((services.LOOPBACK, port)) as link:
            link.sendall(b"SET k xxx\r\n")
            assert link.recv(100) == b"+OK\r\n"
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


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of the authority that stunnel's is from; beside it `service.pem`, stunnel's own."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "service.pem")
    return folder / "ca.pem"


@pytest.fixture(scope="session")
def stunnel(redis: int, ca: Path) -> Iterator[int]:
    """In front of Redis."""
    with services.stunnel(redis, ca.with_name("service.pem")) as port:
        yield port


@pytest.fixture(scope="session")
def small() -> Iterator[dict[int, int]]:
    """The small services: the port that a page names -> where it is in truth."""
    with ExitStack() as stack:
        yield {
            port: stack.enter_context(serving(getattr(small_services, name))) for port, name in SMALL.items()
        }
