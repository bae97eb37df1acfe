"""The token that a master and its workers share, as keys of CurveZMQ: who has it not cannot shake hands.

A client of CurveZMQ (https://rfc.zeromq.org/spec/26) has to know its server's public key before it says
anything, and the server never tells it. So both ends make the server's keys of the token, and there is
nothing to send and nobody to ask: what goes over the wire is encrypted, and no stranger reaches Locust.
"""

from __future__ import annotations

import functools
import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

import zmq
from zmq.utils import z85

from lockstep.errors import HarnessError
from lockstep.settings import WORKER_TOKEN

SHORTEST = 16
_SALT = b"lockstep worker port"


def new_token() -> str:
    """One that nobody can guess."""
    return secrets.token_hex(16)


def token_of(environment: Mapping[str, str]) -> str | None:
    """The token that is given; None without one. HarnessError where it is easily guessed, or of no use."""
    token = environment.get(WORKER_TOKEN, "")
    if not token:
        return None
    if len(token) < SHORTEST:
        raise HarnessError(
            f"{WORKER_TOKEN} has {len(token)} characters, and {SHORTEST} are the fewest: make one with "
            "`openssl rand -hex 16`"
        )
    if not zmq.has("curve"):
        raise HarnessError(
            f"{WORKER_TOKEN} is set, and this ZeroMQ cannot encrypt: install pyzmq from its wheel, or leave "
            "the token out"
        )
    return token


def secure(socket: zmq.Socket[Any], token: str) -> None:
    """Let a socket, not yet bound or connected, speak only with who has the token. A ROUTER is the server."""
    public, secret = _keys_of(token)
    if socket.type == zmq.ROUTER:
        socket.curve_server = True
        socket.curve_secretkey = secret
    else:
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
        socket.curve_serverkey = public


@functools.lru_cache(maxsize=1)
def _keys_of(token: str) -> tuple[bytes, bytes]:
    """The server's public and secret key. Slow on purpose: who listens could try tokens on what was heard."""
    seed = hashlib.scrypt(token.encode(), salt=_SALT, n=2**14, r=8, p=1, dklen=32)
    secret: bytes = z85.encode(seed)
    return zmq.curve_public(secret), secret
