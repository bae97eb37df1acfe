"""Plays cases to a server, and holds each answer, and in the end the books, against what was said."""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.cases import Case
from tests.support.clients import LENGTH, ask, connect, reset, wait_until
from tests.support.server import ServerProcess

MODES = (
    *("free", "lock", "rlock", "semaphore=2", "condition=1", "ticket", "lock/message", "rwlock=2/message"),
    *("queue=2", "iterative", "asyncio", "process=2"),
)
LIMIT = 1_000
_RESET = {errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN}
FLAGS = ("--framing", "length", "--reply", "echo", "--max-frame", str(LIMIT), "--records", "100")
_NOT_BY_A_PEER = ("died", "overload", "full", "drained", "idle", "slow_sender", "slow_reader")


def echoed(said: bytes) -> tuple[bytes, bool]:
    """What a server that echoes has to answer, and whether it then closes for a frame beyond the limit.

    Written anew, for it is what the server is held against.
    """
    at = 0
    while len(said) - at >= 4:
        (size,) = struct.unpack_from(">I", said, at)
        if size > LIMIT:
            return said[:at], True
        if len(said) - at < 4 + size:
            break
        at += 4 + size
    return said[:at], False


class Player:
    """A server under fire, and what it has been told so far."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self.sessions: Counter[str] = Counter()
        self._said_bytes: Counter[str] = Counter()

    def play(self, case: Case, mode: str) -> None:
        """AssertionError if the answer is not what it has to be. mode: for a session, to whom."""
        if case.port == "admin":
            self._ask_admin(case)
        else:
            self.sessions[mode] += 1
            self._said_bytes[mode] += len(case.said)
            self._talk(case, mode)

    def _talk(self, case: Case, mode: str) -> None:
        answer = _said_back(self._server.ports[mode], case)
        wanted, breaks_off = echoed(case.said)
        if answer is None:
            assert breaks_off or case.ending != "half-close", (mode, "reset, and nothing was wrong with it")
            return
        # What came in one segment with a frame beyond the limit is not answered.
        assert wanted.startswith(answer) if breaks_off else answer == wanted, (mode, answer, wanted)

    def _ask_admin(self, case: Case) -> None:
        answer = _said_back(self._server.ready["admin_port"], case)
        if case.ending == "half-close":
            assert answer is not None, "reset, instead of an answer"
            assert answer.startswith(b"HTTP/1.1 ") if case.said else answer == b"", answer

    def check_server(self) -> None:
        """All is as before for whoever comes next, and the books are exact."""
        for mode in MODES:
            with connect(self._server.ports[mode]) as link:
                assert ask(link, b"hello") == b"hello"
            self.sessions[mode] += 1
            self._said_bytes[mode] += len(LENGTH.encode(b"hello"))
        wait_until(lambda: all(_all_gone(seen) for seen in self._server.listeners().values()))
        for mode, seen in self._server.listeners().items():
            assert seen["accepted"] == seen["closed"] == sum(seen["causes"].values()) == self.sessions[mode]
            assert seen["in_service_ns"] == seen["held_ns"]
            assert seen["answered"] <= seen["received"]
            assert seen["bytes_sent"] <= seen["bytes_received"] <= self._said_bytes[mode]
            assert not any(seen["causes"][cause] for cause in _NOT_BY_A_PEER)
        assert "Traceback" not in self._server.stderr

    def resources(self) -> tuple[int, int]:
        """Open files and threads of the server."""
        process = Path(f"/proc/{self._server.process.pid}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def memory_kib(self) -> int:
        """Resident, of the server's own process."""
        status = Path(f"/proc/{self._server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def _all_gone(seen: dict[str, int]) -> bool:
    return (seen["open"], seen["waiting"], seen["in_service"]) == (0, 0, 0)


def _said_back(port: int, case: Case) -> bytes | None:
    """All that the server said; None if nobody waited for it, or it was reset. TimeoutError if it hangs."""
    with connect(port) as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in case.pieces:
                link.sendall(piece)
                time.sleep(0)
            if case.ending == "reset":
                reset(link)
                return None
            if case.ending == "close":
                return None
            link.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: link.recv(65536), b""))
        except OSError as error:
            if error.errno not in _RESET:
                raise
            return None
