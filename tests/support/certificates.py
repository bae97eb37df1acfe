"""Certificates that are made for a test, and peers that show them."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import trustme

from lockstep.tcp.endpoint import Endpoint, Options, Scheme
from tests.support.peers import LOOPBACK, Script


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority that nobody trusts but those who are told to.

    ca: its certificate. cert, key: of a client; as files.
    """

    authority: trustme.CA
    ca: str
    cert: str
    key: str

    def server(self, *names: str, ask_client: bool = False, versions: str = "") -> ssl.SSLContext:
        """What a server of these names serves with. ask_client: it wants one of the client's too."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*(names or (LOOPBACK, "localhost", "::1"))).configure_cert(context)
        if ask_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        if versions == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if versions == "1.3":
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context

    def endpoint(self, port: int, host: str = LOOPBACK, **options: Any) -> Endpoint:
        """A server of this authority's, trusted for what it shows."""
        return Endpoint(host, port, Scheme.TLS, Options(**{"ca": self.ca, **options}))


@lru_cache(maxsize=1)
def authority(folder: Path) -> Authority:
    """One for all tests of a session; its files lie in that folder."""
    made = trustme.CA()
    ca, cert, key = (str(folder / name) for name in ("ca.pem", "client.pem", "client.key"))
    made.cert_pem.write_to_path(ca)
    mine = made.issue_cert("client@example.org")
    mine.private_key_pem.write_to_path(key)
    for number, pem in enumerate(mine.cert_chain_pems):
        pem.write_to_path(cert, append=number > 0)
    return Authority(made, ca, cert, key)


def over_tls(context: ssl.SSLContext, script: Script, *, says_goodbye: bool = True) -> Script:
    """The script, behind a handshake. says_goodbye: whether the end is said in TLS too."""

    def secured(link: socket.socket) -> None:
        with context.wrap_socket(link, server_side=True) as tls:
            script(tls)
            if says_goodbye:
                # Who has given the connection up answers nothing.
                with suppress(OSError):
                    tls.unwrap()

    return secured
