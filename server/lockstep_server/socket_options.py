"""Socket options, set where they take effect. Tests read each back with getsockopt."""

from __future__ import annotations

import struct
from array import array
from contextlib import suppress
from socket import (
    IPPROTO_TCP,
    MSG_DONTWAIT,
    SHUT_WR,
    SO_KEEPALIVE,
    SO_RCVTIMEO,
    SO_REUSEADDR,
    SO_SNDTIMEO,
    SOL_SOCKET,
    TCP_KEEPCNT,
    TCP_KEEPIDLE,
    TCP_KEEPINTVL,
    TCP_NODELAY,
    socket,
)

from lockstep_server.settings import Settings

_SO_ATTACH_FILTER = 26  # asm-generic/socket.h
_DROP_ALL = array("B", struct.pack("@HBBI", 0x06, 0, 0, 0))  # a struct sock_filter: BPF_RET | BPF_K, 0 bytes
_PIECE_BYTES = 65_536
_PIECES = 64
_TIMEVAL = struct.Struct("@ll")


def tune_listener(sock: socket) -> None:
    """Let the port be bound again while connections of an earlier server are in TIME_WAIT."""
    sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)


def keep_out(sock: socket) -> None:
    """Have the kernel drop whatever comes to a listening socket, so that nobody joins its backlog any more.

    Those in it have sockets of their own. Closing it would reset them; who tries to connect meanwhile hears
    nothing, and is refused when it is closed. OSError if the system does not have such filters.
    """
    program = struct.pack("@HP", 1, _DROP_ALL.buffer_info()[0])  # a struct sock_fprog, of one instruction
    sock.setsockopt(SOL_SOCKET, _SO_ATTACH_FILTER, program)


def turn_away(link: socket) -> None:
    """Close a connection so that its peer sees an end: with something left unread it would see a reset."""
    with suppress(OSError):  # there is no more, or nobody there
        link.shutdown(SHUT_WR)
        for _ in range(_PIECES):
            if not link.recv(_PIECE_BYTES, MSG_DONTWAIT):
                break
    link.close()


def tune_connection(link: socket, settings: Settings) -> None:
    """Make the socket blocking, with the kernel's timeouts: those cost nothing per message, where Python's
    own would add a poll before every receive and send."""
    link.setblocking(True)
    if settings.idle_timeout_ns:
        link.setsockopt(SOL_SOCKET, SO_RCVTIMEO, pack_timeval(settings.idle_timeout_ns))
    if to_send_ns := settings.idle_timeout_ns or settings.message_timeout_ns:
        link.setsockopt(SOL_SOCKET, SO_SNDTIMEO, pack_timeval(to_send_ns))
    if settings.nodelay:
        link.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    if settings.keepalive:
        link.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        probes = settings.keepalive
        for option, value in (
            (TCP_KEEPIDLE, probes.idle_s),
            (TCP_KEEPINTVL, probes.interval_s),
            (TCP_KEEPCNT, probes.count),
        ):
            if value is not None:
                link.setsockopt(IPPROTO_TCP, option, value)


def pack_timeval(duration_ns: int) -> bytes:
    """A struct timeval, rounded up to whole microseconds: 0 would mean no timeout at all."""
    return _TIMEVAL.pack(*divmod(-(-duration_ns // 1000), 1_000_000))
