"""A connection that is kept whole, as its client and the server saw it: a line of connections.jsonl."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClientView:
    """A sampled connection as its client saw it; monotonic nanoseconds of the client's host.

    user: whose it was, a name that no other user of the run has; None where nobody said. peer: the address
    it went to, `ip:port`; None in runs of earlier versions.
    """

    connect_start_ns: int
    connected_ns: int | None
    first_sent_ns: int | None
    first_reply_ns: int | None
    close_start_ns: int | None
    closed_ns: int | None
    outcome: str
    messages: int
    user: str | None = None
    peer: str | None = None


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The same connection as the server saw it; monotonic nanoseconds of the server's host."""

    arrival_ns: int
    admission_ns: int | None
    release_ns: int | None
    close_ns: int | None
    cause: str | None
    messages: int


@dataclass(frozen=True, slots=True)
class Connection:
    """Both views of one connection, joined on the client's address (`ip:port`)."""

    cell: int
    mode: str
    address: str
    client: ClientView | None = None
    server: ServerRecord | None = None
