"""A dialogue's framing, from how its file says it."""

from __future__ import annotations

from lockstep.dialogue.model import FramingTable
from lockstep_wire.framing import Framing, framing_of


def framing_from(table: FramingTable) -> Framing:
    """The framing that a table says. ValueError in words where there is none such."""
    if table.name is not None:
        return framing_of(table.name)
    if table.delimiter is not None:
        from lockstep_wire.framings.delimited import delimited

        return delimited(table.delimiter.encode(), (table.start or "").encode())
    if table.length is not None:
        from lockstep_wire.framings.length import length

        return length(table.length, table.counts or "payload", table.offset or 0)
    return framing_of(f"fixed:{table.fixed}")
