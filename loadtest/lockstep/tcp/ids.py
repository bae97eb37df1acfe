"""Where the id is that a message and its reply have in common."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from lockstep.errors import HarnessError

FRAMES_ONLY = "only a framing says where a message ends: set `framing` too"
NO_ID = (
    "by_id() finds no id in the message {payload!r:.40}: say send(..., reply=False) to one without a reply"
)
SAME_ID = "a message with the id {key!r:.40} has no reply yet: give each its own"
NOT_BY_ID = "with match = by_id(...) there is no {what}: call request(), in as many greenlets as you need"

IdOf = Callable[[bytes], Hashable]
"""The id in a payload; None where there is none."""


@dataclass(frozen=True, slots=True)
class ById:
    """Where the id is: in a message, and in its reply."""

    of_message: IdOf
    of_reply: IdOf


def by_id(of_reply: IdOf, of_message: IdOf | None = None) -> ById:
    """For `match=`: replies are told by an id that both sides carry.

    of_reply: takes a reply's payload and returns its id, anything that can be a key; None says that it is no
    reply, but a push. of_message: the same of a message, of_reply where it is None.
    """
    for function in (of_reply, of_message):
        if function is not None and not callable(function):
            raise HarnessError(f"by_id({function!r:.40}): give a function, as lambda payload: payload[:4]")
    return ById(of_reply if of_message is None else of_message, of_reply)
