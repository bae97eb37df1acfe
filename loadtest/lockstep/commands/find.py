"""`lockstep find`: the greatest load at which a promise holds, for every mode or target."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lockstep.commands.flags import flags
from lockstep.commands.measuring import measure_here
from lockstep.commands.parser import command, path
from lockstep.errors import PlanError
from lockstep.settings import Where, given_by

# What a search leaves out, as a command line without it has it.
_LEFT_OUT = {setting.key: setting.default for setting in given_by(Where.COMPARE)} | {"gate": ()}


@command(path("file", required=False), *flags(Where.FIND))
def find(file: Path | None, **given: Any) -> int:
    """Find the greatest number of connections, or the greatest rate, at which a promise holds.

    FILE says what users do, instead of a shipped scenario: a dialogue (.toml), or classes of TcpUser (.py).
    """
    if not any(given["keep"]):
        raise PlanError("keep", 'is missing: say what has to hold, for example --keep "response_p99 < 50ms"')
    return measure_here(file, {**_LEFT_OUT, **given, "keep": "; ".join(given["keep"])})
