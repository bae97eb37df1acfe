"""How long a user waits before it tries a peer again that did not take it.

At a closed port a connect fails in a tenth of a millisecond: users that tried again at once would be a flood
that measures nothing. After the first failure 5 to 10 ms, then twice as long after each, up to half a second
to a second: where a whole crowd was turned away together, chance keeps it from coming back together. A peer
that took a connection and let it end in peace, or answered on it, is tried again at once.
"""

from __future__ import annotations

import logging
from functools import lru_cache

from lockstep.tcp.samples import Outcome

logger = logging.getLogger(__name__)

FIRST_NS = 10_000_000
LONGEST_NS = 1_000_000_000
# Doubling this often leads from the first to beyond the longest.
_MOST_DOUBLINGS = (LONGEST_NS // FIRST_NS).bit_length()

# How a connection ends that its peer broke off.
_BROKEN_OFF = frozenset({Outcome.RESET, Outcome.SHORT})


class BackOff:
    """Of one user towards one peer. Decides, and neither waits nor reads a clock; times are monotonic ns."""

    __slots__ = ("_failures", "_until_ns")

    def __init__(self) -> None:
        self._failures = 0
        self._until_ns = 0

    @property
    def longest(self) -> bool:
        """Whether it does not grow any more."""
        return self._failures > _MOST_DOUBLINGS

    def left_ns(self, now_ns: int) -> int:
        """How long to wait still before the next try."""
        return max(self._until_ns - now_ns, 0) if self._failures else 0

    def failed(self, now_ns: int, chance: float) -> None:
        """A try has failed. chance: drawn from [0, 1)."""
        most_ns = min(FIRST_NS << min(self._failures, _MOST_DOUBLINGS), LONGEST_NS)
        self._failures += 1
        self._until_ns = now_ns + most_ns // 2 + int(chance * (most_ns // 2))

    def ended(self, outcome: Outcome, answered: int, now_ns: int, chance: float) -> None:
        """A connection is over. answered: how many of its messages were.

        One that was broken off before it was any use has failed, as if it had been refused.
        """
        if outcome in _BROKEN_OFF and not answered:
            self.failed(now_ns, chance)
        elif outcome is not Outcome.ABORTED:
            self._failures = 0


@lru_cache(maxsize=64)
def tell_once(target: str, why: str) -> None:
    """Say in the log, once for each target of a process, that users wait before they try it again."""
    logger.warning(
        "%s: %s; users wait longer after each failure, up to %g s, before they try again",
        target,
        why,
        LONGEST_NS / 1e9,
    )
