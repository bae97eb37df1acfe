"""`lockstep history`: the runs of a folder over time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from lockstep.commands.output import stdout_console
from lockstep.commands.parser import command, option, path, switch
from lockstep.errors import DONE, FAILED, PlanError, ResultsError
from lockstep.settings import Setting

if TYPE_CHECKING:
    from lockstep.runs.records import Run

PAGE = "history.html"


OUT = Setting("out", Path, None, "The file to write the page to", usual=f"FOLDER/{PAGE}")


FAIL_ON = Setting(
    "fail-on", str, None, "Exit code 1 where a figure is worse since its last change", choices=("worse",)
)


@command(
    path("folder", default="results"),
    option(OUT, "--open-out"),  # what it was called at first
    switch("changes", "Tell from which runs on figures changed for good."),
    option(FAIL_ON),
)
def history(folder: Path, out: Path | None, changes: bool, fail_on: str | None) -> int:
    """List a folder's runs with verdicts, and draw them over time.

    Drawn are throughput and response p99. FOLDER holds run folders. [default: results]
    """
    from lockstep.analysis.changes import changes as changes_of
    from lockstep.analysis.history import make_history
    from lockstep.report.changes import print_changes
    from lockstep.report.history import print_history, render_history
    from lockstep.runs.folder import RunFolder

    page = out or folder / PAGE
    if out is not None and not page.parent.is_dir():
        raise PlanError("out", f"{page}: there is no folder {page.parent}; make it, or choose another")
    if page.is_dir():
        raise PlanError("out", f"{page} is a folder: name a file, such as {page / PAGE}")
    runs, left_out = read_runs(folder)
    found = make_history(runs)
    text = render_history(found, _links(folder, page), left_out)
    written = RunFolder(page.parent).save_text(page.name, text)
    console = stdout_console()
    print_history(found, left_out, console)
    points = changes_of(found) if changes or fail_on else []
    if changes or fail_on:
        print_changes(points, console)
    console.print(f"History: {written}", soft_wrap=True)
    return FAILED if fail_on and any(each.worse and each.last for each in points) else DONE


def read_runs(folder: Path) -> tuple[list[tuple[str, Run]], list[str]]:
    """(name, run) of every run folder in it, and one line for each folder that is none or is damaged.

    ResultsError where the folder cannot be read, or holds no run.
    """
    from lockstep.analysis.gates import judge_gates
    from lockstep.runs.folder import RUN_FILE, RunFolder

    try:
        inside = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    except OSError as error:
        raise ResultsError(
            f"cannot read {folder}: {error.strerror}; name a folder that holds runs"
        ) from error
    if (folder / RUN_FILE).exists():
        raise ResultsError(f"{folder} is a run itself: name the folder that holds it, {folder.parent}")
    runs, left_out = [], []
    for each in inside:
        try:
            run = RunFolder.load_run(each)
            # Here already: gates that this version cannot read leave out a run, not all of them.
            judge_gates(run)
        except (ResultsError, PlanError) as reason:
            left_out.append(str(reason) if isinstance(reason, ResultsError) else f"{each}: {reason}")
        else:
            runs.append((each.name, run))
    if not runs:
        raise ResultsError(f"{folder} holds no run: name another folder, or make one with lockstep compare")
    return runs, left_out


def _links(folder: Path, page: Path) -> dict[str, str]:
    """Folder -> its report, as seen from the page; those that have one."""
    from lockstep.runs.folder import REPORT_FILE

    return {
        # `./` keeps a name with a colon from being read as a scheme.
        file.parent.name: "./" + quote(Path(os.path.relpath(file, page.parent)).as_posix())
        for file in folder.glob(f"*/{REPORT_FILE}")
    }
