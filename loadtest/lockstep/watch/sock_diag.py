"""What the kernel tells of TCP sockets, whosever they are: sock_diag(7), as `ss` asks. No privileges."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h and net/tcp_states.h.
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x1 | 0x100 | 0x200
_DONE, _ERROR = 3, 2
_TCP = 6
_ESTABLISHED, _LISTEN = 1 << 1, 1 << 10
_INFO = 2
_BYTECODE = 1
_DESTINATION_AT_LEAST, _DESTINATION_AT_MOST, _SOURCE_AT_LEAST, _SOURCE_AT_MOST = 4, 5, 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxI48s")
_ATTRIBUTE = struct.Struct("=HH")
# Of an inet_diag_msg: family, state, two more; then ports, in network order; and queues behind the id.
_PORTS = struct.Struct("!HH")
_QUEUES, _WORD = struct.Struct("=II"), struct.Struct("=I")
_MESSAGE = 72
# Of a tcp_info (linux/tcp.h): eight bytes, then words.
_UNACKED, _RTT, _TOTAL_RETRANS = (8 + 4 * word for word in (4, 15, 23))
# Of a server's connections so many are looked at: the kernel tells them in the order of a hash.
LOOKED_AT = 64
_ROOM = 32_768


@dataclass(frozen=True, slots=True)
class ListenQueue:
    """Connections that nobody has accepted yet, and how many there may be, of all sockets at a port."""

    length: int
    bound: int


@dataclass(frozen=True, slots=True)
class Connections:
    """Some of this machine's connections to a port; see runs/watched.py for the figures."""

    count: int
    rtt_us: float
    unacked: float
    retransmits: int


@dataclass(frozen=True, slots=True)
class Socket:
    """One socket as sock_diag tells it. queues: see inet_diag_msg; info: its tcp_info, perhaps empty."""

    source: int
    destination: int
    queues: tuple[int, int]
    info: bytes


def listen_queue(port: int) -> ListenQueue | None:
    """The queue of who listens there; None where nobody does, or the kernel does not tell."""
    found = _ask(_LISTEN, _between(_SOURCE_AT_LEAST, _SOURCE_AT_MOST, port))
    if not found:
        return None
    return ListenQueue(sum(each.queues[0] for each in found), sum(each.queues[1] for each in found))


def connections_to(port: int) -> Connections | None:
    """Of some connections from here to that port; None where there are none, or the kernel does not tell."""
    asked = _ask(_ESTABLISHED, _between(_DESTINATION_AT_LEAST, _DESTINATION_AT_MOST, port), LOOKED_AT)
    infos = [each.info for each in asked if len(each.info) >= _TOTAL_RETRANS + 4]
    if not infos:
        return None
    rtts, unacked, again = (
        [_WORD.unpack_from(info, at)[0] for info in infos] for at in (_RTT, _UNACKED, _TOTAL_RETRANS)
    )
    return Connections(len(infos), sorted(rtts)[len(rtts) // 2], sum(unacked) / len(infos), sum(again))


def _between(at_least: int, at_most: int, port: int) -> bytes:
    """A filter for the kernel to run: two comparisons, each of which goes on, or leaps beyond the end."""
    test, value = struct.Struct("=BBH"), struct.pack("=BBH", 0, 0, port)
    return test.pack(at_least, 8, 20) + value + test.pack(at_most, 8, 12) + value


def _ask(states: int, wanted: bytes, most: int | None = None) -> list[Socket]:
    """Sockets of both families in these states that pass the filter, the first of them where `most` says so.

    None at all where the kernel does not take the question, as in some sandboxes.
    """
    found: list[Socket] = []
    try:
        for family in (socket.AF_INET, socket.AF_INET6):
            found += _asked(family, states, wanted, most)
    except OSError:
        return []
    return found


def _asked(family: int, states: int, wanted: bytes, most: int | None) -> list[Socket]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asking:
        asking.settimeout(1.0)
        asking.send(request(family, states, wanted))
        found: list[Socket] = []
        while most is None or len(found) < most:
            told, more = parse(asking.recv(_ROOM))
            found += told
            if not more:
                break
        return found[:most]


def request(family: int, states: int, wanted: bytes) -> bytes:
    """The question: sockets of a family in these states that pass the filter, with their tcp_info."""
    body = _REQUEST.pack(family, _TCP, 1 << (_INFO - 1), states, b"")
    body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(wanted), _BYTECODE) + wanted
    head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
    return head + body


def parse(answer: bytes) -> tuple[list[Socket], bool]:
    """The sockets of one answer, and whether more may follow. OSError where the kernel refuses."""
    found: list[Socket] = []
    while len(answer) >= _HEADER.size:
        length, kind, *_ = _HEADER.unpack_from(answer)
        if kind == _DONE:
            return found, False
        if kind == _ERROR:
            (number,) = struct.unpack_from("=i", answer, _HEADER.size)
            raise OSError(-number, os.strerror(-number))
        found.append(_socket(answer[_HEADER.size : length]))
        answer = answer[_aligned(length) :]
    return found, True


def _socket(message: bytes) -> Socket:
    source, destination = _PORTS.unpack_from(message, 4)
    info = next((value for kind, value in _attributes(message[_MESSAGE:]) if kind == _INFO), b"")
    return Socket(source, destination, _QUEUES.unpack_from(message, 56), info)


def _attributes(rest: bytes) -> Iterator[tuple[int, bytes]]:
    while len(rest) >= _ATTRIBUTE.size:
        length, kind = _ATTRIBUTE.unpack_from(rest)
        yield kind, rest[_ATTRIBUTE.size : length]
        rest = rest[_aligned(length) :]


def _aligned(length: int) -> int:
    return (length + 3) & ~3
