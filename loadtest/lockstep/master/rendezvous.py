"""Who has come to a rendezvous, of which worker: when all of them begin at once. Has no clock."""

from __future__ import annotations

from collections.abc import Iterable

from lockstep.control import Met


class Rendezvous:
    """The rounds of one cell. workers: who has users in it. round: the one that is waited for, from 0."""

    def __init__(self, workers: Iterable[str]) -> None:
        self.round = 0
        self._workers = set(workers)
        self._whole: set[str] = set()
        self._begun = False

    def note(self, met: Met) -> bool:
        """A worker's users wait; whether these are the first of the round."""
        if met.round != self.round:
            return False
        if met.waiting >= met.users:
            self._whole.add(met.worker)
        first, self._begun = not self._begun, True
        return first

    @property
    def complete(self) -> bool:
        """Whether everybody is there."""
        return self._begun and self._workers <= self._whole

    def next_round(self) -> int:
        """This round begins; its number."""
        self.round, over = self.round + 1, self.round
        self._whole.clear()
        self._begun = False
        return over
