"""One text for one address, on both ends of a connection."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from lockstep_wire import address_text


@pytest.mark.parametrize(
    ("host", "text"),
    [
        ("127.0.0.1", "127.0.0.1:80"),
        ("::1", "[::1]:80"),
        ("::ffff:127.0.0.1", "127.0.0.1:80"),
        ("::FFFF:7f00:1", "127.0.0.1:80"),
        ("fe80::1%eth0", "[fe80::1]:80"),
        ("fe80::1", "[fe80::1]:80"),
        ("2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:80"),
        ("::", "[::]:80"),
    ],
)
def test_an_address_has_one_text_however_a_system_spells_it(host: str, text: str) -> None:
    assert address_text(host, 80) == text


@pytest.mark.parametrize(
    ("bound", "called"), [("127.0.0.1", "127.0.0.1"), ("::", "::1"), ("::", "127.0.0.1")]
)
def test_both_ends_of_a_connection_write_the_clients_address_alike(bound: str, called: str) -> None:
    family = socket.AF_INET6 if ":" in bound else socket.AF_INET
    with socket.socket(family) as listener:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind((bound, 0))
        listener.listen()
        with closing(socket.create_connection((called, listener.getsockname()[1]), 5)) as client:
            accepted, peer = listener.accept()
            with accepted:
                assert address_text(*peer[:2]) == address_text(*client.getsockname()[:2])
