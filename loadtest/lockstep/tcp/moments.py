"""When a connection did what, as its client saw it."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.runs.connections import ClientView
from lockstep.tcp.samples import Outcome


@dataclass(slots=True)
class Moments:
    """When one connection did what: monotonic nanoseconds, None where it has not happened."""

    connect_start_ns: int
    connected_ns: int | None = None
    first_sent_ns: int | None = None
    first_reply_ns: int | None = None
    close_start_ns: int | None = None
    answered: int = 0
    peer: str | None = None

    def view(self, closed_ns: int, outcome: Outcome, user: str | None) -> ClientView:
        """The connection as the run folder keeps it."""
        return ClientView(
            connect_start_ns=self.connect_start_ns,
            connected_ns=self.connected_ns,
            first_sent_ns=self.first_sent_ns,
            first_reply_ns=self.first_reply_ns,
            close_start_ns=self.close_start_ns,
            closed_ns=closed_ns,
            outcome=outcome.value,
            messages=self.answered,
            user=user,
            peer=self.peer,
        )
