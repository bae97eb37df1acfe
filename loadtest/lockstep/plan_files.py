"""Plan files: settings in TOML, one's own or those that come with Lockstep."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lockstep.errors import PlanError
from lockstep.settings import Where, given_by
from lockstep_wire.choices import did_you_mean

_SHIPPED = Path(__file__).parent / "plans"


def shipped_plans() -> dict[str, Path]:
    """The plan files that come with Lockstep, by name."""
    return {file.stem: file for file in sorted(_SHIPPED.glob("*.toml"))}


def read_plan_file(given: str, where: Where) -> dict[str, Any]:
    """A plan file's settings by their keys, each of its kind; lists come as text with commas.

    given: a path, or the name of a shipped plan where no file has it. where: COMPARE or LOCUST, for some keys
    make sense in one only. PlanError names file, key and remedy.

        modes = ["free", "lock"]
        levels = [1, 8, 32]
        gate = ["free: response_p99 < 20ms", "lock/free: messages_per_s > 0.05"]
    """
    known = {setting.key: setting for setting in given_by(Where.PLAN_FILE)}
    taken = {key: setting for key, setting in known.items() if where in setting.where}
    settings: dict[str, Any] = {}
    try:
        for written, value in _load(given).items():
            key = written.replace("-", "_")
            if key not in known:
                raise ValueError(f"there is no setting {written!r}: {did_you_mean(key, taken)}")
            if key not in taken:
                raise ValueError(f"{written} {known[key].elsewhere}")
            if key in settings:
                raise ValueError(f"{written} is there twice, with - and with _: leave one out")
            settings[key] = known[key].from_toml(written, value)
    except ValueError as wrong:
        raise PlanError("plan", f"{given}: {wrong}") from wrong
    return settings


def command_of(given: str) -> Where:
    """Which command a plan file is for: FIND where it says what has to hold, else COMPARE."""
    try:
        return Where.FIND if "keep" in _load(given) else Where.COMPARE
    except ValueError as wrong:
        raise PlanError("plan", f"{given}: {wrong}") from wrong


def _load(given: str) -> dict[str, Any]:
    """What a plan file holds. ValueError says why it cannot be read."""
    file = Path(given)
    plans = shipped_plans()
    if file.name == given and not file.suffix and not file.exists():
        if given not in plans:
            raise ValueError(f"there is no such file, and no plan of this name: {did_you_mean(given, plans)}")
        file = plans[given]
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror}): check its name and mode") from error
    except ValueError as error:
        # Its message says in which line and column.
        raise ValueError(f"is not valid TOML: {error}") from error
