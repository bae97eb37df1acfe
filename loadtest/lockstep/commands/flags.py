"""The flags of a command, of the table of settings, and a plan file that stands in for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from lockstep.analysis.gate_syntax import split_gates
from lockstep.commands.parser import option
from lockstep.errors import PlanError
from lockstep.options import plan_from
from lockstep.plan import Plan
from lockstep.plan_files import read_plan_file, shipped_plans
from lockstep.settings import Setting, Where, given_by


def _plan_file_taken(where: Where) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """Lets a plan file's settings stand in for flags that are not given: click asks for it first."""

    def take(context: click.Context, _: click.Parameter, file: Path | None) -> Path | None:
        if file is not None:
            settings = read_plan_file(str(file), where)
            # Of the flags that may be given several times; `target` is cut where it is read.
            for name in {"gate", "keep", "python"} & settings.keys():
                settings[name] = list(split_gates(settings[name]))
            if "target" in settings:
                settings["target"] = [settings["target"]]
            context.default_map = settings
        return file

    return take


def _complete_plan(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = [CompletionItem(name) for name in shipped_plans() if name.startswith(incomplete)]
    # click's bash script takes names or files, not both.
    return names or [CompletionItem(incomplete, type="file")]


def flags(where: Where) -> list[click.Option]:
    """The flags of a command; what makes a plan comes first, in help too."""

    def flag(setting: Setting) -> click.Option:
        if setting.name != "plan":
            return option(setting)
        taken = _plan_file_taken(where)
        return option(setting, is_eager=True, callback=taken, shell_complete=_complete_plan)

    return [flag(each) for each in sorted(given_by(where), key=lambda setting: setting.only != "plan")]


@contextmanager
def naming(plan: Path | None) -> Iterator[None]:
    """Whoever reads that a setting is wrong must know where it stands, or what it does not agree with."""
    try:
        yield
    except PlanError as wrong:
        source = source_of(wrong.what.replace("-", "_"))
        if plan is None or source is ParameterSource.COMMANDLINE:
            raise
        given = "from" if source is ParameterSource.DEFAULT_MAP else "given here or in"
        raise PlanError(wrong.what, f"{wrong} ({given} {plan})") from None


def source_of(name: str) -> ParameterSource | None:
    """Where the value of a flag comes from: the command line, a plan file, or nobody."""
    return click.get_current_context().get_parameter_source(name)


def is_given(name: str) -> bool:
    """Whether somebody gave it, on the command line or in a plan file."""
    return source_of(name) is not ParameterSource.DEFAULT


def plan_of_flags(given: Mapping[str, Any]) -> Plan:
    """The plan that flags and a plan file give. PlanError names the setting that is wrong."""
    # An empty one stays, and is refused: a pipeline's variable may be unset.
    return plan_from(given, [part for text in given["gate"] for part in split_gates(text) or [text]])


def tags_of(given: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tags of tasks that are to be run, and of those that are not, as flags give them."""
    tags, without = (
        tuple((given[name] or "").replace(",", " ").split()) for name in ("tags", "exclude_tags")
    )
    return tags, without


def check_processes(processes: int) -> None:
    """PlanError where so many worker processes make no sense."""
    if not 1 <= processes <= 64:
        raise PlanError("processes", f"{processes} is out of range: give 1 to 64")
