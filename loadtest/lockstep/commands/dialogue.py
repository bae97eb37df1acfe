"""`lockstep dialogue`: checks a dialogue's file, and prints what editors need to help to write one."""

from __future__ import annotations

from pathlib import Path

import click

from lockstep.commands.output import complain
from lockstep.commands.parser import Program, command, path
from lockstep.dialogue import SCHEMA_FILE
from lockstep.errors import WRONG_USE, HarnessError
from lockstep.report.words import counted


@command(path("file"))
def check(file: Path) -> int | None:
    """Read a dialogue's file and say all that is wrong with it. Opens no connection."""
    # pydantic takes a fifth of a second, and no other command has a use for it.
    from lockstep.dialogue.reading import read_dialogue
    from lockstep.dialogue.refusals import DialogueError

    if file.suffix == ".py":
        raise HarnessError(f"{file}: is Python, and no dialogue: lockstep run {file} takes it as it is")
    try:
        dialogue = read_dialogue(file)
    except DialogueError as refusal:
        for problem in refusal.problems:
            complain(problem)
        return WRONG_USE
    rows = [f"{counted(len(table.rows), 'row')} of {table.name}" for table in dialogue.tables]
    click.echo(f"{file}: {', '.join([counted(len(dialogue.steps), 'step'), *rows])}: nothing is wrong")
    for step in dialogue.unchecked:
        click.echo(f"{file}:{step.line}: any reply will do: say what is right with expect = ...")
    return None


@command()
def schema() -> None:
    """Print the JSON schema of a dialogue's file, by which an editor completes and checks it."""
    click.echo(SCHEMA_FILE.read_text(encoding="utf-8"), nl=False)


dialogue = Program(
    "dialogue",
    commands=[check, schema],
    help="Check a dialogue's file, or print its JSON schema.",
)
