"""A plan file: the flags of a run in TOML, by the flags' own names, for a plan that is run again and again.

modes = ["free", "lock"]
levels = [1, 8, 32]
gate = ["free: response_p99 < 20ms", "lock/free: messages_per_s > 0.05"]
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lockstep.nearest import did_you_mean
from lockstep.plan import PlanError

# What may be written as a list instead of as text with commas.
LISTS = ("modes", "levels", "gate", "source")

_WANTED = {
    int: "a whole number: write for example {} = 3",
    float: "a number: write for example {} = 1.5",
    str: "text: write it in quotes",
}


def read_plan_file(
    file: Path, keys: Mapping[str, type], elsewhere: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The file's settings, each of the type that `keys` gives it; lists come as text with commas.

    keys: the names that it may hold, spelt with `_` (the file may write `-`). elsewhere: names that make no
    sense here, and why. PlanError names file, key and remedy.
    """
    settings: dict[str, Any] = {}
    for written, value in _load(file).items():
        key = written.replace("-", "_")
        if key in (elsewhere or {}):
            raise _refusal(file, f"{written} {(elsewhere or {})[key]}")
        if key not in keys:
            raise _refusal(file, f"there is no setting {written!r}: {did_you_mean(key, keys)}")
        if key in settings:
            raise _refusal(file, f"{written} is there twice, with - and with _: leave one out")
        settings[key] = _typed(file, written, value, keys[key])
    return settings


def _load(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise _refusal(file, f"cannot be read ({error.strerror}): check its name and mode") from error
    except ValueError as error:
        # Its message says in which line and column.
        raise _refusal(file, f"is not valid TOML: {error}") from error


def _typed(file: Path, written: str, value: Any, kind: type) -> Any:
    if written in LISTS:
        return _text(file, written, value)
    # A whole number will do for a number; true and false, which Python counts as whole numbers, will not.
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    raise _refusal(file, f"{written} = {_shown(value)} is not {_WANTED[kind].format(written)}")


def _text(file: Path, written: str, value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    for part in parts:
        if type(part) not in (str, int):
            raise _refusal(file, f"{written} = {_shown(value)} is not a list of names or whole numbers")
    return ",".join(map(str, parts))


def _shown(value: Any) -> str:
    """A value as the file may have written it, on one line."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _refusal(file: Path, reason: str) -> PlanError:
    return PlanError("plan", f"{file}: {reason}")
