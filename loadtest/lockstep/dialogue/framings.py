"""A dialogue's framing, from how its file says it."""

from __future__ import annotations

from lockstep.dialogue.model import FramingTable
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import FRAMINGS, Framing, get_framing

# What tables mean the framings that have names.
_NAMED = {("delimiter", "\n"): "line", ("length", ">I"): "length"}


def framing_from(table: FramingTable) -> Framing:
    """The framing that a table says. ValueError in words where there is none such."""
    if table.name is not None:
        if table.name not in FRAMINGS:
            raise ValueError(f"framing = {table.name!r} is unknown: {did_you_mean(table.name, FRAMINGS)}")
        return get_framing(table.name)
    return get_framing(_NAMED["delimiter", table.delimiter or ""])
