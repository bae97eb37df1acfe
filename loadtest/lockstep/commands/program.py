"""All commands as one program: every refusal is one line on stderr and exit 2, whoever it comes from."""

from __future__ import annotations

import click

from lockstep.commands.clients import clients
from lockstep.commands.compare import compare
from lockstep.commands.dialogue import dialogue
from lockstep.commands.diff import diff
from lockstep.commands.doctor import doctor
from lockstep.commands.find import find
from lockstep.commands.history import history
from lockstep.commands.output import write_what_can_be_written
from lockstep.commands.parser import PROGRAM, Program, completion, misused, version
from lockstep.commands.report import report
from lockstep.commands.run import run
from lockstep.commands.workflow import give_up
from lockstep.errors import DONE, REFUSALS, WRONG_USE, in_words
from lockstep_wire.extras import remedy

app = Program(
    PROGRAM,
    commands=[compare, find, run, report, diff, history, doctor, dialogue, clients, completion],
    params=[version],
    help="Load-tests raw TCP services, and measures what synchronising costs a threaded server.",
)


def run_program() -> int:
    """Run the command that the process was given; its exit code."""
    write_what_can_be_written()
    try:
        code = app.main(prog_name=PROGRAM, standalone_mode=False)
    except REFUSALS as refusal:
        give_up(in_words(refusal))
        return WRONG_USE
    except click.UsageError as misuse:
        give_up(misused(misuse))
        return WRONG_USE
    except ModuleNotFoundError as missing:
        words = remedy(missing)
        if words is None:
            raise
        give_up(words)
        return WRONG_USE
    return code if isinstance(code, int) else DONE
