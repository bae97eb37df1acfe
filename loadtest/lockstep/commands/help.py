"""How the commands' help is written: kinds of values in words, no type for what takes no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

# What an option takes, by its type in Python; a flag takes nothing.
_TAKES: dict[Any, str] = {str: "TEXT", int: "N", float: "NUMBER", Path: "PATH", list[str]: "TEXT"}


class PlainCommand(TyperCommand):
    """A command whose help a user can read who knows no Python."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help among them."""
        return [_in_words(param) for param in super().get_params(ctx)]

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The line `Usage:`, in which what is needed stands without brackets."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class PlainGroup(TyperGroup):
    """The same for the group of all commands."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help among them."""
        return [_in_words(param) for param in super().get_params(ctx)]


def _in_words(param: Any) -> Any:
    if isinstance(param, TyperOption) and param.metavar is None:
        param.metavar = "" if param.is_flag else _TAKES.get(param.type_descriptor.annotation)
    elif isinstance(param, TyperArgument):
        param.metavar = param.name.upper()
    return param
