"""A run as it grows, and the folder that keeps it: saved after every cell, closed once, its report made."""

from __future__ import annotations

import logging
import secrets
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gevent

from lockstep.analysis.checks import is_degraded
from lockstep.analysis.gates import GateResult, has_failed, judge_gates, unmet
from lockstep.children import Program, run
from lockstep.master.progress import ReportState
from lockstep.profiling.profiler import Taken
from lockstep.runs.folder import REPORT_FILE, RunFolder
from lockstep.runs.host import describe_host
from lockstep.runs.profiles import Profile
from lockstep.runs.records import Cell, MeasuredCell, Mode, Run, TargetRecord
from lockstep_wire.extras import DRAWING, lacking

logger = logging.getLogger(__name__)

# A report takes seconds; nobody's Stop may hang on it for ever.
REPORT_MAKING_S = 60.0


class RunRecord:
    """A run as it grows, kept in its folder: whatever saves raises ResultsError where it cannot.

    run: everything so far. folder: where it is kept. command_of: what repeats a run that came to this.
    report: whether there is one. unreported: why a run that is over has none; None where it has one, be it
    text alone.
    """

    def __init__(self, run: Run, folder: RunFolder, command_of: Callable[[Run], str]) -> None:
        self.run = run
        self.report = ReportState.NONE
        self.unreported: str | None = None
        self._folder = folder
        self._reporting: gevent.Greenlet[[], None] | None = None
        self._command_of = command_of
        self._save()
        logger.info("run %s: results go to %s", run.run_id, folder.path)

    @classmethod
    def begin(
        cls,
        out: Path,
        kind: str,
        plan: dict[str, Any],
        server: dict[str, Any],
        command_of: Callable[[Run], str],
        targets: dict[str, TargetRecord] | None = None,
        modes: dict[str, Mode] | None = None,
    ) -> RunRecord:
        """A new run with a folder of its own in `out`. server: its settings.

        targets: what else the load goes to. modes: what is known of each.
        """
        started = datetime.now(UTC)
        run_id = f"{started:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        run = Run(
            run_id=run_id,
            kind=kind,
            started=started.isoformat(timespec="seconds"),
            finished=None,
            interrupted=False,
            command="",
            plan=plan,
            server=server,
            hosts=[describe_host("master", "master")],
            targets=targets or {},
            modes=modes or {},
        )
        return cls(run, RunFolder.create(out, run_id), command_of)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self._folder.path

    @property
    def running(self) -> bool:
        """Whether it is not closed yet."""
        return self.run.finished is None

    @property
    def degraded(self) -> bool:
        """Whether figures may be missing or wrong."""
        return is_degraded(self.run)

    @property
    def unmet_gates(self) -> list[GateResult]:
        """The gates that the run, as far as it has come, does not meet."""
        return unmet(judge_gates(self.run))

    @property
    def failed(self) -> bool:
        """Whether it is not as it has to be."""
        return has_failed(self.run)

    def add_cell(self, measured: MeasuredCell) -> None:
        """Save a cell that is over; one in which others were beside its users is kept apart from the rest."""
        alone = measured.cell if measured.cell.beside is None else None
        self.run = replace(
            self.run,
            cells=self.run.cells if alone is None else [*self.run.cells, alone],
            beside=[*self.run.beside, *([measured.cell] if alone is None else [])],
            hosts=[self.run.hosts[0], *measured.hosts],
            notes=[*self.run.notes, *measured.notes],
        )
        self._folder.save_cell(measured.detail)
        self._folder.add_connections(measured.connections)
        self._save()

    def add_profile(self, cell: Cell, taken: Taken) -> None:
        """Save what a profiler saw in a cell; of the cell itself nothing is kept but how fast it was."""
        mode, trouble = cell.mode, f"{cell.mode} has no flame graph: its server {taken.trouble}"
        profiled = [*self.run.profiled, mode]
        self.run = replace(self.run, profiled=profiled)
        if taken.trouble:
            self.note(trouble)
        else:
            profile = Profile(mode, cell.level, taken.tool, taken.seconds, cell.messages_per_s, taken.stacks)
            self._folder.save_profile(len(profiled), profile)
        self._save()

    def note(self, words: str) -> None:
        """Something that a reader must know; saved with the next cell, or at the end."""
        self.run = replace(self.run, notes=[*self.run.notes, words])

    def close(self, *, interrupted: bool) -> None:
        """The run is over: save it, and begin to make its report."""
        self._end(interrupted=interrupted)
        self._save()
        self.report = ReportState.MAKING
        self.unreported = "its making was broken off"
        # Who waits for it may be stopped; it is made all the same.
        self._reporting = gevent.spawn(self._report)

    def await_report(self) -> None:
        """Until the report, if one is being made, is there or has failed."""
        if self._reporting is not None:
            self._reporting.join()

    def _report(self) -> None:
        try:
            self.unreported = _make_report(self.path)
        finally:
            self.report = self._report_state()
        if self.unreported is not None:
            logger.error("%s", self.unreported)

    def _report_state(self) -> ReportState:
        if self.unreported is not None:
            return ReportState.FAILED
        return ReportState.TEXT if lacking(DRAWING) else ReportState.READY

    def abandon(self, reason: str) -> None:
        """The run is over because it can no longer be saved: what was saved before is all there is of it."""
        self._end(interrupted=True)
        self.report, self.unreported = ReportState.FAILED, reason

    def _end(self, *, interrupted: bool) -> None:
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        self.run = replace(self.run, finished=finished, interrupted=interrupted)

    def _save(self) -> None:
        self.run = replace(self.run, command=self._command_of(self.run))
        self._folder.save_run(self.run)


def _make_report(path: Path) -> str | None:
    """In a process of its own: drawing charts for seconds would hold up the heartbeats here.

    Why it could not be made, in one line; None where it was.
    """
    try:
        done = run(Program.LOCKSTEP, ["report", str(path)], REPORT_MAKING_S)
    except subprocess.TimeoutExpired:
        words = f"it took more than {REPORT_MAKING_S:g} s"
    except OSError as error:
        words = f"no process could be started for it ({error.strerror or error})"
    else:
        made = (path / REPORT_FILE).is_file() or lacking(DRAWING) is not None
        if done.returncode == 0 and made:
            return None
        # A process that was killed, for want of memory say, leaves no word.
        *_, words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        words = words.removeprefix("lockstep: ")
    return f"the report could not be made: {words}. The run is saved: try lockstep report {path}"
