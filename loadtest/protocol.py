"""What `wire` gives to the load side: the one place that imports it.

Locustfiles run in these processes, and may have a `wire` of their own beside them: both sides get theirs.
"""

from __future__ import annotations

from loadtest.ours import ours

with ours("wire"):
    from wire.addresses import address_text
    from wire.build import build_of
    from wire.errors import FrameTooLong, HeaderMissing, PeerError
    from wire.framing import FRAMINGS, Decoder, Framing, get_framing
    from wire.timing import Timing

__all__ = [
    "FRAMINGS",
    "Decoder",
    "FrameTooLong",
    "Framing",
    "HeaderMissing",
    "PeerError",
    "Timing",
    "address_text",
    "build_of",
    "get_framing",
]
