"""A cell's connection records as columns: a hundred thousand of them are looked at in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import numpy.typing as npt

from lockstep.runs.connections import ServerRecord

Nanoseconds = npt.NDArray[np.int64]

# Stands for None among plain numbers: later than any clock comes, so that whoever never left is still there.
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Sojourns:
    """One cell's connections in the order of their arrival; monotonic nanoseconds of the server's host.

    NEVER where it did not happen. messages: how many each was answered.
    """

    arrival_ns: Nanoseconds
    admission_ns: Nanoseconds
    release_ns: Nanoseconds
    close_ns: Nanoseconds
    messages: npt.NDArray[np.int64]

    @classmethod
    def of(cls, records: Sequence[ServerRecord]) -> Sojourns:
        """Of records in any order; of two that arrived at one moment the one admitted first comes first."""
        columns = cls(*(_column(records, name) for name in cls.__dataclass_fields__))
        return columns._at(np.lexsort((columns.admission_ns, columns.arrival_ns)))

    def __len__(self) -> int:
        return len(self.arrival_ns)

    @property
    def admitted(self) -> Sojourns:
        """Those that were admitted."""
        return self._at(np.flatnonzero(self.admission_ns != NEVER))

    @property
    def released(self) -> Sojourns:
        """Those that were admitted, and released since."""
        return self._at(np.flatnonzero((self.admission_ns != NEVER) & (self.release_ns != NEVER)))

    def since(self, moment_ns: int) -> Sojourns:
        """Those that arrived then or later."""
        return self._at(np.flatnonzero(self.arrival_ns >= moment_ns))

    def _at(self, places: npt.NDArray[np.intp]) -> Sojourns:
        return Sojourns(*(getattr(self, name)[places] for name in self.__dataclass_fields__))


def _column(records: Sequence[ServerRecord], name: str) -> Nanoseconds:
    values = (NEVER if value is None else value for value in map(attrgetter(name), records))
    return np.fromiter(values, dtype=np.int64, count=len(records))
