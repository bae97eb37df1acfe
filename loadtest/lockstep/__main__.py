"""`lockstep compare | report | diff | history | clients`. Bad input is one line on stderr and exit 2."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` looks into the working folder first, where anything may lie: what we need is beside this package.
    sys.path[0] = __file__.rsplit("/", 2)[0]

import typer

from lockstep.commands.clients import clients
from lockstep.commands.compare import compare
from lockstep.commands.diff import diff
from lockstep.commands.help import PlainCommand, PlainGroup
from lockstep.commands.history import history
from lockstep.commands.output import complain, write_what_can_be_written
from lockstep.commands.report import report
from lockstep.exit_codes import DONE, INTERRUPTED, WRONG_USE
from lockstep.refusals import REFUSALS, in_words
from lockstep_wire.extras import remedy

COMMANDS = (compare, report, diff, history, clients)

app = typer.Typer(
    cls=PlainGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Measures what synchronising costs a threaded TCP server.",
)
for command in COMMANDS:
    app.command(cls=PlainCommand)(command)

# The common ancestor of Typer's complaints about a command line.
UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main() -> None:
    """The entry point: every refusal is one line, whoever it comes from."""
    write_what_can_be_written()
    try:
        code = app(standalone_mode=False)
    except REFUSALS as refusal:
        complain(in_words(refusal))
        code = WRONG_USE
    except UsageError as misuse:
        complain(_misused(misuse.format_message()))  # type: ignore[attr-defined]
        code = WRONG_USE
    except ModuleNotFoundError as missing:
        words = remedy(missing)
        if words is None:
            raise
        complain(words)
        code = WRONG_USE
    except KeyboardInterrupt:
        complain("stopped by Ctrl-C")
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else DONE)


def _misused(reason: str) -> str:
    """Typer's words about a command line; none where it has shown the help instead."""
    if not reason:
        return f"name a command: {', '.join(command.__name__ for command in COMMANDS)}"
    return f"{reason.rstrip('.')}. Try --help."


if __name__ == "__main__":
    main()
