"""The other end of a connection, for tests of the client: a thread that plays a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import gevent

from lockstep.runs.connections import ClientView
from lockstep.tcp.blocking_link import BlockingLink
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.link import LinkMaker
from lockstep.tcp.many import ScenarioClient
from lockstep.tcp.samples import Outcome, Phase, Sample, SampleMeter
from tests.support.clients import PATIENCE_S
from tests.support.small_services import serving

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


def answers(request_bytes: int, *replies: bytes) -> Script:
    """Take so many bytes, send every reply, wait until the client has left."""

    def script(link: socket.socket) -> None:
        read(link, request_bytes)
        for reply in replies:
            link.sendall(reply)
        until_closed(link)

    return script


def in_turn(*exchanges: tuple[int, bytes]) -> Script:
    """Take so many bytes and send this reply, one after another, then wait until the client has left."""

    def script(link: socket.socket) -> None:
        for request_bytes, reply in exchanges:
            read(link, request_bytes)
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


@contextmanager
def line_echo() -> Iterator[int]:
    """A small server of somebody else's: echoes lines, a thread each."""

    def echo(link: socket.socket) -> None:
        for line in link.makefile("rb"):
            link.sendall(line)

    with serving(echo) as port:
        yield port


@dataclass(frozen=True, slots=True)
class Waiting:
    """A way to wait. link: what waits. prod: does something to who waits, from a peer's thread."""

    link: LinkMaker
    prod: Callable[[Callable[[], None]], None]


def _from_the_loop(action: Callable[[], None]) -> None:
    # What belongs to greenlets may only be touched in their thread.
    _LOOP.run_callback_threadsafe(action)


_LOOP = gevent.get_hub().loop

BLOCKING = Waiting(BlockingLink, lambda action: action())
COOPERATIVE = Waiting(CooperativeLink, _from_the_loop)


class Book:
    """What clients that wait in one way have recorded."""

    def __init__(self, waiting: Waiting = BLOCKING) -> None:
        self.waiting = waiting
        self.samples: list[Sample] = []
        self.connections: list[tuple[str, ClientView]] = []
        self.meter = SampleMeter(
            self.samples.append, lambda address, view: self.connections.append((address, view))
        )

    def client(self, port: int, host: str = LOOPBACK, **settings: object) -> ScenarioClient:
        """A client that records here."""
        return self.client_of(Endpoint(host, port), **settings)

    def client_of(self, endpoint: Endpoint, **settings: object) -> ScenarioClient:
        """The same, of any endpoint."""
        return ScenarioClient(
            endpoint,
            self.meter,
            **{"timeout_s": PATIENCE_S, "link": self.waiting.link, **settings},  # type: ignore[arg-type]
        )

    def of(self, phase: Phase) -> list[Sample]:
        """The samples of one phase, in order."""
        return [sample for sample in self.samples if sample.phase is phase]

    def outcomes(self) -> list[tuple[Phase, Outcome]]:
        """Phase and outcome of every sample, in order."""
        return [(sample.phase, sample.outcome) for sample in self.samples]


def breaking(link: LinkMaker, method: str, error: BaseException) -> LinkMaker:
    """Links of that kind of which one method raises."""

    def raises(*_: object) -> None:
        raise error

    class Breaking(link):  # type: ignore[valid-type, misc]
        def __init__(self, family: socket.AddressFamily, timeout_s: float | None) -> None:
            super().__init__(family, timeout_s)
            setattr(self, method, raises)

    return Breaking


@contextmanager
def login_server() -> Iterator[int]:
    """A small service: `LOGIN user password` gives a token, which `DO token` has to name. A thread each."""

    def serve(link: socket.socket) -> None:
        tokens: set[bytes] = set()
        for line in link.makefile("rb"):
            match line.split():
                case [b"LOGIN", user, _]:
                    token = b"%s%d" % (user, len(tokens))
                    tokens.add(token)
                    link.sendall(b"OK " + token + b"\n")
                case [b"DO", token] if token in tokens:
                    link.sendall(b"DONE " + token + b"\n")
                case _:
                    link.sendall(b"ERR\n")

    with serving(serve) as port:
        yield port
