"""Lockstep's options for Locust: command line, environment (LOCKSTEP_*) and, where it helps, the web form."""

from __future__ import annotations

import functools
import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from lockstep.exit_codes import WRONG_USE
from lockstep.master.repeat import Compose
from lockstep.plan import (
    ARRIVALS,
    CLIENT_MODES,
    SCENARIOS,
    Arrival,
    Plan,
    PlanError,
    Traffic,
    parse_levels,
    parse_modes,
)
from lockstep.plan_file import read_plan_file
from lockstep.target.admin import ServerUnreachableError, ServerView
from lockstep.target.target import PLAIN_TARGET, Target
from lockstep.tcp.addresses import split_target
from lockstep.tcp.sources import parse_sources
from lockstep_wire.framing import FRAMINGS

BY_HAND = "by hand"
COMPARISON_PLAN = "comparison plan"

# What a plan file may hold, and what it may hold for `lockstep compare` alone.
IN_A_PLAN_FILE: dict[str, type] = {
    **dict.fromkeys(("modes", "levels", "gate", "source", "out", "admin"), str),
    **dict.fromkeys(("scenario", "client_mode", "arrival"), str),
    **dict.fromkeys(("repeats", "messages", "payload", "seed"), int),
    **dict.fromkeys(("seconds", "warmup", "rate"), float),
}
_SERVERS = "is the server's, which runs already: set it where that is started, and leave it out here"
_LOCUSTS = "is for `lockstep compare` alone: leave it out"
_NOT_LOCUSTS = {
    **dict.fromkeys(("hold", "work", "pause"), _SERVERS),
    **dict.fromkeys(("host", "processes", "junit"), _LOCUSTS),
}

# What our options are where nobody sets them, by the names that they have once they are parsed.
DEFAULTS: dict[str, Any] = {}


def add_options(parser: Any, **_: Any) -> None:
    """Add Lockstep's options to Locust's parser."""
    defaults = Plan()
    traffic = defaults.traffic
    file = _given_early("plan")
    settings = _settings_of(Path(file)) if file else {}
    modes = offered_modes(_given_early("admin") or settings.get("admin", ""))
    shown = functools.partial(_add, parser, include_in_web_ui=True)
    hidden = functools.partial(_add, parser, include_in_web_ui=False)
    shown(
        "run",
        BY_HAND,
        "by hand, or the comparison plan, which sets the users itself",
        choices=[BY_HAND, COMPARISON_PLAN],
    )
    shown("mode", modes[0], "by hand only: which of the server's modes to load", choices=list(modes))
    shown(
        "client-mode",
        traffic.client_mode,
        "free, or locked: one session at a time in each worker",
        choices=list(CLIENT_MODES),
    )
    shown("scenario", traffic.scenario, "what a connection does", choices=list(SCENARIOS))
    shown(
        "arrival",
        traffic.arrival.kind,
        "closed: as soon as a user is free; constant or poisson: by the rate, whatever the users do",
        choices=list(ARRIVALS),
    )
    shown(
        "rate",
        0.0,
        "open arrivals only: turns a second, over all workers",
    )
    shown("messages", traffic.messages, "per connection")
    shown("payload", traffic.payload_bytes, "bytes in every message")
    compared = modes if modes == (PLAIN_TARGET,) else defaults.modes
    shown("modes", ",".join(compared), "plan only: which of the server's modes to compare")
    shown("levels", ",".join(map(str, defaults.levels)), "plan only: connections at once")
    shown("repeats", defaults.repeats, "plan only: how often every cell is measured")
    shown("seconds", defaults.seconds, "plan only: measured time of a cell")
    shown("warmup", defaults.warmup_s, "plan only: seconds of a cell before its measured time")
    shown("seed", defaults.seed, "plan only: shuffles the order of the cells")
    hidden(
        "admin",
        "",
        "host:port of a Lockstep server's admin port; without it any TCP service can be loaded by hand",
    )
    hidden("gate", "", "plan only: what must hold, separated by semicolons: 'free: response_p99 < 20ms'")
    hidden("plan", "", "TOML file of settings by the names of these options, which win over it")
    hidden("source", "", "local addresses to connect from: 127.0.0.1,127.0.0.2 or 127.0.0.1-127.0.0.8")
    hidden("out", "results", "folder for run folders")
    hidden("framing", "raw", "framing of a service that is not a Lockstep server", choices=list(FRAMINGS))
    hidden("reply", "", "what such a service answers: echo, an exact text, or nothing (unchecked)")
    if file:
        parser.set_defaults(run=COMPARISON_PLAN, **settings)


def _add(parser: Any, name: str, default: Any, text: str, **more: Any) -> None:
    DEFAULTS[name.replace("-", "_")] = default
    kind, env_var = type(default), _variable(name)
    parser.add_argument(f"--{name}", type=kind, default=default, help=text, env_var=env_var, **more)


def _variable(name: str) -> str:
    return "LOCKSTEP_" + name.replace("-", "_").upper()


def _given_early(name: str) -> str:
    """An option or its variable, before the parser that it shapes has parsed anything."""
    early = ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument(f"--{name}", dest="value", default=os.environ.get(_variable(name), ""))
    return str(early.parse_known_args()[0].value)


def compose() -> Compose | None:
    """What Compose tells of the shell that runs it, None elsewhere: for words only, it changes no run."""
    return Compose.of(os.environ)


def _settings_of(file: Path) -> dict[str, Any]:
    """What a plan file gives instead of the options' own defaults."""
    try:
        return read_plan_file(file, IN_A_PLAN_FILE, _NOT_LOCUSTS)
    except PlanError as error:
        print(f"lockstep: --plan {error}", file=sys.stderr)
        sys.exit(WRONG_USE)


@functools.lru_cache(maxsize=1)
def offered_modes(admin: str) -> tuple[str, ...]:
    """The modes of the server at `admin`, for the form's dropdown.

    A plain target's name where there is no such server.
    """
    if not admin:
        return (PLAIN_TARGET,)
    try:
        return tuple(ServerView(admin).snapshot().listeners)
    except ServerUnreachableError as error:
        print(f"lockstep: --admin {admin}: {error}", file=sys.stderr)
        sys.exit(WRONG_USE)


def traffic_of(options: Namespace) -> Traffic:
    """What connections do, as the options say. PlanError names the option that is wrong."""
    # The form's field is empty, or 0, where no rate is meant.
    arrival = Arrival(options.arrival, options.rate or None)
    sources = parse_sources(options.source)
    return Traffic(options.scenario, options.client_mode, options.messages, options.payload, arrival, sources)


def check_numbers(options: Namespace) -> None:
    """PlanError where a number makes no sense, be it used or not: Locust sends all of them to its workers."""
    Plan(
        repeats=options.repeats,
        seconds=options.seconds,
        warmup_s=options.warmup,
        seed=options.seed,
        traffic=traffic_of(options),
    )


def plan_of(options: Namespace) -> Plan:
    """The comparison plan, as the options say. PlanError names the option that is wrong."""
    # Only who leads makes plans: a worker has these options too, and no use for what judges its figures.
    from lockstep.analysis.gate_syntax import check_gates, split_gates

    plan = Plan(
        modes=parse_modes(options.modes),
        levels=parse_levels(options.levels),
        repeats=options.repeats,
        seconds=options.seconds,
        warmup_s=options.warmup,
        seed=options.seed,
        traffic=traffic_of(options),
        gates=split_gates(options.gate),
        file=options.plan or None,
    )
    check_gates(plan)
    return plan


def target_of(host: str | None, options: Namespace) -> Target:
    """Whom the load goes to. HarnessError where the host makes no sense."""
    name, port = split_target(host)
    server = ServerView(options.admin) if options.admin else None
    return Target(name, server, port, options.framing, options.reply or None)
