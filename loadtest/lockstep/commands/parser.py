"""`lockstep`'s command line in click: options made of settings, help and refusals in our words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem, get_completion_class

from lockstep.settings import Setting
from lockstep_wire.build import build_of
from lockstep_wire.choices import did_you_mean, nearest

PROGRAM = "lockstep"
SHELLS = ("bash", "zsh", "fish")
# What Locust calls what may have another name here.
_AS_LOCUST = {"--host": "--target", "--run-time": "--seconds"}


class _Value(click.ParamType[Any]):
    """A setting's value: parsed as the table says, completed by its choices, or by files."""

    def __init__(self, setting: Setting) -> None:
        self.name = setting.name
        self._setting = setting

    def convert(self, value: Any, *_: Any) -> Any:
        """The value; what a plan file gave is of its kind already."""
        if not isinstance(value, str):
            return value
        parsed = self._setting.parse(value)
        return Path(parsed) if self._setting.kind is Path else parsed

    def shell_complete(self, _: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """What TAB offers: of a list the last part, for a path whatever the shell knows."""
        setting = self._setting
        names = setting.choices or setting.offered
        found: list[CompletionItem] = []
        if names:
            before, comma, last = incomplete.rpartition(",") if setting.listed else ("", "", incomplete)
            chosen = before.split(",")
            left = [name for name in names if name.startswith(last) and name not in chosen]
            found += [CompletionItem(f"{before}{comma}{name}") for name in left]
        if setting.kind is Path:
            found.append(CompletionItem(incomplete, type="file"))
        return found


def option(setting: Setting, *other_names: str, **more: Any) -> click.Option:
    """The flag of a setting. other_names: flags that mean the same. more: as click.Option takes it."""
    if setting.kind is bool:
        return switch(setting.name, f"{setting.help}.")
    shown = setting.shown_default
    return click.Option(
        [f"--{setting.name}", *other_names],
        type=_Value(setting),
        default=setting.default,
        multiple=setting.repeatable,
        metavar=setting.metavar,
        help=f"{setting.help}." + ("" if shown is None else f" [default: {shown}]"),
        **more,
    )


def switch(name: str, text: str) -> click.Option:
    """A flag that takes no value."""
    return click.Option([f"--{name}"], is_flag=True, help=text)


def path(name: str, default: str | None = None, *, required: bool = True) -> click.Argument:
    """A folder or file that a command needs, or may be given."""
    kind = click.Path(path_type=Path)
    if default is None:
        metavar = name.upper() if required else f"[{name.upper()}]"
        return click.Argument([name], type=kind, metavar=metavar, required=required)
    return click.Argument([name], type=kind, default=default, metavar=f"[{name.upper()}]")


def command(*params: click.Parameter) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a function a command: name and docstring are the command's, what it returns is the exit code."""

    def make(function: Callable[..., int | None]) -> click.Command:
        return click.Command(function.__name__, callback=function, params=list(params), help=function.__doc__)

    return make


class Program(click.Group):
    """All commands, in the order in which they were given."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Their names."""
        return list(self.commands)

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        """Its context, and its commands': help is as wide as the terminal, to a limit."""
        return super().make_context(*arguments, max_content_width=110, **more)


def _say_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        click.echo(f"{PROGRAM} {build_of('lockstep', 'lockstep_wire')}")
        context.exit()


version = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_version,
    help="Say which Lockstep this is: version and digest of its code.",
)


def misused(misuse: click.UsageError) -> str:
    """What is wrong with a command line, and the remedy."""
    where = misuse.ctx
    see = f"see {where.command_path if where else PROGRAM} --help"
    match misuse:
        case click.exceptions.NoArgsIsHelpError():
            click.echo(misuse.format_message())
            return f"name a command: {', '.join(_commands(where))}"
        case click.exceptions.NoSuchCommand():
            near = did_you_mean(misuse.command_name, _commands(where))
            return f"there is no command {misuse.command_name!r}: {near}"
        case click.NoSuchOption():
            return f"there is no option {misuse.option_name}: {_near_flag(misuse.option_name, where)}"
        case click.MissingParameter() if misuse.param is not None and where is not None:
            return f"{where.info_name} needs {misuse.param.make_metavar(where)}: {see}"
        case click.BadOptionUsage():
            takes = "takes no value" if "not take" in misuse.message else "needs a value"
            return f"{misuse.option_name} {takes}: see --help"
        case _:
            return f"{misuse.format_message().rstrip('.')}: {see}"


def _commands(context: click.Context | None) -> list[str]:
    group = context.command if context else None
    return list(group.commands) if isinstance(group, click.Group) else []


def _flags(context: click.Context | None) -> list[str]:
    params = context.command.get_params(context) if context else []
    return [name for param in params for name in param.opts if name.startswith("--")]


def _near_flag(name: str, context: click.Context | None) -> str:
    """The flag that may have been meant. The dashes, which all have in common, make none alike."""
    flags = {flag.lstrip("-"): flag for flag in _flags(context)}
    meant = nearest(_AS_LOCUST.get(name, name).lstrip("-"), flags)
    return "choose from those of --help" if meant is None else f"did you mean {flags[meant]}?"


@command(click.Argument(["shell"], type=click.Choice(SHELLS), metavar="SHELL"))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a shell's completion of commands, flags and values.

    SHELL is bash, zsh or fish. For bash, in ~/.bashrc: eval "$(lockstep completion bash)"
    """
    completer = get_completion_class(shell)
    assert completer is not None
    script = completer(context.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source()
    # click's for fish would cut a value at its comma, and our lists have them.
    click.echo(script.replace('string split "," ', 'string split --max 1 "," '))
