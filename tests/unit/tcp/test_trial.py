"""One connection before a run: what is wrong with a target is one line, with what to do about it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.trial import try_out
from tests.support.certificates import Authority, authority, over_tls
from tests.support.peers import LOOPBACK, Peer, Script, read, refusing_port, until_closed


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("certificates"))


def said_of(endpoint: Endpoint | str, timeout_s: float = 5.0) -> str:
    """What is refused of it."""
    with pytest.raises(HarnessError) as refusal:
        try_out(Endpoint.parse(endpoint) if isinstance(endpoint, str) else endpoint, timeout_s=timeout_s)
    return str(refusal.value)


def hears_nothing(link: socket.socket) -> None:
    assert until_closed(link) == b""


def test_who_takes_a_connection_is_told_nothing_and_let_alone() -> None:
    with Peer(hears_nothing) as peer:
        try_out(Endpoint.parse(f"tcp://{LOOPBACK}:{peer.port}"))


def test_where_nobody_listens_that_is_said_with_the_remedy() -> None:
    with refusing_port() as port:
        url = f"tcp://{LOOPBACK}:{port}"
        assert said_of(url) == (
            f"no connection to {url} (connection refused): start the service, or check host and port"
        )


def test_a_missing_unix_socket_is_named_by_its_path(tmp_path: Path) -> None:
    url = f"unix://{tmp_path}/none"
    assert said_of(url) == (
        f"no connection to {url} (no such file or directory): start the service, or check the path"
    )


def test_hands_are_shaken_too_where_the_certificate_is_trusted(trusted: Authority) -> None:
    with Peer(over_tls(trusted.server(), hears_nothing)) as peer:
        try_out(trusted.endpoint(peer.port))


def test_an_untrusted_certificate_is_refused_with_how_to_trust_it(trusted: Authority) -> None:
    with Peer(lambda link: _refused(link, trusted)) as peer:
        said = said_of(f"tls://{LOOPBACK}:{peer.port}")
    assert said.startswith("no TLS connection to tls://")
    assert "certificate verify failed" in said
    assert said.endswith("name who signed it by ?ca=FILE, or trust anybody by ?verify=off")


def _refused(link: socket.socket, trusted: Authority) -> None:
    with pytest.raises(OSError, match=r"(?i)unknown ca|alert|eof"):
        trusted.server().wrap_socket(link, server_side=True)


def _speaks_plainly(link: socket.socket) -> None:
    read(link, 1)
    link.sendall(b"-ERR what do you mean\r\n")


def _says_nothing(link: socket.socket) -> None:
    until_closed(link)


@pytest.mark.parametrize(
    ("script", "words", "timeout_s"),
    [
        (_says_nothing, "the TLS handshake had no answer within 0.2 s", 0.2),
        (_speaks_plainly, "TLS: wrong version number", 5.0),
    ],
)
def test_a_service_that_speaks_no_tls_is_suspected_of_it(
    script: Script, words: str, timeout_s: float
) -> None:
    with Peer(script) as peer:
        said = said_of(f"tls://{LOOPBACK}:{peer.port}", timeout_s)
    assert said.startswith("no TLS connection to tls://")
    assert f"({words}" in said
    assert said.endswith("does it speak TLS? If not, write tcp://")
