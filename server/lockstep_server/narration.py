"""Telling the messages, for people who watch the server at debug level."""

from __future__ import annotations

import codecs
import logging

from lockstep_server.exchange import Exchange

log = logging.getLogger("lockstep.server")

_SHOWN = 80


def narrated(exchange: Exchange, who: str) -> Exchange:
    """The same exchange, and a line in the log for every message.

    Text is decoded piece by piece: a character that a segment boundary cut appears with its second half.
    """
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def tell(payload: bytes) -> None:
        text = decode(payload)
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
        log.debug("%s says %r (%d bytes)", who, shown, len(payload))
        exchange(payload)

    return tell
