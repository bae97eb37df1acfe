"""`lockstep run`: one load, by a user's own file, against one service."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lockstep.children import clean_own_environment
from lockstep.commands.flags import check_processes, plan_of_flags, tags_of
from lockstep.commands.junit import check_junit
from lockstep.commands.measuring import run_and_report
from lockstep.commands.parser import command, option, path
from lockstep.commands.whom import of_one
from lockstep.errors import HarnessError, PlanError
from lockstep.search import MAX_USERS
from lockstep.settings import SETTINGS, Where, given_by
from lockstep.target.servers import Whom
from lockstep.traffic import UserFile
from lockstep.watch.chosen import Watching

# One load is looked at as it is, not beside others: it goes on for longer than a cell of many.
_USUAL = {"repeats": 1, "seconds": 10.0, "warmup": 1.0}
FLAGS = [option(replace(each, default=_USUAL.get(each.name, each.default))) for each in given_by(Where.RUN)]
# What no flag of a run says is as everywhere.
_DEFAULTS = {setting.key: setting.default for setting in SETTINGS}


@command(path("file"), *FLAGS)
def run(file: Path, **given: Any) -> int:
    """Load one service with what FILE says: a dialogue (.toml), or classes of TcpUser (.py).

    A service is named by --target, or by the file itself.
    """
    clean_own_environment()
    from lockstep.commands.run_local import LocalRun
    from lockstep.user_files import find_user_file

    check_processes(given["processes"])
    user_file, facts = find_user_file(file, *tags_of(given))
    url = given["target"] or facts.url
    if url is None:
        raise HarnessError(f"{file} names no service: give --target tcp://name:port")
    service = of_one(url)
    plan = plan_of_flags(_all_settings(given, user_file, service.names))
    if given["junit"] is not None:
        check_junit(given["junit"], plan.gates)
    words = shlex.join(["lockstep", *sys.argv[1:]])
    local_run = LocalRun(
        plan=plan,
        whom=Whom(chosen=service),
        processes=given["processes"],
        out=given["out"],
        command=words,
        notes=facts.notes,
        watching=Watching.read(given["watch"], plan.modes, one_server=True),
    )
    return run_and_report(local_run, given["junit"])


def _all_settings(given: Mapping[str, Any], user_file: UserFile, names: Sequence[str]) -> dict[str, Any]:
    """A run's flags as a plan's settings: one target, and as many users as are asked for."""
    if not 1 <= given["users"] <= MAX_USERS:
        raise PlanError("users", f"{given['users']} is out of range: give 1 to {MAX_USERS}")
    cell = {"modes": ",".join(names), "levels": str(given["users"])}
    return {**_DEFAULTS, **given, **cell, "user_file": user_file}
