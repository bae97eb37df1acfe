"""Socket options, set where they take effect. Tests read each back with getsockopt."""

from __future__ import annotations

import struct
from socket import (
    IPPROTO_TCP,
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

_TIMEVAL = struct.Struct("@ll")


def tune_listener(sock: socket) -> None:
    """Let the port be bound again while connections of an earlier server are in TIME_WAIT."""
    sock.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)


def tune_connection(link: socket, settings: Settings) -> None:
    """Make the socket blocking, with the kernel's timeouts: those cost nothing per message, where Python's
    own would add a poll before every receive and send."""
    link.setblocking(True)
    if settings.idle_timeout_ns:
        timeout = pack_timeval(settings.idle_timeout_ns)
        link.setsockopt(SOL_SOCKET, SO_RCVTIMEO, timeout)
        link.setsockopt(SOL_SOCKET, SO_SNDTIMEO, timeout)
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
