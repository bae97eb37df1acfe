"""A run folder's files, read back. It may come from anybody: nothing of it is taken for what it says it is.

Everything raises ResultsError, in one line, where a file cannot be read, is damaged, or is no file at all.
"""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from lockstep.documents import parse_json, read_record
from lockstep.errors import PlanError, ResultsError
from lockstep.runs.connections import Connection
from lockstep.runs.earlier import from_schema_3, with_targets
from lockstep.runs.histograms import decoded
from lockstep.runs.kept import KeptPlan, KeptServer
from lockstep.runs.profiles import MOST_FRAMES, MOST_STACKS, Profile
from lockstep.runs.records import SCHEMA, Cell, CellDetail, Run
from lockstep.stages import Stages

# Ours are a few megabytes at most: what is greater was not written by a run.
LARGEST_BYTES = 256 << 20

_Record = TypeVar("_Record")


def read_run(file: Path) -> Run:
    """What run.json says."""
    document = _parse(_text(file), file)
    schema = document.get("schema", 3)
    if not isinstance(schema, int) or schema > SCHEMA:
        raise ResultsError(f"{file} has schema {schema}, this program knows up to {SCHEMA}; upgrade Lockstep")
    if schema < SCHEMA:
        document = from_schema_3(document)
    run = _record(with_targets(document), Run, file)
    # What is kept as it was given is read where it is needed.
    _record(run.plan, KeptPlan, file, "plan.")
    _record(run.server, KeptServer, file, "server.")
    for name, target in run.targets.items():
        _record(target.server, KeptServer, file, f"targets[{name!r}].server.")
    for reason in _of_no_cell(run.measured):
        raise _damaged(file, reason)
    return run


def read_details(folder: Path) -> dict[int, CellDetail]:
    """Cell index -> its bulky part, for the cells that have one."""
    details = {}
    for file in sorted(folder.glob("[!.]*.json")):
        detail = _record(_parse(_text(file), file), CellDetail, file)
        for name, histogram in (*detail.histograms.items(), *detail.requests.items()):
            try:
                decoded(histogram)
            except ValueError as error:
                raise _damaged(file, f"the histogram of {name}: {error}") from error
        details[detail.index] = detail
    return details


def read_profiles(folder: Path) -> list[Profile]:
    """What profilers saw, in the order in which they looked; nothing where none did."""
    files = sorted(folder.glob("[!.]*.json"), key=lambda file: (len(file.name), file.name))
    profiles = []
    for file in files:
        profile = _record(_parse(_text(file), file), Profile, file)
        if len(profile.stacks) > MOST_STACKS:
            raise _damaged(file, f"no run leaves so many stacks ({len(profile.stacks):,})")
        for stack in profile.stacks:
            if stack.samples < 1 or not 1 <= len(stack.frames) <= MOST_FRAMES:
                raise _damaged(
                    file, f"a stack has {len(stack.frames):,} frames and was seen {stack.samples} times"
                )
        profiles.append(profile)
    return profiles


def read_connections(file: Path) -> tuple[list[Connection], bool]:
    """The connections, none where there is no file, and whether the last line was cut off: it alone lacks
    its newline."""
    if not file.exists():
        return [], False
    *whole, rest = _text(file).split("\n")
    lines = ((line, f"{file}, line {number}") for number, line in enumerate(whole, start=1))
    return [_record(_parse(line, where), Connection, where) for line, where in lines], rest != ""


def _text(file: Path) -> str:
    try:
        found = file.stat()
        if not stat.S_ISREG(found.st_mode):
            raise _damaged(file, "it is no regular file")
        if found.st_size > LARGEST_BYTES:
            raise _damaged(file, f"no run leaves so large a file ({found.st_size:,} bytes)")
        with file.open("rb") as opened:
            # A run that was cut off may have stopped inside a character.
            return opened.read(LARGEST_BYTES).decode("utf-8", errors="replace")
    except OSError as error:
        raise ResultsError(f"cannot read {file}: {error.strerror}; check its owner and mode") from error


def _parse(text: str, where: object) -> dict[str, Any]:
    try:
        document = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(where, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(where, f"expected an object, found {type(document).__name__}")
    return document


def _record(document: dict[str, Any], kind: type[_Record], where: object, within: str = "") -> _Record:
    try:
        return read_record(document, kind)
    except ValueError as error:
        raise _damaged(where, f"{within}{error}") from error


def _of_no_cell(cells: list[Cell]) -> Iterator[str]:
    """What no cell of any run can be, in words."""
    for index, count in Counter(cell.index for cell in cells).items():
        if count > 1:
            yield f"cell {index} is there {count} times"
    for cell in cells:
        for name, value, least in (
            ("index", cell.index, 0),
            ("level", cell.level, 0),
            ("repeat", cell.repeat, 0),
            ("depth", cell.depth, 1),
            ("seconds", cell.seconds, 0),
        ):
            if value < least:
                yield f"the {name} of cell {cell.index} is {value}"
        try:
            _ = cell.stages and Stages.parse(cell.stages)
        except PlanError as wrong:
            yield f"the stages of cell {cell.index}: {wrong}"


def _damaged(where: object, reason: str) -> ResultsError:
    return ResultsError(f"{where} is damaged: {reason}; restore the file or repeat the run")
