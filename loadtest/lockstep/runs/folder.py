"""The run folder: what a run leaves behind, and the only thing a report is made of.

    <out>/<run id>/run.json            plan, hosts, server, cells
                   cells/<n>.json      a cell's histograms and its per-second series
                   connections.jsonl   sampled connections, the client's and the server's view joined
                   summary.csv         one row a cell, for spreadsheets
                   requests.csv        one row a cell and name, where messages have names
                   report.html, summary.md
                   junit.xml           where the plan has gates

Every file but connections.jsonl, which only grows, is written whole and then renamed into place, so that
a run that is cut off leaves the last complete version.
"""

from __future__ import annotations

import errno
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from lockstep.documents import parse_json, read_record, to_document
from lockstep.errors import PlanError, ResultsError
from lockstep.runs.connections import Connection
from lockstep.runs.kept import KeptPlan, KeptServer
from lockstep.runs.records import CLIENT_TIMES, PLAIN_TARGET, SCHEMA, SERVER_TIMES, CellDetail, Mode, Run
from lockstep.runs.summary_csv import requests_csv, summary_csv
from lockstep.stages import Stages

_PERMITS = {"free": None, "lock": 1, "semaphore": 1, "ticket": 1, "queue": 1, "iterative": 1}
_WITHOUT_THREADS = ("queue", "iterative")


def from_schema_3(document: dict[str, Any]) -> dict[str, Any]:
    """The document as schema 4 has it. What is damaged stays as it is, for whoever looks at every field."""
    cells = document.get("cells")
    if not isinstance(cells, list):
        return document
    names = [cell["mode"] for cell in cells if isinstance(cell, dict) and isinstance(cell.get("mode"), str)]
    return {
        **document,
        "cells": [_cell(cell) if isinstance(cell, dict) else cell for cell in cells],
        "modes": {name: asdict(mode_named(name)) for name in dict.fromkeys(names)},
        "schema": SCHEMA,
    }


def with_targets(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its one service, if that was no Lockstep server, among its targets, by its mode."""
    service = document.get("target")
    if not isinstance(service, dict):
        return document
    rest = {name: value for name, value in document.items() if name != "target"}
    if not service:
        return rest
    record = {
        "url": f"tcp://{service.get('address')}",
        **{name: service.get(name) for name in ("framing", "reply")},
    }
    return {**rest, "targets": {PLAIN_TARGET: record}}


def mode_named(name: str) -> Mode:
    """What a listener of the name `MODE[=N][/SCOPE]` did; of any other name nothing is known."""
    what, _, scope = name.partition("/")
    kind, _, count = what.partition("=")
    if kind not in _PERMITS:
        return Mode()
    permits = int(count) if count.isdecimal() else _PERMITS[kind]
    return Mode(permits, scope or "connection", kind not in _WITHOUT_THREADS)


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    moved = _with_times(cell, CLIENT_TIMES)
    server = cell.get("server")
    if isinstance(server, dict):
        by_message = mode_named(str(cell.get("mode"))).by_message
        holders = server.get("answered" if by_message else "accepted", 0)
        moved["server"] = {**_with_times(server, SERVER_TIMES), "holders": holders}
    return moved


def _with_times(record: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    fields = {f"{name}_us": name for name in names}
    times = {fields[field]: value for field, value in record.items() if field in fields and value is not None}
    return {**{field: value for field, value in record.items() if field not in fields}, "times": times}


RUN_FILE = "run.json"
SUMMARY_FILE = "summary.csv"
REQUESTS_FILE = "requests.csv"
CONNECTIONS_FILE = "connections.jsonl"
CELLS_FOLDER = "cells"
REPORT_FILE = "report.html"
MARKDOWN_FILE = "summary.md"
JUNIT_FILE = "junit.xml"

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run folder read back. details: cell index -> its bulky part, for the cells that have one."""

    run: Run
    connections: list[Connection]
    details: dict[int, CellDetail]
    path: Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run's folder. Every method raises ResultsError where the file system refuses."""

    path: Path

    @classmethod
    def create(cls, out: Path, run_id: str) -> RunFolder:
        """Make `<out>/<run_id>/cells`; a run never writes into the folder of another."""
        path = out / run_id
        try:
            path.mkdir(parents=True)
            (path / CELLS_FOLDER).mkdir()
        except OSError as error:
            raise ResultsError(
                f"cannot make the run folder {path}: {error.strerror}; choose another folder with --out"
            ) from error
        return cls(path)

    def save_run(self, run: Run) -> None:
        """Write run.json, and the tables that are made of it."""
        self.save_text(RUN_FILE, _dump(run, indent=1) + "\n")
        self.save_text(SUMMARY_FILE, summary_csv(run))
        if (by_name := requests_csv(run)) is not None:
            self.save_text(REQUESTS_FILE, by_name)

    def save_cell(self, detail: CellDetail) -> None:
        """Write cells/<index>.json."""
        self.save_text(f"{CELLS_FOLDER}/{detail.index}.json", _dump(detail) + "\n")

    def add_connections(self, connections: list[Connection]) -> None:
        """Append to connections.jsonl, one line each."""
        lines = "".join(_dump(connection) + "\n" for connection in connections)
        try:
            with (self.path / CONNECTIONS_FILE).open("a", encoding="utf-8") as file:
                file.write(lines)
        except OSError as error:
            raise _not_written(self.path / CONNECTIONS_FILE, error) from error

    def save_text(self, name: str, text: str) -> Path:
        """Write a whole file and rename it into place; its path is returned."""
        path = self.path / name
        draft = path.with_name(f".{path.name}.draft")
        try:
            # Whatever lies there, a link to another file too, is none of ours to write into.
            draft.unlink(missing_ok=True)
            with draft.open("x", encoding="utf-8", newline="") as file:
                file.write(text)
            draft.replace(path)
        except OSError as error:
            raise _not_written(path, error) from error
        return path

    @staticmethod
    def load_run(path: Path) -> Run:
        """Read run.json alone, as `load` does: what two runs are compared by, without their bulk."""
        file = path / RUN_FILE
        if not file.is_file():
            raise ResultsError(
                f"{path} is not a run folder: it has no {RUN_FILE}; name a folder such as results/<run id>"
            )
        document = _parse(_read(file), file)
        schema = document.get("schema", 3)
        if not isinstance(schema, int) or schema > SCHEMA:
            raise ResultsError(
                f"{file} has schema {schema}, this program knows up to {SCHEMA}; upgrade Lockstep"
            )
        if schema < SCHEMA:
            document = from_schema_3(document)
        run = _record(with_targets(document), Run, str(file))
        _check_what_is_kept(run, str(file))
        return run

    @staticmethod
    def load(path: Path) -> Loaded:
        """Read a run folder; ResultsError where it is none, is newer than this program, or is damaged."""
        run = RunFolder.load_run(path)
        connections, cut_off = _load_connections(path / CONNECTIONS_FILE)
        if cut_off:
            note = f"the last line of {CONNECTIONS_FILE} was cut off and is left out"
            run = replace(run, notes=[*run.notes, note])
        return Loaded(run, connections, _load_details(path / CELLS_FOLDER), path)


def _dump(record: Run | CellDetail | Connection, indent: int | None = None) -> str:
    """JSON of a record. NaN and infinity are no JSON and no measurement: ValueError."""
    return json.dumps(to_document(record), ensure_ascii=False, indent=indent, allow_nan=False)


def _load_details(folder: Path) -> dict[int, CellDetail]:
    files = sorted(folder.glob("[!.]*.json"))
    details = (_record(_parse(_read(file), file), CellDetail, str(file)) for file in files)
    return {detail.index: detail for detail in details}


def _load_connections(file: Path) -> tuple[list[Connection], bool]:
    """The connections, and whether the last line was cut off (it alone lacks its newline)."""
    if not file.is_file():
        return [], False
    *whole, rest = _read(file).split("\n")
    connections = [
        _record(_parse(line, f"{file}, line {number}"), Connection, f"{file}, line {number}")
        for number, line in enumerate(whole, start=1)
    ]
    return connections, rest != ""


def _read(file: Path) -> str:
    try:
        # A run that was cut off may have stopped inside a character.
        return file.read_bytes().decode("utf-8", errors="replace")
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


def _record(document: dict[str, Any], kind: type[_Record], where: str, within: str = "") -> _Record:
    try:
        return read_record(document, kind)
    except ValueError as error:
        raise _damaged(where, f"{within}{error}") from error


def _check_what_is_kept(run: Run, file: str) -> None:
    """ResultsError where something is damaged that is kept as it was given, and read where it is needed."""
    _record(run.plan, KeptPlan, file, "plan.")
    _record(run.server, KeptServer, file, "server.")
    for name, target in run.targets.items():
        _record(target.server, KeptServer, file, f"targets[{name!r}].server.")
    for index, cell in enumerate(run.cells):
        try:
            _ = cell.stages and Stages.parse(cell.stages)
        except PlanError as wrong:
            raise _damaged(file, f"cells[{index}].stages: {wrong}") from wrong


def _damaged(where: object, reason: str) -> ResultsError:
    return ResultsError(f"{where} is damaged: {reason}; restore the file or repeat the run")


_REMEDIES = {
    errno.ENOSPC: "free some space there, or choose another folder with --out",
    errno.EDQUOT: "free some of your quota there, or choose another folder with --out",
    errno.ENOENT: "its folder is gone: leave it where it is until the run is over",
    errno.EACCES: "check the owner and mode of its folder, or choose another folder with --out",
    errno.EROFS: "choose a folder that can be written with --out",
}


def _not_written(path: Path, error: OSError) -> ResultsError:
    remedy = _REMEDIES.get(error.errno or 0, "choose another folder with --out")
    return ResultsError(f"cannot write {path}: {error.strerror or error}; {remedy}")
