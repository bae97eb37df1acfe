"""The other end of a connection, for tests of the client: a thread that plays a script."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from loadtest.client import TcpClient
from loadtest.results import ClientView
from loadtest.samples import Outcome, Phase, Sample

PATIENCE_S = 20.0
LOOPBACK = "127.0.0.1"

Script = Callable[[socket.socket], None]


class Peer:
    """A listener on loopback, from entering the context until leaving it. Each connection, one after
    another, is played one of the scripts and then closed; what a script raises comes out of the context.
    """

    def __init__(self, *scripts: Script) -> None:
        self._scripts = scripts
        self._listener = socket.create_server((LOOPBACK, 0))
        self._listener.settimeout(PATIENCE_S)
        self._thread = threading.Thread(target=self._play, daemon=True)
        self._error: BaseException | None = None
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._thread.join(PATIENCE_S)
        self._listener.close()
        if self._error is not None and error is None:
            raise self._error

    def _play(self) -> None:
        try:
            for script in self._scripts:
                link, _ = self._listener.accept()
                with link:
                    link.settimeout(PATIENCE_S)
                    script(link)
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            self._error = error


@contextmanager
def refusing_port() -> Iterator[int]:
    """A port that is taken, so that nobody else can have it, but that refuses every connection."""
    with socket.socket() as holder:
        holder.bind((LOOPBACK, 0))
        yield holder.getsockname()[1]


def read(link: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes."""
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        assert more, f"the client closed after {len(data)} of {size} bytes"
        data += more
    return data


def until_closed(link: socket.socket) -> bytes:
    """Everything until the client closes its direction."""
    data = b""
    while more := link.recv(65536):
        data += more
    return data


def reset(link: socket.socket) -> None:
    """Break the connection off: the client sees a reset instead of an end."""
    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    link.close()


def answers(request_bytes: int, *replies: bytes) -> Script:
    """Take so many bytes, send every reply, wait until the client has left."""

    def script(link: socket.socket) -> None:
        read(link, request_bytes)
        for reply in replies:
            link.sendall(reply)
        until_closed(link)

    return script


def echoes(link: socket.socket) -> None:
    """Send back whatever comes, until the client has left."""
    while data := link.recv(65536):
        link.sendall(data)


def stays_silent(link: socket.socket) -> None:
    """Never answer."""
    until_closed(link)


class Book:
    """What a client has recorded."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.connections: list[tuple[str, ClientView]] = []

    def client(self, port: int, **settings: object) -> TcpClient:
        """A client that records here."""
        return TcpClient(
            LOOPBACK,
            port,
            record=self.samples.append,
            record_connection=lambda address, view: self.connections.append((address, view)),
            **{"timeout_s": PATIENCE_S, **settings},  # type: ignore[arg-type]
        )

    def of(self, phase: Phase) -> list[Sample]:
        """The samples of one phase, in order."""
        return [sample for sample in self.samples if sample.phase is phase]

    def outcomes(self) -> list[tuple[Phase, Outcome]]:
        """Phase and outcome of every sample, in order."""
        return [(sample.phase, sample.outcome) for sample in self.samples]
