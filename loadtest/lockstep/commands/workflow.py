"""What a command says to a workflow of GitHub's, where it is a step of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from lockstep.commands.output import complain
from lockstep.errors import ResultsError

if TYPE_CHECKING:
    from lockstep.report.material import Material


def tell_workflow(material: Material) -> None:
    """Where this is a step of a GitHub workflow: annotations on stdout, and the summary in the job's.

    ResultsError where the summary cannot be written.
    """
    if not in_a_workflow():
        return
    from lockstep.report.markdown import summary_md
    from lockstep.report.workflow import remarks

    for line in remarks(material):
        print(line)
    if file := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            with Path(file).open("a", encoding="utf-8", newline="") as summary:
                summary.write(f"{summary_md(material)}\n")
        except OSError as error:
            raise ResultsError(f"cannot write GITHUB_STEP_SUMMARY {file}: {error.strerror}") from error


def in_a_workflow() -> bool:
    """Whether GitHub runs this, as its runners say."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def give_up(line: str) -> None:
    """The same of what ends the command; a workflow shows it beside the job."""
    if in_a_workflow():
        from lockstep.report.workflow import refused

        print(refused(line), flush=True)
    complain(line)
