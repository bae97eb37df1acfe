"""Writes docs/settings.md, Compose's list of variables, and a dialogue's JSON schema: `make settings`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from lockstep.dialogue import SCHEMA_FILE
from lockstep.dialogue.model import schema_text
from lockstep.settings import (
    COMPOSE_VARIABLES,
    GUARDS,
    OBSERVERS,
    SETTINGS,
    Setting,
    Variable,
    Where,
    given_by,
)
from lockstep_server.flags import FLAGS

PAGE = Path(__file__).with_suffix(".md")
COMPOSE_FILE = PAGE.parents[1] / "docker-compose.yml"
# The comments between which its list stands.
LIST = re.compile(r"(by `make settings`\.\n).*?( *# The list ends here\.)", re.DOTALL)

RUNS = """# Settings

Made by `make settings` from `loadtest/lockstep/settings.py` and `server/lockstep_server/flags.py`.

## Of a run

*compare*, *find*, *run*: a flag of `lockstep compare`, `find` or `run`. *plan*: a key of a plan file, with
`_` or `-`. *Locust*: an option of Locust's under the same name, and the variable. *form*: a field of the
page. *Compose*: docker-compose.yml passes the variable on. What is given wins over a plan file, and that over
the default.
"""
COMPOSE = """
## Of docker-compose.yml alone
"""
GUARDED = """
## Of who may come near a master

Variables of the process that leads, which Compose passes on: [guarding.md](guarding.md) says how to use them.
"""
SERVER = """
## Of the server

Flags of `lockstep-server`; a flag beats its variable.
"""


def page() -> str:
    """All settings, in three tables."""
    runs = _table(
        (
            "setting",
            "what it is",
            "default",
            "compare",
            "find",
            "run",
            "plan",
            "Locust",
            "form",
            "Compose",
            "variable",
        ),
        map(_row, SETTINGS),
    )
    compose, guards = (_variables(each) for each in ((*COMPOSE_VARIABLES, *OBSERVERS), GUARDS))
    server = _table(
        ("flag", "variable", "default", "what it is"),
        (
            (f"`--{flag.name}`", f"`{flag.variable}`", f"`{flag.default}`" if flag.default else "", flag.help)
            for flag in FLAGS
        ),
    )
    return "\n".join([RUNS, runs, COMPOSE, compose, GUARDED, guards, SERVER, server, ""])


def compose_file(text: str) -> str:
    """docker-compose.yml with the list of settings that it passes on as the table has it."""
    lines = "".join(f"      {setting.variable}:\n" for setting in given_by(Where.COMPOSE))
    return LIST.sub(rf"\1{lines}\2", text)


def _row(setting: Setting) -> tuple[str, ...]:
    choices = f" ({', '.join(setting.choices)})" if setting.choices else ""
    default = setting.shown_default
    variable = f"`{setting.variable}`" if Where.LOCUST in setting.where else ""
    places = ("x" if place in setting.where else "" for place in Where)
    shown = "" if default is None else f"`{default}`"
    return (f"`{setting.name}`", f"{setting.help}{choices}", shown, *places, variable)


def _variables(variables: Iterable[Variable]) -> str:
    rows = ((f"`{each.name}`", each.help, f"`{each.default}`" if each.default else "") for each in variables)
    return _table(("variable", "what it is", "default"), rows)


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    COMPOSE_FILE.write_text(compose_file(COMPOSE_FILE.read_text(encoding="utf-8")), encoding="utf-8")
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
