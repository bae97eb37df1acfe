"""A dialogue's framing, from how its file says it."""

from __future__ import annotations

import re

from lockstep.dialogue.model import FramingTable
from lockstep_wire.framing import Framing, framing_of


def framing_from(table: FramingTable) -> Framing:
    """The framing that a table says. ValueError in words where there is none such."""
    from lockstep_wire.framings.delimited import delimited
    from lockstep_wire.framings.length import length
    from lockstep_wire.framings.sizes import fixed
    from lockstep_wire.framings.until import until

    if table.delimiter is not None:
        return delimited(table.delimiter.encode(), (table.start or "").encode())
    if table.length is not None:
        return length(table.length, table.counts or "payload", table.offset or 0, table.adds or 0)
    if table.fixed is not None:
        return fixed(table.fixed)
    if table.until is not None:
        return until(re.compile(table.until.encode()))
    return framing_of(table.name or "raw")
