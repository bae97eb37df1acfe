"""Socket options are what the settings say, read back from the kernel; ports are had or refused plainly."""

from __future__ import annotations

import errno
import queue
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from lockstep_server.accepting import AcceptLoop, RefusedError
from lockstep_server.announce import Announcer
from lockstep_server.binding import bind, bind_error
from lockstep_server.flags import parse_settings
from lockstep_server.records import Cause
from lockstep_server.settings import Keepalive, SettingsError
from lockstep_server.socket_options import pack_timeval, tune_connection, turn_away

DEFAULTS = parse_settings([], {})

PATIENCE_S = 20


@pytest.fixture
def link() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        accepted, _ = server.accept()
        with peer, accepted:
            yield accepted


def test_nodelay_and_keepalive_are_set_with_their_values(link: socket.socket) -> None:
    tune_connection(link, replace(DEFAULTS, nodelay=True, keepalive=Keepalive(60, 5, 3)))
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3


def test_without_flags_the_system_decides(link: socket.socket) -> None:
    before = link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE)
    tune_connection(link, replace(DEFAULTS, idle_timeout_ns=0))
    assert not link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert not link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    tune_connection(link, replace(DEFAULTS, keepalive=Keepalive()))
    assert link.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert link.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == before


@pytest.mark.parametrize("option", [socket.SO_RCVTIMEO, socket.SO_SNDTIMEO])
@pytest.mark.parametrize(("timeout_ns", "kernels"), [(30_000_000_000, (30, 0)), (0, (0, 0))])
def test_the_idle_timeout_is_the_kernels(
    link: socket.socket, option: int, timeout_ns: int, kernels: tuple[int, int]
) -> None:
    tune_connection(link, replace(DEFAULTS, idle_timeout_ns=timeout_ns, message_timeout_ns=0))
    assert struct.unpack("@ll", link.getsockopt(socket.SOL_SOCKET, option, 16)) == kernels
    assert link.gettimeout() is None


def test_where_silence_has_no_bound_a_reply_still_has_that_of_a_message(link: socket.socket) -> None:
    tune_connection(link, replace(DEFAULTS, idle_timeout_ns=0, message_timeout_ns=60_000_000_000))
    assert struct.unpack("@ll", link.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16)) == (60, 0)
    assert struct.unpack("@ll", link.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16)) == (0, 0)


def test_a_tiny_timeout_is_not_rounded_down_to_none() -> None:
    assert struct.unpack("@ll", pack_timeval(1)) == (0, 1)
    assert struct.unpack("@ll", pack_timeval(1_500_000_000)) == (1, 500_000)


def test_a_listener_has_its_address_backlog_and_reuse() -> None:
    with bind("127.0.0.1", 0, 77, "--listen free:0") as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        assert struct.unpack_from("2I", info, 24)[1] == 77  # tcpi_sacked: of a listener, its backlog


def test_a_port_can_be_bound_again_while_old_connections_are_in_time_wait() -> None:
    with bind("127.0.0.1", 0, 1, "first") as sock:
        address = sock.getsockname()
        with socket.create_connection(address) as peer:
            sock.accept()[0].close()  # we close first, so TIME_WAIT is ours
            assert peer.recv(1) == b""
    with pytest.raises(OSError, match="in use"), socket.socket() as plain:
        plain.bind(address)
    bind("127.0.0.1", address[1], 1, "again").close()


def test_a_port_in_use_is_refused_with_the_flag_to_blame() -> None:
    with bind("127.0.0.1", 0, 1, "first") as sock:
        port = sock.getsockname()[1]
        with pytest.raises(SettingsError, match=f"^--listen free:{port}: port {port} on 127.0.0.1 is in use"):
            bind("127.0.0.1", port, 1, f"--listen free:{port}")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            OSError(errno.EACCES, "denied"),
            "--listen free:80: no permission for port 80; pick one from 1024 on",
        ),
        (OSError(errno.EADDRNOTAVAIL, "?"), "--bind 9.9.9.9 is not an address of this machine"),
        (UnicodeError("label empty or too long"), "--bind 9.9.9.9 is not an address of this machine"),
        (socket.gaierror(-2, "unknown"), "--bind 9.9.9.9 is not an address of this machine"),
        (OSError(errno.EINVAL, "odd"), "--listen free:80: cannot listen on 9.9.9.9 port 80 (odd); pick"),
    ],
)
def test_a_port_that_cannot_be_had_is_explained_in_one_line(error: OSError, line: str) -> None:
    told = str(bind_error(error, "9.9.9.9", 80, "--bind 9.9.9.9", "--listen free:80"))
    assert told.startswith(line)
    assert "\n" not in told


class Visitor:
    """A connection that was accepted, and why it was refused, if it was."""

    def __init__(self, link: socket.socket, _address: Any) -> None:
        self.link = link
        self.refusal: RefusedError | None = None

    def refuse(self, refusal: RefusedError) -> None:
        self.refusal = refusal
        turn_away(self.link)


class Door:
    """An accept loop on a port of its own, running; the visitors that it was to see to."""

    def __init__(self, sock: socket.socket, blocking: bool = True, room: int = 10**6) -> None:
        """room: how many are let in at most."""
        self.address = sock.getsockname()
        self.visitors: queue.SimpleQueue[Visitor] = queue.SimpleQueue()
        self._room = room
        self._loop = AcceptLoop(sock, "free", blocking, self._arrive, self._serve)
        self._thread = threading.Thread(target=self._loop.run, daemon=True)

    def __enter__(self) -> Door:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.stop()
        while not self._loop.is_over():
            time.sleep(0.001)
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def _arrive(self, link: socket.socket, address: Any) -> Visitor:
        visitor = Visitor(link, address)
        self.visitors.put(visitor)
        return visitor

    def _serve(self, _: Visitor) -> None:
        self._room -= 1
        if self._room < 0:
            raise RefusedError(Cause.FULL, "there is no room", "make room")


@pytest.mark.parametrize("blocking", [True, False])
def test_both_forms_of_accept_hand_on_every_connection_and_stop_when_told(blocking: bool) -> None:
    sock = bind("127.0.0.1", 0, 8, "test")
    with Door(sock, blocking) as door:
        assert sock.getblocking() is blocking
        peers = [socket.create_connection(door.address) for _ in range(3)]
        visitors = [door.visitors.get(timeout=PATIENCE_S) for _ in peers]
    assert sock.fileno() == -1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(door.address)
    for end in [*(visitor.link for visitor in visitors), *peers]:
        end.close()


def test_who_is_in_the_backlog_as_a_loop_stops_is_accepted_and_who_comes_later_is_not() -> None:
    sock = bind("127.0.0.1", 0, 8, "test")
    door = Door(sock)
    peers = [socket.create_connection(door.address) for _ in range(3)]
    door._loop.stop()
    with socket.socket() as late:
        late.setblocking(False)
        late.connect_ex(door.address)
        assert not door._loop.is_over()
        with door:
            visitors = [door.visitors.get(timeout=PATIENCE_S) for _ in peers]
        assert door.visitors.empty()
        assert [visitor.refusal for visitor in visitors] == [None] * 3
    for end in [*(visitor.link for visitor in visitors), *peers]:
        end.close()


def test_who_is_in_the_backlog_as_a_loop_is_abandoned_sees_an_end_and_no_reset() -> None:
    door = Door(bind("127.0.0.1", 0, 8, "test"))
    peers = [socket.create_connection(door.address) for _ in range(3)]
    for peer in peers:
        peer.sendall(b"unread")
    door._loop.abandon()
    for peer in peers:
        peer.settimeout(PATIENCE_S)
        assert peer.recv(1) == b""
        refusal = door.visitors.get(timeout=PATIENCE_S).refusal
        assert refusal is not None
        assert refusal.cause is Cause.DRAINED
        peer.close()


class Overloaded(socket.socket):
    """A listening socket whose first accepts fail for the lack of file descriptors."""

    failures = 3

    def accept(self) -> tuple[socket.socket, Any]:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


def test_accepts_that_fail_for_want_of_files_are_tried_again() -> None:
    sock = Overloaded()
    sock.bind(("127.0.0.1", 0))
    sock.listen()
    with Door(sock) as door, socket.create_connection(door.address):
        visitor = door.visitors.get(timeout=PATIENCE_S)
        visitor.link.close()
    assert visitor.refusal is None


def test_refusals_are_told_when_they_begin_and_how_many_they_were_when_they_are_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Door(bind("127.0.0.1", 0, 8, "test"), room=0) as door:
        for served in (False, False, True):
            door._room = int(served)
            with socket.create_connection(door.address) as peer:
                visitor = door.visitors.get(timeout=PATIENCE_S)
                if served:
                    visitor.link.close()
                peer.settimeout(PATIENCE_S)
                assert peer.recv(1) == b""
            assert (visitor.refusal is None) is served
    assert [record.getMessage() for record in caplog.records] == [
        "free: cannot accept (there is no room); make room or send fewer connections",
        "free: accepts again; 2 connections were refused",
    ]


def test_an_announcement_is_a_broadcast_that_says_who_is_there() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("", 0))
        ear.settimeout(PATIENCE_S)
        announcer = Announcer(
            {"listeners": [], "admin_port": 9100}, ("127.255.255.255", ear.getsockname()[1])
        )
        assert announcer.sock.getsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST)
        announcer.start()
        datagram, _ = ear.recvfrom(65536)
        announcer.stop()
    assert datagram == b'{"service": "lockstep", "listeners": [], "admin_port": 9100}'
