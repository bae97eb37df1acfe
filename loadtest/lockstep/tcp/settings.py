"""What may be said of a connection besides whom it goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypedDict

from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.links import LinkMaker


class ConnectionSettings(TypedDict, total=False):
    """What else may be said of a connection: as Connection's own parameters."""

    timeout_s: float | None
    close_timeout_s: float | None
    link: LinkMaker
    source: str | None
    user: str | None
    patient: bool
    addresses: AddressBook
    sleep: Callable[[float], None]
