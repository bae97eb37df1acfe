"""The generators that are compared: how each is started against a port, and how big its messages are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from bench.processes import ON_LOAD_CORE, Running, python, running

PAYLOAD_BYTES = 64
FRAME_BYTES = PAYLOAD_BYTES + 4
# Every run is ended by the bench; this only bounds what a bench that was killed leaves behind.
BOUND = "300s"


class Generator(Protocol):
    """What loads a port of loopback: `name`, and `frame_bytes` on the wire for a message."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one message as sent."""

    def load(self, port: int, connections: int) -> AbstractContextManager[Running]:
        """The generator at work, until the block is left."""


def headless(connections: int, port: int) -> list[str]:
    """Locust's own flags: everybody at once, no web page."""
    count = str(connections)
    return ["--headless", "-u", count, "-r", count, "-t", BOUND, "--host", f"tcp://127.0.0.1:{port}"]


@dataclass(frozen=True, slots=True)
class Ours:
    """The shipped locustfile. out: where its run folder goes, a temporary place unless it is wanted."""

    flags: Sequence[str] = ("--scenario", "persistent")
    payload_bytes: int = PAYLOAD_BYTES
    out: Path | None = None
    name: str = field(default="ours")

    @property
    def frame_bytes(self) -> int:
        """Payload and length."""
        return self.payload_bytes + 4

    @contextmanager
    def load(self, port: int, connections: int) -> Iterator[Running]:
        """By hand, in one process."""
        with TemporaryDirectory() as folder:
            command = python("-m", "locust", "-f", "loadtest/locustfile.py", *headless(connections, port))
            command += ["--framing", "length", "--reply", "echo", "--payload", str(self.payload_bytes)]
            command += [*self.flags, "--out", str(self.out or folder)]
            with running(self.name, command, ON_LOAD_CORE) as process:
                yield process


@dataclass(frozen=True, slots=True)
class Plain:
    """A Locust user as the documentation suggests. user: which class of plain_user.py."""

    user: str = "KeptUser"
    name: str = "plain Locust user"
    frame_bytes: int = FRAME_BYTES

    @contextmanager
    def load(self, port: int, connections: int) -> Iterator[Running]:
        """In one process."""
        command = python("-m", "locust", "-f", "bench/plain_user.py", *headless(connections, port), self.user)
        with running(self.name, command, ON_LOAD_CORE) as process:
            yield process


@dataclass(frozen=True, slots=True)
class Own:
    """A user's own file: own_user.py, in which each message has a name and an expected reply."""

    name: str = "a TcpUser's own file"
    frame_bytes: int = FRAME_BYTES

    @contextmanager
    def load(self, port: int, connections: int) -> Iterator[Running]:
        """In one process."""
        command = python("-m", "locust", "-f", "bench/own_user.py", *headless(connections, port), "OwnUser")
        with running(self.name, command, ON_LOAD_CORE) as process:
            yield process


@dataclass(frozen=True, slots=True)
class Epoll:
    """The bare loop: what Python can do at all."""

    name: str = "bare epoll loop"
    frame_bytes: int = FRAME_BYTES

    @contextmanager
    def load(self, port: int, connections: int) -> Iterator[Running]:
        """In one process."""
        command = python("-m", "bench.epoll_load", str(port), str(connections))
        with running(self.name, command, ON_LOAD_CORE, spoken_with=True) as process:
            process.hear()
            yield process
