"""Which row of a table an iteration takes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice

from lockstep.dialogue.script import Table

Row = Mapping[str, bytes]


class RowsUsedUpError(Exception):
    """A table whose rows are taken once each has none left; the message says so in one line."""


class Deal:
    """Hands out the rows of one cell's tables, one of each to every iteration.

    share, shares: of the rows in turn this process has each shares-th, from the share-th on, from 0: no two
    processes take the same one. seed: of rows at random.
    """

    def __init__(self, tables: Sequence[Table], share: int, shares: int, seed: int) -> None:
        self._rows = [(table, _rows_of(table, share, shares, seed)) for table in tables]

    def next(self) -> dict[str, bytes]:
        """The columns of one row of each table. RowsUsedUpError where one has none left."""
        values: dict[str, bytes] = {}
        for table, rows in self._rows:
            row = next(rows, None)
            if row is None:
                raise RowsUsedUpError(
                    f'{table.file}: all {len(table.rows):,} rows are used (order = "once"): give more rows, '
                    'a shorter run, or order = "cycle"'
                )
            values.update(row)
        return values


def _rows_of(table: Table, share: int, shares: int, seed: int) -> Iterator[Row]:
    return _ORDERS[table.order](table.rows, share, shares, seed)


def _in_turn(rows: Sequence[Row], share: int, shares: int, _: int) -> Iterator[Row]:
    return islice(cycle(rows), share, None, shares)


def _once(rows: Sequence[Row], share: int, shares: int, _: int) -> Iterator[Row]:
    return islice(rows, share, None, shares)


def _at_random(rows: Sequence[Row], share: int, _: int, seed: int) -> Iterator[Row]:
    rng = random.Random(f"{seed}/{share}")
    while True:
        yield rng.choice(rows)


_ORDERS: Mapping[str, Callable[[Sequence[Row], int, int, int], Iterator[Row]]] = {
    "cycle": _in_turn,
    "once": _once,
    "random": _at_random,
}
