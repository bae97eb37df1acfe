"""`lockstep clients`: a few clients and one server, step by step."""

from __future__ import annotations

from rich.console import Console

from lockstep.commands.parser import command, option
from lockstep.settings import Setting
from lockstep.traffic import CLIENT_MODES
from lockstep_wire.listeners import USUAL_LISTENERS


@command(
    option(Setting("count", int, 3, "How many clients")),
    option(Setting("mode", str, "lock", "The server's mode", offered=tuple(USUAL_LISTENERS))),
    option(
        Setting("client-mode", str, "free", "free, or locked: one client at a time", choices=CLIENT_MODES)
    ),
    option(Setting("pause", str, "1s", "How long a permit is kept after its connection closed")),
)
def clients(count: int, mode: str, client_mode: str, pause: str) -> None:
    """Show a few clients and one server at work, step by step.

    Who connects, speaks, is answered and leaves, and when.
    """
    # Half a second's worth of imports, which the other commands need not wait for.
    from lockstep.commands.demonstration import demonstrate

    demonstrate(count, mode, client_mode, pause, Console(highlight=False))
