"""Locust users for a length-framed protocol, written as Locust's documentation suggests for one it lacks.

What somebody would have without Lockstep: gevent's sockets, one `request` event a message, nothing else.
`locust -f bench/plain_user.py KeptUser` (or `SessionUser`).
"""

from __future__ import annotations

import socket
import time
from typing import Any

from locust import User, constant, task

PAYLOAD = b"x" * 64
HEADER_BYTES = 4
RECEIVE_BYTES = 4096


class PlainClient:
    """Framed messages over one connection; every message is told to Locust. host: `tcp://address:port`."""

    def __init__(self, host: str, request_event: Any) -> None:
        name, _, port = host.removeprefix("tcp://").partition(":")
        self._address = (name, int(port))
        self._request_event = request_event
        self._socket: socket.socket | None = None
        self._buffer = bytearray()

    def connect(self) -> None:
        """Open the connection.

        To a numeric host gevent connects at once; create_connection would ask its resolver's thread first.
        """
        self._socket = socket.socket()
        self._socket.connect(self._address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer.clear()

    def close(self) -> None:
        """Close it, if it is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def request(self, payload: bytes) -> None:
        """Send a message, wait for its reply, and tell Locust how that went."""
        failure: Exception | None = None
        reply = b""
        start = time.perf_counter()
        try:
            if self._socket is None:
                self.connect()
            assert self._socket is not None
            self._socket.sendall(len(payload).to_bytes(HEADER_BYTES, "big") + payload)
            reply = self._receive(self._socket)
            if reply != payload:
                failure = ValueError("the reply is not the request")
        except OSError as error:
            failure = error
            self.close()
        self._request_event.fire(
            request_type="tcp",
            name="message",
            response_time=(time.perf_counter() - start) * 1000,
            response_length=len(reply),
            exception=failure,
            context={},
        )

    def _receive(self, connection: socket.socket) -> bytes:
        """The next frame's payload, however many receives it takes."""
        buffer = self._buffer
        while len(buffer) < HEADER_BYTES:
            self._fill(connection)
        end = HEADER_BYTES + int.from_bytes(buffer[:HEADER_BYTES], "big")
        while len(buffer) < end:
            self._fill(connection)
        payload = bytes(buffer[HEADER_BYTES:end])
        del buffer[:end]
        return payload

    def _fill(self, connection: socket.socket) -> None:
        data = connection.recv(RECEIVE_BYTES)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._buffer += data


class PlainUser(User):
    """A user with a client of its own."""

    abstract = True
    wait_time = constant(0)

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        assert self.host is not None
        self.client = PlainClient(self.host, environment.events.request)

    def on_stop(self) -> None:
        """Locust is done with this user."""
        self.client.close()


class KeptUser(PlainUser):
    """Keeps its connection."""

    @task
    def exchange(self) -> None:
        """One message."""
        self.client.request(PAYLOAD)


class SessionUser(PlainUser):
    """A connection for every message."""

    @task
    def session(self) -> None:
        """Connect, one message, close."""
        self.client.request(PAYLOAD)
        self.client.close()
