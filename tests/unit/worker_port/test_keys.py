"""The token of a master and its workers: over real sockets, who has it is heard, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import zmq

from lockstep.errors import HarnessError
from lockstep.settings import WORKER_TOKEN
from lockstep.worker_port.keys import SHORTEST, new_token, secure, token_of

TOKEN = "0123456789abcdef"
OTHER = "0123456789abcdeg"
PATIENCE_MS = 10_000


@contextmanager
def heard(master: str | None, *peers: str | None) -> Iterator[zmq.Socket[bytes]]:
    """A master's socket, to which a peer with each of these tokens has said which one it has."""
    with zmq.Context() as context:
        server = context.socket(zmq.ROUTER)
        if master is not None:
            secure(server, master)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        sockets = [context.socket(zmq.DEALER) for _ in peers]
        for socket, token in zip(sockets, peers, strict=True):
            if token is not None:
                secure(socket, token)
            socket.connect(f"tcp://127.0.0.1:{port}")
            socket.send((token or "").encode())
        yield server
        for socket in (server, *sockets):
            socket.close(linger=0)


def test_a_master_hears_who_has_its_token_and_nobody_else() -> None:
    with heard(TOKEN, OTHER, None, TOKEN, "", OTHER) as server:
        assert server.poll(PATIENCE_MS)
        _, said = server.recv_multipart()
        assert said == TOKEN.encode()
        assert not server.poll(300)


def test_a_master_without_a_token_hears_no_worker_that_expects_one() -> None:
    with heard(None, TOKEN, None) as server:
        assert server.poll(PATIENCE_MS)
        assert server.recv_multipart()[1] == b""
        assert not server.poll(300)


def test_a_new_token_is_long_enough_and_another_each_time() -> None:
    tokens = {new_token() for _ in range(10)}
    assert len(tokens) == 10
    assert all(token_of({WORKER_TOKEN: token}) == token for token in tokens)


@pytest.mark.parametrize("environment", [{}, {WORKER_TOKEN: ""}])
def test_without_the_variable_there_is_no_token(environment: dict[str, str]) -> None:
    assert token_of(environment) is None


def test_a_token_that_is_easily_guessed_is_refused_with_the_remedy() -> None:
    with pytest.raises(HarnessError, match="openssl rand"):
        token_of({WORKER_TOKEN: "x" * (SHORTEST - 1)})
