"""What flags say of whom the load goes to, and of what its users do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from click.core import ParameterSource

from lockstep.commands.flags import is_given, source_of, tags_of
from lockstep.errors import HarnessError, PlanError
from lockstep.plan import parse_modes
from lockstep.runs.records import PLAIN_TARGET
from lockstep.scenario import SCENARIOS
from lockstep.settings import SETTINGS, Where, given_by
from lockstep.target.chosen import Chosen, checked_framing
from lockstep.target.named import Spoken, read_target
from lockstep.target.on_pythons import OnPythons
from lockstep.traffic import UserFile
from lockstep.user_files import Facts, find_user_file
from lockstep_wire.framing import FRAMINGS

# What says itself whom the load goes to; else a file's host does. --modes are of a server of ours.
_SAYS_WHOM = ("target", "run", "host", "admin", "modes", "python")


def named_by_file(spoken: Facts) -> Chosen | None:
    """The service that a user's own file names, as the only target; None where it is said otherwise."""
    if any(is_given(name) for name in _SAYS_WHOM) or spoken.url is None:
        return None
    return of_one(spoken.url)


def of_one(url: str) -> Chosen:
    """One service that users of a file talk to: `[NAME=]URL`. PlanError or HarnessError where it is wrong."""
    service = read_target(url, PLAIN_TARGET)
    return Chosen((), (service,), None, Spoken(by_file=True), {})


def whose_server(by_file: Chosen | None, *, theirs: bool) -> str | None:
    """How to come to a server of ours, where the load goes to somebody else's; None where it is ours."""
    if by_file is not None:
        (service,) = by_file.running
        return f"give --modes, for the file names its host, {service.endpoint}"
    return "leave out --host, --admin, --target and --run" if theirs else None


# What only means something without targets, and why.
_OF_MODES = {
    "modes": "names modes of one server",
    "host": "is one server",
    "admin": "is one server's",
    "python": "starts servers of ours",
}
# What only means something with them.
_OF_TARGETS = ("framing", "reply", "ready")


def chosen_by(given: Mapping[str, Any], environment: Mapping[str, str], *, by_file: bool) -> Chosen | None:
    """The targets that are to be compared; None where it is the modes of one server.

    PlanError where both are given, or what says how targets talk is given without any.
    """
    if not given["target"] and not given["run"]:
        for name in (each for each in _OF_TARGETS if is_given(each)):
            raise PlanError(
                name, f"{given[name]} is of a --target or --run, and none is given: add one, or leave it out"
            )
        return None
    # Targets that are given win over what else a plan file says.
    from_file = {ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP}
    overruled = (
        from_file if {source_of("target"), source_of("run")} - from_file else {ParameterSource.DEFAULT}
    )
    for name in (each for each in _OF_MODES if source_of(each) not in overruled):
        raise PlanError(
            name, f"{_shown(given[name])} {_OF_MODES[name]}, but --target and --run name theirs: leave it out"
        )
    spoken = Spoken(checked_framing(given["framing"]), given["reply"] or None, by_file=by_file)
    return Chosen.read(given["run"], given["target"], given["ready"], spoken, environment)


def _shown(value: Any) -> str:
    """A flag's value as it was given; of one that may be given several times, all."""
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def on_pythons_of(given: Mapping[str, Any], environment: Mapping[str, str]) -> OnPythons | None:
    """The modes on each of the interpreters that are named; None where none is. Asks each what it is.

    PlanError where one cannot be had, or a server is named that runs already.
    """
    if not given["python"]:
        return None
    for name in ("host", "admin"):
        if given[name]:
            raise PlanError(
                name, f"{given[name]} runs already, but --python starts servers: leave out one of them"
            )
    return OnPythons.read(given["python"], parse_modes(given["modes"]), environment)


# How the two ends of a comparison speak.
_SPOKEN = Facts((), "length", timing=True)
# What says how the shipped scenarios talk: beside a file, that does.
_OF_SCENARIOS = ("scenario", "messages", "payload", "depth", "framing", "reply")


def what_users_do(file: Path | None, given: Mapping[str, Any]) -> tuple[UserFile | None, Facts]:
    """The file that says so, None for a shipped scenario, and how they speak.

    PlanError for a setting that does nothing then, HarnessError for what is wrong with the file.
    """
    useless = _OF_SCENARIOS if file is not None else ("tags", "exclude_tags")
    for key in useless:
        if is_given(key):
            reason = (
                "leave it out, the file says what users do" if file else "name the file whose tasks are meant"
            )
            raise PlanError(key.replace("_", "-"), f"{given[key]} does nothing here: {reason}")
    return (None, _SPOKEN) if file is None else find_user_file(file, *tags_of(given))


def server_flags(chosen: Mapping[str, Any], spoken: Facts, theirs: str | None) -> tuple[str, ...]:
    """Flags of the server to be started; PlanError where it is somebody else's, who has set them already.

    theirs: how to come to one of ours, None where it is that.
    """
    settings = [setting for setting in given_by(Where.COMPARE) if setting.to_server]
    given = next((setting for setting in settings if chosen[setting.key] is not None), None)
    if theirs and given is not None:
        value = chosen[given.key]
        raise PlanError(
            given.name,
            f"{value} is the server's to set: start it so, or {theirs}",
        )
    usual = {each.name: each.usual for each in settings} | dict(SCENARIOS[chosen["scenario"]].server)
    # An empty one stays, and is refused: a pipeline's variable may be unset.
    set_here = {each.name: chosen[each.key] for each in settings if chosen[each.key] is not None}
    flags = usual | set_here
    if not theirs and spoken.framing not in FRAMINGS:
        raise HarnessError(
            f"the file speaks {spoken.framing}, which a Lockstep server does not: name the service to compare"
        )
    speaks = ("--framing", spoken.framing, "--reply", "echo", *(("--timing",) if spoken.timing else ()))
    # Of what is said twice the last holds.
    return (*speaks, *(word for name, value in flags.items() for word in (f"--{name}", str(value))))


def check_started(given: Mapping[str, Any], running: Sequence[str]) -> None:
    """PlanError where something is to be done with servers that the run starts, and these run already.

    running: the modes of those.
    """
    for name in (each.name for each in SETTINGS if each.of_started and given[each.key]):
        if not running:
            continue
        server = given["host"] or given["admin"]
        if server:
            raise PlanError(
                name,
                f"is for servers that the run itself starts, and {server} runs already: leave out --host and "
                f"--admin, or --{name}",
            )
        raise PlanError(
            name,
            f"is for servers that the run itself starts, and {running[0]!r} runs already: give its command, "
            f"--run {running[0]}='COMMAND {{port}}', or leave out --{name}",
        )
