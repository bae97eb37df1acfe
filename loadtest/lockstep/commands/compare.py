"""`lockstep compare`: the same load against every mode, set side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.core import ParameterSource

from lockstep.commands.flags import flags, source_of
from lockstep.commands.measuring import measure_here
from lockstep.commands.parser import command, path, switch
from lockstep.errors import PlanError
from lockstep.settings import Where


@command(
    path("file", required=False),
    *flags(Where.COMPARE),
    switch("rehearse", "Two repeats only, to say how many a difference of 5% would take."),
)
def compare(file: Path | None, rehearse: bool, **given: Any) -> int:
    """Run the same load against every mode or target, set side by side.

    FILE says what users do, instead of a shipped scenario: a dialogue (.toml), or classes of TcpUser (.py).
    A host that it names is the target, unless --target, --run, --host, --admin or --modes says otherwise.
    """
    if rehearse:
        if source_of("repeats") is ParameterSource.COMMANDLINE or given["until"]:
            raise PlanError("rehearse", "takes two repeats: leave out --repeats and --until")
        given["repeats"] = 2
    return measure_here(file, given)
