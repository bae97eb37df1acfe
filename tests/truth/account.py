"""A random server's account of one connection."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class ConnectionLog:
    """One connection as its server knows it. Times are monotonic nanoseconds of this machine.

    requests: (index, when all of it was there). said: (just before, just after a send, its bytes).
    end: how the server left and just before which time; None where it only followed the client.
    peer_end: what the client's end looked like (`fin`, `reset`) and when, None where it was never seen.
    """

    accepted_ns: int
    received_bytes: int = 0
    requests: list[tuple[int, int]] = field(default_factory=list)
    said: list[tuple[int, int, bytes]] = field(default_factory=list)
    end: tuple[str, int] | None = None
    peer_end: tuple[str, int] | None = None
