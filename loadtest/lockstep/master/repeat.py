"""The command that repeats a run which Locust leads: as it stands, without the page. Pure.

What the page's form chose is in no command line, and a manual run ends when somebody presses a button: so
the command is made of the options as they were and of what the run came to.
"""

from __future__ import annotations

import math
import shlex
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockstep.runs.records import Run
from lockstep.settings import COMPOSE_VARIABLES, Where, given_by

# Where Locust's master listens for workers if nobody says where.
DEFAULT_MASTER_PORT = 5557
# How much later than Locust's clock for the run time the measured time may begin.
BEGINNING_S = 5.0
# Its settings are in the options by now, and the file may change.
_NEVER = frozenset({"plan"})


@dataclass(frozen=True, slots=True)
class _Setting:
    """An option by its flag's name, Locust's or ours. value: None for a flag that stands alone."""

    name: str
    value: str | None
    locusts: bool

    def as_flag(self) -> str:
        return f"--{self.name}" if self.value is None else f"--{self.name} {shlex.quote(self.value)}"

    def as_variable(self) -> str:
        name = self.name.upper().replace("-", "_")
        value = "true" if self.value is None else self.value
        return f"{'LOCUST' if self.locusts else 'LOCKSTEP'}_{name}={shlex.quote(value)}"


_HEADLESS = _Setting("headless", None, locusts=True)


@dataclass(frozen=True, slots=True)
class Compose:
    """What docker-compose.yml tells its master of the shell that runs it.

    results: where the results are there. host: what is loaded if nobody says what. settings: what the shell
    set for the rest of Compose, as it did.
    """

    results: Path
    host: str
    settings: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Compose | None:
        """None in a process that Compose did not start."""
        results = environment.get("LOCKSTEP_COMPOSE")
        if results is None:
            return None
        settings = (
            (each.name, environment[each.name]) for each in COMPOSE_VARIABLES if environment.get(each.name)
        )
        return cls(Path(results), environment.get("LOCUST_HOST", ""), tuple(settings))


def repeat_command(run: Run, options: Namespace, defaults: Mapping[str, Any], compose: Compose | None) -> str:
    """options: Locust's and ours, as this run had them. defaults: what ours are where nobody sets them.

    compose: None where the run was not led in Compose.
    """
    ours = [
        _Setting(name.replace("_", "-"), _text(value), locusts=False)
        for name, value in _chosen(run, options, defaults)
    ]
    if compose is not None:
        return _line_of_compose(run, options, ours, compose)
    settings = [_HEADLESS, *_crew(run, options), *_load(run, options), *ours, *_host(options, None)]
    return " ".join(["locust -f", shlex.quote(options.locustfile), *(each.as_flag() for each in settings)])


def _line_of_compose(run: Run, options: Namespace, ours: list[_Setting], compose: Compose) -> str:
    workers = len(run.hosts) - 1
    passed_on = {setting.name for setting in given_by(Where.COMPOSE)}
    settings = [
        _HEADLESS,
        *([_Setting("expect-workers", str(workers), locusts=True)] if workers else []),
        *_load(run, options),
        *(each for each in ours if each.name in passed_on),
        *_host(options, compose.host),
    ]
    rest = (f"{name}={shlex.quote(value)}" for name, value in compose.settings)
    variables = " ".join([*(each.as_variable() for each in settings), *rest])
    scale = f" --scale worker={workers}" if workers else ""
    return f"{variables} docker compose up --detach{scale} && docker compose wait master"


def _host(options: Namespace, usual: str | None) -> Iterator[_Setting]:
    if options.host and options.host != usual:
        yield _Setting("host", options.host, locusts=True)


def _chosen(run: Run, options: Namespace, defaults: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Our options that are not as they would be anyway, and that mean something in this kind of run."""
    idle = {setting.key for setting in given_by(Where.LOCUST) if setting.only not in (None, run.kind)}
    for name, default in defaults.items():
        value = getattr(options, name)
        if value != default and name not in idle | _NEVER:
            yield name, value


def _crew(run: Run, options: Namespace) -> Iterator[_Setting]:
    """Who carries the load: this process, workers of this machine, or others, which are waited for."""
    master, *workers = run.hosts
    if not options.master or not workers:
        return
    here = all(each.get("boot_id") == master.get("boot_id") for each in workers)
    if not here:
        yield _Setting("master", None, locusts=True)
    yield _Setting("processes" if here else "expect-workers", str(len(workers)), locusts=True)
    if options.master_bind_port != DEFAULT_MASTER_PORT:
        yield _Setting("master-bind-port", str(options.master_bind_port), locusts=True)
        if here:
            yield _Setting("master-port", str(options.master_bind_port), locusts=True)


def _load(run: Run, options: Namespace) -> Iterator[_Setting]:
    """A manual run: how many users, how fast they came, and how long it went on, to the second."""
    if not run.manual:
        return
    level = max((cell.level for cell in run.cells), default=options.num_users or 1)
    yield _Setting("users", str(level), locusts=True)
    yield _Setting("spawn-rate", _text(options.spawn_rate or 1), locusts=True)
    if run.cells:
        yield _Setting("run-time", f"{_run_time_s(run.cells[-1].seconds, options.run_time)}s", locusts=True)


def _run_time_s(measured_s: float, given_s: int | None) -> int:
    """How long it went on: by the run time that was given, or until somebody ended it.

    What was measured begins a little after that time did; and Locust keeps the run time of an earlier run.
    """
    ended_by_itself = given_s is not None and 0 <= given_s - measured_s <= BEGINNING_S
    return given_s if given_s is not None and ended_by_itself else max(1, math.ceil(measured_s))


def _text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
