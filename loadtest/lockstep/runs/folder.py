"""The run folder: what a run leaves behind, and the only thing a report is made of.

    <out>/<run id>/run.json            plan, hosts, server, cells
                   cells/<n>.json      a cell's histograms and its per-second series
                   profiles/<n>.json   a series' stacks, where a profiler looked into its server
                   connections.jsonl   sampled connections, the client's and the server's view joined
                   summary.csv         one row a cell, for spreadsheets
                   requests.csv        one row a cell and name, where messages have names
                   report.html, summary.md, flames-<n>.svg
                   junit.xml           where the plan has gates

Every file but connections.jsonl, which only grows, is written whole and then renamed into place, so that
a run that is cut off leaves the last complete version.
"""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from lockstep.documents import to_document
from lockstep.errors import ResultsError
from lockstep.runs.connections import Connection
from lockstep.runs.profiles import Profile
from lockstep.runs.reading import read_connections, read_details, read_profiles, read_run
from lockstep.runs.records import CellDetail, Run
from lockstep.runs.summary_csv import requests_csv, summary_csv

RUN_FILE = "run.json"
SUMMARY_FILE = "summary.csv"
REQUESTS_FILE = "requests.csv"
CONNECTIONS_FILE = "connections.jsonl"
CELLS_FOLDER = "cells"
PROFILES_FOLDER = "profiles"
REPORT_FILE = "report.html"
MARKDOWN_FILE = "summary.md"
JUNIT_FILE = "junit.xml"

_Record = TypeVar("_Record")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A run folder read back. details: cell index -> its bulky part, for the cells that have one.

    profiles: of the series that have one.
    """

    run: Run
    connections: list[Connection]
    details: dict[int, CellDetail]
    path: Path
    profiles: list[Profile] = field(default_factory=list)


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

    def save_profile(self, number: int, profile: Profile) -> None:
        """Write profiles/<number>.json."""
        try:
            (self.path / PROFILES_FOLDER).mkdir(exist_ok=True)
        except OSError as error:
            raise _not_written(self.path / PROFILES_FOLDER, error) from error
        self.save_text(f"{PROFILES_FOLDER}/{number}.json", _dump(profile) + "\n")

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
        if not file.exists():
            raise ResultsError(
                f"{path} is not a run folder: it has no {RUN_FILE}; name a folder such as results/<run id>"
            )
        return read_run(file)

    @staticmethod
    def load(path: Path) -> Loaded:
        """Read a run folder; ResultsError where it is none, is newer than this program, or is damaged."""
        run = RunFolder.load_run(path)
        connections, cut_off = read_connections(path / CONNECTIONS_FILE)
        if cut_off:
            note = f"the last line of {CONNECTIONS_FILE} was cut off and is left out"
            run = replace(run, notes=[*run.notes, note])
        return Loaded(
            run, connections, read_details(path / CELLS_FOLDER), path, read_profiles(path / PROFILES_FOLDER)
        )


def _dump(record: Run | CellDetail | Connection | Profile, indent: int | None = None) -> str:
    """JSON of a record. NaN and infinity are no JSON and no measurement: ValueError."""
    return json.dumps(to_document(record), ensure_ascii=False, indent=indent, allow_nan=False)


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
