"""Other people's services are started for a test, and nothing of them is left after it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from bench import services

pytestmark = pytest.mark.services

SERVICES = {
    "redis": (services.redis, b"PING\r\n", b"+PONG"),
    "memcached": (services.memcached, b"mn\r\n", b"MN"),
    "mosquitto": (services.mosquitto, b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", b"\x20\x02\0\0"),
    # It is asked whether it speaks TLS: no.
    "postgres": (services.postgres, b"\0\0\0\x08\x04\xd2\x16\x2f", b"N"),
}


def asked(port: int, question: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as link:
        link.sendall(question)
        return link.recv(100)


@pytest.mark.parametrize(("service", "question", "answer"), SERVICES.values(), ids=SERVICES)
def test_a_service_answers_until_its_block_is_left(
    service: Callable[[], AbstractContextManager[int]], question: bytes, answer: bytes
) -> None:
    with service() as port:
        assert asked(port, question).startswith(answer)
    with pytest.raises(ConnectionRefusedError):
        asked(port, question)


def test_nginx_passes_streams_on(nginx: int) -> None:
    assert asked(nginx, b"PING\r\n") == b"+PONG\r\n"
