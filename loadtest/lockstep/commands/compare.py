"""`lockstep compare`: the same load against every mode, set side by side."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lockstep.analysis.gate_syntax import split_gates
from lockstep.children import clean_own_environment
from lockstep.commands.output import complain, print_report_of
from lockstep.commands.parser import command, option, path, switch
from lockstep.errors import HarnessError, PlanError, ResultsError, exit_code, stopped_by
from lockstep.options import of_targets, plan_from, read_plan_file, shipped_plans
from lockstep.plan import Plan, parse_modes
from lockstep.runs.folder import RunFolder
from lockstep.runs.records import PLAIN_TARGET, Cell, Run
from lockstep.scenario import SCENARIOS
from lockstep.settings import Setting, Where, given_by
from lockstep.target.chosen import Chosen, checked_framing
from lockstep.target.named import Spoken, read_target
from lockstep.target.on_pythons import OnPythons
from lockstep.traffic import UserFile
from lockstep.user_files import Facts, find_user_file
from lockstep_wire.framing import FRAMINGS

if TYPE_CHECKING:
    from lockstep.commands.run_local import LocalRun


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
def _naming(plan: Path | None) -> Iterator[None]:
    """Whoever reads that a setting is wrong must know where it stands, or what it does not agree with."""
    try:
        yield
    except PlanError as wrong:
        source = _source(wrong.what.replace("-", "_"))
        if plan is None or source is ParameterSource.COMMANDLINE:
            raise
        given = "from" if source is ParameterSource.DEFAULT_MAP else "given here or in"
        raise PlanError(wrong.what, f"{wrong} ({given} {plan})") from None


# How the two ends of a comparison speak.
_SPOKEN = Facts((), "length", timing=True)
# What says how the shipped scenarios talk: beside a file, that does.
_OF_SCENARIOS = ("scenario", "messages", "payload", "depth", "framing", "reply")


@command(
    path("file", required=False),
    *flags(Where.COMPARE),
    switch("rehearse", "Two repeats only, to say how many a difference of 5% would take."),
)
def compare(file: Path | None, rehearse: bool, **given: Any) -> int:
    """Run the same load against every mode or target, set side by side.

    FILE says what users do, instead of a shipped scenario: a dialogue (.toml), or classes of TcpUser (.py).
    A host that it names is the target, unless --target, --run, --host, --admin or --modes says otherwise.
    """
    if rehearse:
        if _source("repeats") is ParameterSource.COMMANDLINE or given["until"]:
            raise PlanError("rehearse", "takes two repeats: leave out --repeats and --until")
        given["repeats"] = 2
    return measure_here(file, given)


def measure_here(file: Path | None, given: Mapping[str, Any]) -> int:
    """Run on this machine what flags say, print its report, and tell the exit code.

    given: by their keys, each flag of `compare`, and whatever else makes a plan.
    """
    # Locust reads variables of its own as it is imported, and the processes that carry the load inherit. What
    # --run starts is nothing of ours, and gets all that there was.
    environment = clean_own_environment()
    from lockstep.commands.run_local import LocalRun

    processes, junit = given["processes"], given["junit"]
    with _naming(given["plan"]):
        check_processes(processes)
        user_file, spoken = _what_users_do(file, given)
        by_file = _named_by_file(spoken)
        chosen = by_file or _chosen(given, environment, by_file=file is not None)
        on_pythons = None if chosen is not None else _on_pythons(given, environment)
        if chosen is not None:
            given = of_targets({**given, "modes": ",".join(chosen.names)})
        elif on_pythons is not None:
            first, *_ = names = on_pythons.names
            given = {**given, "modes": ",".join(names), "baseline": given["baseline"] or first}
        plan = plan_of_flags({**given, "user_file": user_file})
        if junit is not None:
            check_junit(junit, plan.gates)
        host, admin = given["host"], given["admin"]
        flags = _server_flags(given, spoken, _whose_server(by_file, theirs=bool(host or admin or chosen)))
        words = shlex.join(["lockstep", *sys.argv[1:]])
        unset = frozenset(name for name in ("warmup", "seconds") if _source(name) is ParameterSource.DEFAULT)
        out, notes = given["out"], spoken.notes
        local_run = LocalRun(
            plan, host, admin, processes, out, words, flags, chosen, unset, notes, on_pythons
        )
        return run_and_report(local_run, junit)


# What says itself whom the load goes to; else a file's host does. --modes are of a server of ours.
_SAYS_WHOM = ("target", "run", "host", "admin", "modes", "python")


def _named_by_file(spoken: Facts) -> Chosen | None:
    """The service that a user's own file names, as the only target; None where it is said otherwise."""
    if any(_source(name) is not ParameterSource.DEFAULT for name in _SAYS_WHOM) or spoken.url is None:
        return None
    return of_one(spoken.url)


def of_one(url: str) -> Chosen:
    """One service that users of a file talk to: `[NAME=]URL`. PlanError or HarnessError where it is wrong."""
    service = read_target(url, PLAIN_TARGET)
    return Chosen((), (service,), None, Spoken(by_file=True), {})


def _whose_server(by_file: Chosen | None, *, theirs: bool) -> str | None:
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


def _chosen(given: Mapping[str, Any], environment: Mapping[str, str], *, by_file: bool) -> Chosen | None:
    """The targets that are to be compared; None where it is the modes of one server.

    PlanError where both are given, or what says how targets talk is given without any.
    """
    if not given["target"] and not given["run"]:
        for name in (each for each in _OF_TARGETS if _source(each) is not ParameterSource.DEFAULT):
            raise PlanError(
                name, f"{given[name]} is of a --target or --run, and none is given: add one, or leave it out"
            )
        return None
    # Targets that are given win over what else a plan file says.
    from_file = {ParameterSource.DEFAULT, ParameterSource.DEFAULT_MAP}
    overruled = from_file if {_source("target"), _source("run")} - from_file else {ParameterSource.DEFAULT}
    for name in (each for each in _OF_MODES if _source(each) not in overruled):
        raise PlanError(
            name, f"{_shown(given[name])} {_OF_MODES[name]}, but --target and --run name theirs: leave it out"
        )
    spoken = Spoken(checked_framing(given["framing"]), given["reply"] or None, by_file=by_file)
    return Chosen.read(given["run"], given["target"], given["ready"], spoken, environment)


def _shown(value: Any) -> str:
    """A flag's value as it was given; of one that may be given several times, all."""
    return ",".join(value) if isinstance(value, list | tuple) else str(value)


def _on_pythons(given: Mapping[str, Any], environment: Mapping[str, str]) -> OnPythons | None:
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


def _source(name: str) -> ParameterSource | None:
    return click.get_current_context().get_parameter_source(name)


def plan_of_flags(given: Mapping[str, Any]) -> Plan:
    """The plan that flags and a plan file give. PlanError names the setting that is wrong."""
    # An empty one stays, and is refused: a pipeline's variable may be unset.
    return plan_from(given, [part for text in given["gate"] for part in split_gates(text) or [text]])


def run_and_report(local_run: LocalRun, junit: Path | None) -> int:
    """Run it under a progress bar, print its report, and tell the exit code that it deserves."""
    from lockstep.analysis.checks import degradations
    from lockstep.analysis.gates import has_failed
    from lockstep.commands.run_local import run_here
    from lockstep.master.stop_signals import StoppedBySignal
    from lockstep.report.material import Material

    progress = _progress()
    plan = local_run.plan
    # How many cells a search takes, or how many repeats it takes to be sure, nobody knows.
    planned = plan.search is None and plan.until is None
    bar = progress.add_task("starting", total=len(plan.cells()) if planned else None)

    def on_cell(run: Run) -> None:
        progress.update(bar, advance=1, description=_last_cell(run.measured[-1]))

    try:
        finished = run_here(local_run, progress, on_cell, complain)
    except StoppedBySignal as stopped:
        complain(f"stopped by {stopped.words} before the run began: nothing is saved")
        return stopped_by(stopped.signal)
    try:
        material = Material.of(RunFolder.load(finished.path))
    except ResultsError as lost:
        # Whatever took the folder away took it from the run too.
        raise ResultsError(finished.failure or str(lost)) from None
    # What is the last line of all need not be a note above it too.
    print_report_of(material.without_note(finished.failure))
    if junit is not None:
        _write_junit(junit, material.run)
    if finished.failure:
        complain(finished.failure)
    else:
        if finished.stopped:
            complain(f"stopped by {finished.stopped.words}: what was measured is saved in {finished.path}")
        if finished.unreported:
            complain(finished.unreported)
    return exit_code(
        refused=finished.failure is not None,
        signal=None if finished.stopped is None else finished.stopped.signal,
        degraded=bool(degradations(material.findings)),
        failed=has_failed(material.run),
        unreported=finished.unreported is not None,
    )


def _what_users_do(file: Path | None, given: Mapping[str, Any]) -> tuple[UserFile | None, Facts]:
    """The file that says so, None for a shipped scenario, and how they speak.

    PlanError for a setting that does nothing then, HarnessError for what is wrong with the file.
    """
    useless = _OF_SCENARIOS if file is not None else ("tags", "exclude_tags")
    for key in useless:
        if _source(key) is not ParameterSource.DEFAULT:
            reason = (
                "leave it out, the file says what users do" if file else "name the file whose tasks are meant"
            )
            raise PlanError(key.replace("_", "-"), f"{given[key]} does nothing here: {reason}")
    return (None, _SPOKEN) if file is None else find_user_file(file, *tags_of(given))


def _server_flags(chosen: Mapping[str, Any], spoken: Facts, theirs: str | None) -> tuple[str, ...]:
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


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def _last_cell(cell: Cell) -> str:
    beside = "" if cell.beside is None else f", {cell.beside.kind}"
    return f"{cell.mode} at {cell.level}{beside}"


def check_processes(processes: int) -> None:
    """PlanError where so many worker processes make no sense."""
    if not 1 <= processes <= 64:
        raise PlanError("processes", f"{processes} is out of range: give 1 to 64")


def tags_of(given: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The tags of tasks that are to be run, and of those that are not, as flags give them."""
    tags, without = (
        tuple((given[name] or "").replace(",", " ").split()) for name in ("tags", "exclude_tags")
    )
    return tags, without


def check_junit(file: Path, gates: Sequence[str]) -> None:
    """PlanError where nothing could be written there, or there would be nothing to write. Writes nothing."""
    if not gates:
        raise PlanError("junit", f"{file} has nothing to hold without a gate: add --gate")
    reason = _obstacle(file)
    if reason is not None:
        raise PlanError("junit", f"{file} cannot be written ({reason}): choose another file")


def _write_junit(file: Path, run: Run) -> None:
    """Write the run's gates there. ResultsError where the file system refuses."""
    from lockstep.report.sections.gates import junit_xml

    try:
        file.write_text(junit_xml(run), encoding="utf-8", newline="")
    except OSError as error:
        raise ResultsError(f"cannot write --junit {file}: {error.strerror}; choose another file") from error


def _obstacle(file: Path) -> str | None:
    if file.is_dir():
        return "it is a folder"
    if not file.parent.is_dir():
        return "its folder does not exist"
    return None if os.access(file if file.exists() else file.parent, os.W_OK) else "permission denied"
