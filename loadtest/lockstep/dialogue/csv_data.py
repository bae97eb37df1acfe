"""Tables for a dialogue, from CSV files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

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
