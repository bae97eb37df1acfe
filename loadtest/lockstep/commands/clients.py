"""`lockstep clients`: a few clients and one server, narrated."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console


def clients(
    count: Annotated[int, typer.Option(help="How many clients.")] = 3,
    mode: Annotated[
        str, typer.Option(help="The server's mode, for example free, lock, semaphore=2.")
    ] = "lock",
    client_mode: Annotated[
        str, typer.Option(help="free, or locked: the clients hold one lock among them.")
    ] = "free",
    pause: Annotated[str, typer.Option(help="How long a permit is kept after its connection closed.")] = "1s",
) -> None:
    """Show a few clients and one server at work: who connects, speaks, is answered and leaves, and when."""
    from lockstep.commands.demonstration import demonstrate

    demonstrate(count, mode, client_mode, pause, Console(highlight=False))
