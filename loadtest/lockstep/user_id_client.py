"""The client of a TcpUser whose replies carry the id of their message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lockstep.errors import HarnessError
from lockstep.tcp.by_id import IdClient
from lockstep.user_client import UserClient, ending_the_user


class UserIdClient(UserClient, IdClient):
    """A UserClient whose greenlets do not wait for each other."""

    _listen = ending_the_user(IdClient._listen)  # type: ignore[arg-type]

    if not TYPE_CHECKING:

        def request(self, payload, expect=None, **how):
            """See TcpClient.request."""
            try:
                return IdClient.request(self, payload, expect, **how)
            except HarnessError as error:
                raise self.ended_by(error) from error
