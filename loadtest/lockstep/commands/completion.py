"""`lockstep completion`: what a shell needs to complete commands, flags and choices with TAB."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from lockstep.commands.parser import PROGRAM, command

SHELLS = ("bash", "zsh", "fish")


@command(click.Argument(["shell"], type=click.Choice(SHELLS), metavar="SHELL"))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion of commands, flags and values.

    SHELL is bash, zsh or fish. For bash, in ~/.bashrc: eval "$(lockstep completion bash)"
    """
    source = get_completion_class(shell)
    assert source is not None
    click.echo(source(context.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
