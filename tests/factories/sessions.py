"""Sessions over a joined pair of sockets, before they run."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, replace

from lockstep_server.event_loop import CoroutineSession
from lockstep_server.flags import parse_settings
from lockstep_server.ledger import Ledger, Totals
from lockstep_server.modes import LockAdmission
from lockstep_server.occupancy import Occupancy, Occupied
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_server.replies import get_constant_reply, get_reply
from lockstep_server.session import Service, Session
from lockstep_server.socket_options import tune_connection
from lockstep_server.work import no_work
from lockstep_wire.framing import framing_of

LIMIT = 64
IDLE_NS = 20_000_000
PATIENCE_S = 20

_SETTINGS = replace(parse_settings([], {}), idle_timeout_ns=IDLE_NS)


class Books:
    """A ledger and an occupancy for a service, and what they come to."""

    def __init__(self) -> None:
        self.ledger = Ledger(bound=10)
        self.occupancy = Occupancy()

    def totals(self) -> Totals:
        """Of the ledger."""
        return self.ledger.totals()

    def occupied(self) -> Occupied:
        """Of the occupancy."""
        return self.occupancy.snapshot()


def make_service(
    books: Books, framing: str = "raw", reply: str = "ack", timing: bool = False, **changes: object
) -> Service:
    """One that differs so from a raw, acknowledging lock, whose peers may be silent for 20 ms."""
    cut = framing_of(framing)
    service = Service(
        name="lock",
        admission=LockAdmission(),
        by_message=False,
        limited=True,
        pause_ns=0,
        framing=cut,
        max_frame=LIMIT,
        work=no_work,
        reply=get_reply(reply, cut, timing),
        constant_reply=get_constant_reply(reply, cut, timing),
        ledger=books.ledger,
        occupancy=books.occupancy,
        idle_timeout_ns=IDLE_NS,
    )
    return replace(service, **changes)  # type: ignore[arg-type]


@dataclass
class Stage:
    """A session that has not run yet, and the peer's end of its connection."""

    peer: socket.socket
    session: Session
    record: ConnectionRecord
    service: Service
    books: Books

    def play(self) -> Cause | None:
        """Run the session to its end and return what ended it."""
        if isinstance(self.session, CoroutineSession):
            asyncio.run(self._play_awaited())
        else:
            self.session.run()
        return self.record.cause

    async def _play_awaited(self) -> None:
        self.session.run()
        async with asyncio.timeout(PATIENCE_S):
            while self.session in self.service.sessions:
                await asyncio.sleep(0.001)


def make_stage(
    kind: type[Session], framing: str = "raw", reply: str = "ack", timing: bool = False, **changes: object
) -> Stage:
    """A session of that kind, of a service as make_service makes it. Whoever asks closes the peer's end."""
    link, peer = socket.socketpair()
    peer.settimeout(PATIENCE_S)
    tune_connection(link, _SETTINGS)
    books = Books()
    service = make_service(books, framing, reply, timing, **changes)
    record = books.ledger.arrive("peer:1", 1)
    return Stage(peer, kind(link, record, service), record, service, books)
