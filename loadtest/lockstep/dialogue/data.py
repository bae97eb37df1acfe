"""Rows of data from CSV files: read, and dealt to users in turn, at random or once."""

from __future__ import annotations

import csv
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle, islice
from pathlib import Path

from lockstep.dialogue.script import Table

_COLUMN = re.compile(r"\w+")


def read_rows(file: Path, table: str) -> tuple[dict[str, bytes], ...]:
    """Its rows, each by `table.column`. OSError, or ValueError in words with the line and the remedy."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, strict=True)
            columns = next(reader, [])
            _check_columns(columns, file)
            rows = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(columns):
                    raise ValueError(
                        f"{file}:{reader.line_num}: has {len(cells)} values for {len(columns)} columns: give "
                        "each row as many, and quote a value that has a comma in it"
                    )
                rows.append(
                    {f"{table}.{name}": cell.encode() for name, cell in zip(columns, cells, strict=True)}
                )
    except UnicodeDecodeError:
        raise ValueError(f"{file}: is not text in UTF-8: save it so") from None
    except csv.Error as error:
        raise ValueError(f"{file}:{reader.line_num}: is not valid CSV: {error}") from None
    if not rows:
        raise ValueError(f"{file}: has no row: write one below the columns' names")
    return tuple(rows)


def _check_columns(columns: list[str], file: Path) -> None:
    if not columns:
        raise ValueError(f"{file}: is empty: name the columns in its first line, and write rows below")
    for name in columns:
        if not _COLUMN.fullmatch(name):
            raise ValueError(
                f"{file}:1: {name!r} is no column's name: write letters, digits and _ only in the first line"
            )
        if columns.count(name) > 1:
            raise ValueError(f"{file}:1: there are two columns {name!r}: name one of them otherwise")


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
