"""Settings under Locust, from its parser; and what settings become, wherever they come from."""

from __future__ import annotations

import functools
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from lockstep.errors import WRONG_USE, HarnessError, PlanError, ServerUnreachableError, in_words
from lockstep.master.repeat import Compose
from lockstep.plan import Plan, parse_modes
from lockstep.plan_files import read_plan_file
from lockstep.runs.records import PLAIN_TARGET
from lockstep.search import Search, arrival_of
from lockstep.settings import COMPARISON_PLAN, PAGE_PASSWORD, PAGE_USER, Setting, Where, given_by
from lockstep.target.admin import ServerView
from lockstep.target.chosen import Chosen, checked_framing
from lockstep.target.named import NamedTargets, Spoken, read_targets
from lockstep.target.target import Target, Targets
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.sources import parse_sources
from lockstep.traffic import Traffic, UserFile
from lockstep.user_files import Facts, find_user_file, names_in
from lockstep_wire.choices import did_you_mean

# What is filled in once the server has said what it offers.
OF_THE_SERVER = ("mode", "modes")

_BY_NAME = {setting.name: setting for setting in given_by(Where.LOCUST)}

PLAN_UNDER_WAY = "a comparison plan is under way, and sets the users itself: let it end, or press Stop first"


# Locust's page and help show the settings of both kinds of run.
_ONLY = {None: "", "plan": "plan only: ", "hand": "manual runs only: "}


def add_options(parser: Any, **_: Any) -> None:
    """Add Lockstep's options to Locust's parser. Asks nobody anything.

    One thing has to be known before the parser has parsed, and so is looked for in the command line by hand:
    the plan file. Its settings are defaults of this very parser, and Locust has no event between making its
    parser and parsing. (It makes one for every visit of the page, too: hence the cache.)
    """
    for setting in given_by(Where.LOCUST):
        parser.add_argument(
            f"--{setting.name}",
            type=_in_one_line(setting),
            default=_usual(setting),
            choices=list(setting.choices) or None,
            help=f"{_ONLY[setting.only]}{setting.help}",
            env_var=setting.variable,
            include_in_web_ui=Where.FORM in setting.where,
        )
    if any(map(os.environ.get, (PAGE_USER, PAGE_PASSWORD))):
        parser.set_defaults(web_login=True)
    file = _given_early("plan")
    if file:
        parser.set_defaults(run=COMPARISON_PLAN, **_defaults_of(file))


def _usual(setting: Setting) -> Any:
    """An option's value under Locust where nobody sets it: not None on the page, whose fields have a type.

    But of what only the server knows, which is asked later.
    """
    if setting.key in OF_THE_SERVER:
        return None
    if setting.default is not None:
        return setting.default
    if setting.kind in (int, float):
        return setting.kind() if Where.FORM in setting.where else None
    return ""


def _in_one_line(setting: Setting) -> Callable[[str], Any]:
    """Its type for argparse, which would print the usage of all of Locust's options before a refusal."""

    def parse(text: str) -> Any:
        try:
            return setting.parse(text)
        except PlanError as wrong:
            _leave(wrong)

    return parse


def _given_early(name: str) -> str:
    """An option or its variable, before the parser that it shapes has parsed anything."""
    early = ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument(f"--{name}", dest="value", default=os.environ.get(_BY_NAME[name].variable, ""))
    return str(early.parse_known_args()[0].value)


def refusal_in_words(refusal: Exception) -> str:
    """One line, as `in_words` has it, which also says where the value was given if that was no flag."""
    words = in_words(refusal)
    setting = _BY_NAME.get(refusal.what) if isinstance(refusal, PlanError) else None
    said = None if setting is None else _said_in(setting)
    return f"{words} (from {said})" if said else words


def _said_in(setting: Setting) -> str | None:
    """Where a setting was given: its variable, or the plan file; "" by a flag, None nowhere."""
    if any(word.partition("=")[0] == f"--{setting.name}" for word in sys.argv[1:]):
        return ""
    if os.environ.get(setting.variable) is not None:
        return setting.variable
    file = _given_early("plan")
    # A plan file that cannot be read is itself what is refused.
    return file if file and setting.key in _defaults_of(file) else None


def unset_lengths(options: Namespace) -> frozenset[str]:
    """Which of `warmup` and `seconds` nobody said: neither flag, variable nor file, nor the page's form."""
    lengths = (_BY_NAME[name] for name in ("warmup", "seconds"))
    return frozenset(
        each.key for each in lengths if _said_in(each) is None and getattr(options, each.key) == each.default
    )


@functools.lru_cache(maxsize=1)
def _defaults_of(file: str) -> dict[str, Any]:
    try:
        return read_plan_file(file, Where.LOCUST)
    except PlanError as wrong:
        _leave(wrong)


def _leave(wrong: PlanError) -> NoReturn:
    print(f"lockstep: {refusal_in_words(wrong)}", file=sys.stderr)
    sys.exit(WRONG_USE)


def offered_modes(admin: str, target: str = "") -> tuple[str, ...]:
    """The modes of the server at `admin`, or the names of these targets; a plain target's without either.

    PlanError if the server is silent, or a target is none.
    """
    if target:
        return tuple(each.name for each in read_targets(target))
    if not admin:
        return (PLAIN_TARGET,)
    try:
        return tuple(ServerView(admin).snapshot().listeners)
    except ServerUnreachableError as error:
        raise PlanError("admin", f"{admin}: {error}") from error


def settle(options: Namespace) -> tuple[str, ...]:
    """Fill in what Locust's options leave to the server, and tell which modes it offers.

    Who leads does it, once, before the first run. PlanError where the server is silent, or does not offer
    what is chosen.
    """
    modes = offered_modes(options.admin, options.target)
    for name, value in defaults(modes, named=bool(options.target)).items():
        if name in OF_THE_SERVER and getattr(options, name) is None:
            setattr(options, name, value)
    if options.mode not in modes:
        raise PlanError("mode", f"{options.mode!r} is not offered: {did_you_mean(options.mode, modes)}")
    return modes


def defaults(modes: Sequence[str], *, named: bool = False) -> dict[str, Any]:
    """What our options are where nobody sets them, with a server that offers these modes.

    named: they are targets with names of their own.
    """
    compared = ",".join(modes if named or tuple(modes) == (PLAIN_TARGET,) else Plan().modes)
    found = {setting.key: _usual(setting) for setting in given_by(Where.LOCUST)}
    return {**found, "mode": modes[0], "modes": compared}


def compose() -> Compose | None:
    """What Compose tells of the shell that runs it, None elsewhere: for words only, it changes no run."""
    return Compose.of(os.environ)


def traffic_of(options: Namespace) -> Traffic:
    """What connections do, as the options say. PlanError names the option that is wrong."""
    return _traffic_from(_given(options))


def _given(options: Namespace) -> dict[str, Any]:
    """Settings by their keys. The form's field is empty, or 0, where no rate is meant."""
    user_file = _user_file(options)[0] if options.file else None
    return {**vars(options), "rate": options.rate or None, "user_file": user_file}


def notes_of_file(options: Namespace) -> tuple[str, ...]:
    """What of the user's own file does nothing here. PlanError where it is no file that can be carried."""
    return _user_file(options)[1].notes if options.file else ()


def _user_file(options: Namespace) -> tuple[UserFile, Facts]:
    """The user's own file. PlanError says what is wrong with it. Tags are Locust's own options."""
    tags = (tuple(getattr(options, name, None) or ()) for name in ("tags", "exclude_tags"))
    try:
        return find_user_file(Path(options.file), *tags)
    except HarnessError as error:
        raise PlanError("file", str(error)) from error


def _traffic_from(given: Mapping[str, Any]) -> Traffic:
    return Traffic.from_settings(given, parse_sources(given["source"] or ""))


def check_numbers(options: Namespace) -> None:
    """PlanError where a number makes no sense, be it used or not: Locust sends all of them to its workers."""
    given = _given(options)
    Plan.from_settings({**given, "modes": "any", "levels": "1"}, _traffic_from(given), ())


def plan_of(options: Namespace) -> Plan:
    """The comparison plan, as the options say. PlanError names the option that is wrong."""
    from lockstep.analysis.gate_syntax import split_gates

    given = _given(options)
    return plan_from(of_targets(given) if options.target else given, split_gates(options.gate))


def of_targets(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a plan whose modes are targets: the last is the baseline, unless one is named."""
    *_, last = ("", *parse_modes(given["modes"]))
    return {**given, "baseline": given["baseline"] or last}


def plan_from(given: Mapping[str, Any], gates: Sequence[str]) -> Plan:
    """The plan of these settings, by their keys. PlanError names the one that is wrong."""
    # Only who leads makes plans: a worker has these options too, and no use for what judges its figures.
    from lockstep.analysis.gate_syntax import check_gates, split_gates

    keep = split_gates(given.get("keep") or "")
    search = Search.from_settings(given, keep, given["seconds"]) if keep else None
    _check_beside(given)
    if search is not None:
        given = {**given, **_searched(given, search)}
    plan = Plan.from_settings(given, _traffic_from(given), gates, search)
    check_gates(plan, names_in(given.get("user_file")))
    return plan


# What only means something where one of others is given.
_MEANS_SOMETHING_WITH = {
    **dict.fromkeys(("search", "within", "up-to", "at-least"), ("keep",)),
    "most": ("until",),
    "at-most": ("keep", "until"),
}


def _check_beside(given: Mapping[str, Any]) -> None:
    """PlanError where a setting that is given does nothing, for want of another."""
    for name, others in _MEANS_SOMETHING_WITH.items():
        setting = _BY_NAME[name]
        value = given.get(setting.key)
        if any(given.get(other) for other in others):
            continue
        if value not in (None, "", setting.default):
            wanted = " or ".join(f"--{other}" for other in others)
            raise PlanError(name, f"{value} does nothing by itself: add {wanted}, or leave it out")


def _searched(given: Mapping[str, Any], search: Search) -> dict[str, Any]:
    """What else says what a load is: the first that is tried. PlanError where the promise makes no sense."""
    from lockstep.analysis.metrics import Unit
    from lockstep.analysis.trials import longest_us, promise_of

    if given["rate"] is not None:
        raise PlanError("rate", f"{given['rate']:g} is what a search finds out: leave it out")
    if longest_us(promise_of(search)) is None and search.by_rate:
        raise PlanError(
            "keep",
            f"{'; '.join(search.keep)!r} bounds no time, so any rate can be queued for: add one, for example "
            "response_p99 < 50ms",
        )
    for each in promise_of(search):
        if each.metric.more_is_better and each.metric.unit is Unit.PER_S:
            raise PlanError(
                "keep",
                f"{each.text!r} bounds what grows with the load, so nothing tells where it breaks: bound a "
                "time, or failed",
            )
    arrival = arrival_of(given["arrival"], search.by)
    rate = search.start if search.by_rate else None
    return {"arrival": arrival, "rate": rate, "levels": f"{max(1, round(search.start))}", "repeats": 1}


def targets_of(host: str | None, options: Namespace) -> Targets:
    """Whom the load goes to: those that are named, whatever host there is, and without one a file's own.

    HarnessError where the host makes no sense, or is needed and missing; PlanError and ServerUnreachableError
    where a target does not.
    """
    if options.target:
        spoken = Spoken(checked_framing(options.framing), options.reply or None, by_file=bool(options.file))
        chosen = Chosen.read((), (options.target,), None, spoken, {})
        return NamedTargets.of(chosen.running, spoken, {})
    server = ServerView(options.admin) if options.admin else None
    host = (host or "").strip()
    if options.file and not host:
        host = _user_file(options)[1].url
    return Target(
        Endpoint.parse(host),
        server,
        checked_framing(options.framing),
        options.reply or None,
        by_file=bool(options.file),
    )


def check_edit(kind: str, now: Namespace, asked: Namespace, host_now: str | None, host: str | None) -> None:
    """PlanError where a start request would have to change more than the run under way can change.

    kind: `plan` or `hand`. now, asked: the options that it was started with, and those of the request. host:
    the request's, None where it has no such field.
    """
    if kind == "plan":
        raise PlanError("run", PLAN_UNDER_WAY)
    was, wanted = vars(now), vars(asked)
    changed = {name: (was[name], wanted[name]) for name in wanted if was[name] != wanted[name]}
    if host is not None and host != (host_now or ""):
        changed["host"] = (host_now, host)
    for name, (old, new) in changed.items():
        raise PlanError(
            name,
            f"stays {old!r} as long as this run goes on; only the number of users can be changed. "
            f"Press Stop, and start a new one with {new!r}",
        )
