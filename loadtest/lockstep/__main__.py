"""`lockstep compare | report | diff | ...`. Bad input is one line on stderr and exit 2."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` looks into the working folder first, where anything may lie: what we need is beside this package.
    sys.path[0] = __file__.rsplit("/", 2)[0]

import click

from lockstep.commands.clients import clients
from lockstep.commands.compare import compare
from lockstep.commands.dialogue import dialogue
from lockstep.commands.diff import diff
from lockstep.commands.history import history
from lockstep.commands.output import complain, write_what_can_be_written
from lockstep.commands.parser import PROGRAM, Program, completion, misused, version
from lockstep.commands.report import report
from lockstep.commands.run import run
from lockstep.errors import DONE, REFUSALS, WRONG_USE, in_words
from lockstep_wire.extras import remedy

app = Program(
    PROGRAM,
    commands=[compare, run, report, diff, history, dialogue, clients, completion],
    params=[version],
    help="Measures what synchronising costs a threaded TCP server.",
)


def main() -> None:
    """The entry point: every refusal is one line, whoever it comes from."""
    write_what_can_be_written()
    try:
        code = app.main(prog_name=PROGRAM, standalone_mode=False)
    except REFUSALS as refusal:
        complain(in_words(refusal))
        code = WRONG_USE
    except click.UsageError as misuse:
        complain(misused(misuse))
        code = WRONG_USE
    except ModuleNotFoundError as missing:
        words = remedy(missing)
        if words is None:
            raise
        complain(words)
        code = WRONG_USE
    sys.exit(code if isinstance(code, int) else DONE)


if __name__ == "__main__":
    main()
