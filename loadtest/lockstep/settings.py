"""Every setting of a run, declared once.

From `SETTINGS` it is a flag of `lockstep compare`, a key of a plan file, an option and a variable for Locust,
a field of the page's form, a variable of docker-compose.yml and a line of docs/settings.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from pathlib import Path
from typing import Any

from lockstep.beside import KINDS
from lockstep.errors import PlanError
from lockstep.plan import Plan
from lockstep.scenario import SHIPPED_SCENARIOS
from lockstep.search import RATE, SEARCHED, USERS, USUAL_UP_TO
from lockstep.traffic import ARRIVALS, CLIENT_MODES, OPEN_ARRIVALS
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import NAMES
from lockstep_wire.listeners import USUAL_LISTENERS

MANUAL_RUN = "manual run"
COMPARISON_PLAN = "comparison plan"


class Where(Flag):
    """Where a setting may be given."""

    COMPARE = auto()
    """A flag of `lockstep compare`."""
    FIND = auto()
    """A flag of `lockstep find`."""
    RUN = auto()
    """A flag of `lockstep run`."""
    PLAN_FILE = auto()
    """A key of a plan file."""
    LOCUST = auto()
    """An option of Locust's, and its variable."""
    FORM = auto()
    """A field of the page's form."""
    COMPOSE = auto()
    """A variable that docker-compose.yml passes on."""


_NOWHERE = Where(0)
_HERE = Where.COMPARE | Where.FIND
_COMPARE = _HERE | Where.PLAN_FILE
# What one load needs too.
_BOTH = _COMPARE | Where.RUN
_LOCUST = Where.LOCUST | Where.COMPOSE
_FIND = Where.FIND | Where.PLAN_FILE | _LOCUST
_ALL = _COMPARE | _LOCUST | Where.FORM
_ALL_LOADS = _ALL | Where.RUN
# What a search finds out by itself, or has no use for.
_PLANNED = ~Where.FIND

# kind -> what a value is called in help, what is wanted in a refusal, and the remedy.
_KINDS: dict[type, tuple[str, str, str]] = {
    int: ("N", "a whole number", "write for example {}3"),
    float: ("NUMBER", "a number", "write for example {}1.5"),
    str: ("TEXT", "text", "write it in quotes"),
    Path: ("PATH", "text", "write it in quotes"),
    bool: ("", "true or false", "write for example {}true"),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. name: its flag, without the dashes. kind: int, float, str, Path or, with no value, bool.

    default: None where nothing is set, or where another program sets it, `usual` then says to what.
    choices: all there are. offered: some of many, completed by TAB. listed: several values, with commas in
    text and as a list in a plan file. repeatable: a flag that may be given several times. only: `plan` or
    `hand`, where it means something in one kind of run. to_server: handed on to the server that is started
    for the run, as its flag of the same name. of_started: what is done with servers that are started for the
    run, and cannot be with others.
    """

    name: str
    kind: type
    default: Any
    help: str
    where: Where = _NOWHERE
    choices: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    listed: bool = False
    repeatable: bool = False
    only: str | None = None
    usual: str | None = None
    to_server: bool = False
    of_started: bool = False

    @property
    def key(self) -> str:
        """Its name in Python, in Locust's options and in the form; a plan file may write it so too."""
        return self.name.replace("-", "_")

    @property
    def variable(self) -> str:
        """Its variable, for Locust and Compose."""
        return f"LOCKSTEP_{self.key.upper()}"

    @property
    def metavar(self) -> str:
        """What help calls its value: its choices, where it has some."""
        return "|".join(self.choices) or _KINDS[self.kind][0]

    @property
    def shown_default(self) -> str | None:
        """Its default in help and documentation; None where nothing is set."""
        return self.usual or (None if self.default in (None, False) else str(self.default))

    @property
    def elsewhere(self) -> str:
        """Why a plan file must not hold it, in words, where another way of running it would take it."""
        if self.of_started:
            return "is for servers that a run itself starts: leave it out, or use `lockstep compare`"
        if self.to_server:
            return "is the server's, which runs already: set it where that is started, and leave it out here"
        if Where.COMPARE not in self.where:
            return "is for `lockstep find` alone: leave it out, or use that"
        return "is for `lockstep compare` alone: leave it out"

    def parse(self, text: str) -> Any:
        """The value that a text means, a path as text. PlanError where it is not of this kind or a choice."""
        try:
            value = self.kind(text) if self.kind in (int, float) else text
        except ValueError:
            _, wanted, remedy = _KINDS[self.kind]
            raise PlanError(self.name, f"{text!r} is not {wanted}: {remedy.format('')}") from None
        if self.choices and value not in self.choices:
            raise PlanError(self.name, f"{text!r} is unknown: {did_you_mean(text, self.choices)}")
        return value

    def from_toml(self, written: str, value: Any) -> Any:
        """The value of a plan file's key, a list as text with commas. ValueError says what is wrong with it.

        written: the key as the file spells it.
        """
        if self.listed:
            parts = value if isinstance(value, list) else [value]
            if any(type(part) not in (str, int) for part in parts):
                raise ValueError(f"{written} = {_shown(value)} is not a list of names or whole numbers")
            return ",".join(map(str, parts))
        # A whole number will do for a number; true and false, which Python counts as whole numbers, will not.
        if self.kind is float and type(value) is int:
            return float(value)
        if type(value) is (str if self.kind is Path else self.kind):
            if self.choices and value not in self.choices:
                raise ValueError(
                    f"{written} = {_shown(value)} is unknown: {did_you_mean(str(value), self.choices)}"
                )
            return value
        _, wanted, remedy = _KINDS[self.kind]
        raise ValueError(f"{written} = {_shown(value)} is not {wanted}: {remedy.format(f'{written} = ')}")


def _shown(value: Any) -> str:
    """A value as the file may have written it, on one line."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


_PLAN = Plan()
_TRAFFIC = _PLAN.traffic

SETTINGS = (
    Setting(
        "run",
        str,
        MANUAL_RUN,
        "a manual run, or the comparison plan, which sets the users itself",
        _LOCUST | Where.FORM,
        choices=(MANUAL_RUN, COMPARISON_PLAN),
    ),
    Setting("mode", str, None, "Server mode to load", _LOCUST | Where.FORM, only="hand", usual="the first"),
    Setting(
        "client-mode",
        str,
        _TRAFFIC.client_mode,
        "free, or locked: one session at a time in each worker",
        _ALL,
        choices=CLIENT_MODES,
    ),
    Setting(
        "scenario",
        str,
        _TRAFFIC.scenario,
        "What a user does in an iteration",
        _ALL,
        choices=SHIPPED_SCENARIOS,
    ),
    Setting(
        "arrival",
        str,
        _TRAFFIC.arrival.kind,
        f"When iterations begin: closed, once a user is free; {' or '.join(OPEN_ARRIVALS)}, at the rate",
        _ALL_LOADS,
        choices=ARRIVALS,
    ),
    Setting(
        "rate",
        float,
        None,
        "Iterations per second over all workers (open arrivals only)",
        _ALL_LOADS & _PLANNED,
    ),
    Setting("messages", int, _TRAFFIC.messages, "Messages per connection", _ALL),
    Setting(
        "depth", int, _TRAFFIC.depth, "Messages in flight on each connection, with --scenario pipelined", _ALL
    ),
    Setting("payload", int, _TRAFFIC.payload_bytes, "Payload of a message, in bytes", _ALL),
    Setting(
        "modes",
        str,
        ",".join(_PLAN.modes),
        "Server modes to compare, separated by commas",
        _ALL,
        offered=tuple(USUAL_LISTENERS),
        listed=True,
        only="plan",
    ),
    Setting(
        "levels",
        str,
        ",".join(map(str, _PLAN.levels)),
        "Concurrency levels (numbers of connections), separated by commas",
        _ALL & _PLANNED,
        listed=True,
        only="plan",
    ),
    Setting(
        "baseline",
        str,
        None,
        "The mode or target that the others are compared with",
        _COMPARE | _LOCUST,
        usual="free, the last target, or the first mode on the first --python",
        only="plan",
    ),
    Setting(
        "repeats",
        int,
        _PLAN.repeats,
        "Repeats of every cell, interleaved",
        _ALL_LOADS & _PLANNED,
        only="plan",
    ),
    Setting(
        "keep",
        str,
        None,
        "What has to hold, at the greatest load that is looked for: 'response_p99 < 50ms; failed <= 0'",
        _FIND | Where.FORM,
        listed=True,
        repeatable=True,
        only="plan",
    ),
    Setting(
        "search",
        str,
        USERS,
        "What a load is: users, connections at once; or rate, arrivals per second",
        _FIND | Where.FORM,
        choices=SEARCHED,
        only="plan",
    ),
    Setting(
        "within",
        str,
        "5%",
        "How near the loads that hold and that break have to come",
        _FIND,
        only="plan",
    ),
    Setting(
        "up-to",
        float,
        None,
        "The greatest load that is tried",
        _FIND,
        usual=f"{USUAL_UP_TO[USERS]:,.0f} users, or {USUAL_UP_TO[RATE]:,.0f} per second",
        only="plan",
    ),
    Setting(
        "until",
        str,
        None,
        "Add repeats until every throughput (open load: every p99) is so sure: 5%; --repeats are the first",
        (_COMPARE | _LOCUST) & _PLANNED,
        only="plan",
    ),
    Setting(
        "most",
        int,
        30,
        "How many repeats --until may take",
        (_COMPARE | _LOCUST) & _PLANNED,
        only="plan",
    ),
    Setting(
        "at-most",
        str,
        "10m",
        "How long --keep or --until may take",
        _COMPARE | _LOCUST,
        only="plan",
    ),
    Setting(
        "at-least",
        float,
        None,
        "The load at which it has to hold for every mode or target, or exit code 1",
        _FIND,
        only="plan",
    ),
    Setting(
        "seconds", float, _PLAN.seconds, "Measurement window per cell, in seconds", _ALL_LOADS, only="plan"
    ),
    Setting(
        "warmup",
        float,
        _PLAN.warmup_s,
        "Warm-up before it, in seconds (not counted)",
        _ALL_LOADS,
        only="plan",
    ),
    Setting("seed", int, _PLAN.seed, "Seed of the order of the cells", _ALL_LOADS, only="plan"),
    Setting(
        "stages",
        str,
        None,
        "How users, or an open load's rate, change in a cell: 'ramp 0-100 10s, hold 100 20s, spike 300 2s, "
        "sine 50-150 30s'",
        (_COMPARE | Where.RUN | _LOCUST) & _PLANNED,
        listed=True,
        only="plan",
    ),
    Setting(
        "heartbeat",
        str,
        None,
        "Ask on each connection, beside its messages, whether the peer is there: 1s, or 1s:PING for its text",
        _COMPARE | _LOCUST,
        only="plan",
    ),
    Setting(
        "rendezvous",
        str,
        None,
        "All users of all workers begin each iteration at once; how long they wait for each other: 5s",
        (_COMPARE | Where.RUN | _LOCUST) & _PLANNED,
        only="plan",
    ),
    Setting(
        "beside",
        str,
        None,
        f"Users beside the others, in cells of their own: {', '.join(KINDS)}; idle:1000 or slow-reader:10%",
        (_COMPARE | _LOCUST) & _PLANNED,
        listed=True,
        only="plan",
    ),
    Setting(
        "gate",
        str,
        None,
        "What must hold, or exit code 1: 'free: response_p99 < 20ms'; several: with ; between; "
        "a cell that breaks it ends early: 'free: failed_share < 10% or abort'",
        (_BOTH | _LOCUST) & _PLANNED,
        listed=True,
        repeatable=True,
        only="plan",
    ),
    Setting(
        "plan",
        Path,
        None,
        "TOML file of these settings, or a shipped plan, such as smoke; what is given beside it wins",
        _HERE | _LOCUST,
    ),
    Setting(
        "source",
        str,
        None,
        "Local addresses to connect from: 127.0.0.1,127.0.0.2 or 127.0.0.1-127.0.0.8",
        _BOTH | _LOCUST,
        listed=True,
    ),
    # Compose has its own of these two.
    Setting("out", Path, "results", "Folder for run folders", _BOTH | Where.LOCUST),
    Setting("admin", str, None, "HOST:PORT of a Lockstep server's admin port", _COMPARE | Where.LOCUST),
    Setting("host", str, None, "A server that runs already: tcp://name, or auto", _COMPARE),
    Setting(
        "target",
        str,
        None,
        "A service to compare, in the place of a mode: NAME=tcp://name:port, also tls:// and unix://; of a "
        "Lockstep server with ,admin=HOST:PORT behind it",
        _COMPARE | _LOCUST,
        listed=True,
        repeatable=True,
        only="plan",
    ),
    Setting(
        "run",
        str,
        None,
        "A service to start, compare and end: NAME='COMMAND {port}', which listens on that port of 127.0.0.1 "
        "({socket}: on that unix socket)",
        _HERE,
        repeatable=True,
        only="plan",
    ),
    Setting(
        "ready",
        str,
        None,
        "A regular expression: what such a service prints when it is ready",
        _HERE,
        usual="once it accepts a connection",
    ),
    Setting(
        "python",
        str,
        None,
        "An interpreter for a server of its own, with every mode: 3.13t, a path, or NAME=PATH; series are "
        "called free-on-3.13t",
        _COMPARE,
        listed=True,
        repeatable=True,
        only="plan",
    ),
    Setting(
        "restart",
        bool,
        False,
        "Start the servers anew for each repeat: what differs from start to start is then in the intervals",
        _COMPARE,
        only="plan",
        of_started=True,
    ),
    Setting(
        "profile",
        bool,
        False,
        "Make a flame graph of each series, in a cell of its own after all others (needs py-spy)",
        Where.COMPARE | Where.PLAN_FILE,
        only="plan",
        of_started=True,
    ),
    Setting(
        "watch",
        str,
        None,
        "The server's process, whose threads and listen queue are looked at beside the load: PID, NAME=PID "
        "for a target, or off",
        _BOTH,
        listed=True,
        usual="every server that is started for the run",
    ),
    Setting("hold", str, None, "Service time of a message", _COMPARE, usual="2ms", to_server=True),
    Setting(
        "work",
        str,
        None,
        "How it is spent: sleep or cpu",
        _COMPARE,
        offered=("sleep", "cpu"),
        usual="sleep",
        to_server=True,
    ),
    Setting(
        "pause",
        str,
        None,
        "How long a mode keeps its permit after a close",
        _COMPARE,
        usual="0",
        to_server=True,
    ),
    Setting(
        "push",
        str,
        None,
        "How often it speaks unasked; with receive-only every 10ms",
        _COMPARE,
        usual="0",
        to_server=True,
    ),
    Setting(
        "file", Path, None, "What users do, instead of a scenario: a dialogue or classes of TcpUser", _LOCUST
    ),
    Setting("users", int, 10, "Users at once", Where.RUN),
    Setting(
        "target", str, None, "The service, [NAME=]tcp://name:port; the file's own wins without it", Where.RUN
    ),
    Setting(
        "tags",
        str,
        None,
        "Run only tasks of the file's classes that have one of these tags, separated by commas",
        _BOTH,
    ),
    Setting(
        "exclude-tags",
        str,
        None,
        "Leave out tasks of the file's classes that have one of these tags",
        _BOTH,
    ),
    Setting("processes", int, 2, "Worker processes", _BOTH),
    Setting("junit", Path, None, "JUnit XML of the gates, for a pipeline", _BOTH & _PLANNED),
    Setting(
        "framing",
        str,
        "raw",
        "Framing of a service that is not a Lockstep server: raw, line, length:>H, resp, ...",
        _COMPARE | _LOCUST,
        offered=NAMES,
    ),
    Setting(
        "reply",
        str,
        None,
        "What such a service answers: echo, or an exact text; unchecked without it",
        _COMPARE | _LOCUST,
        offered=("echo",),
    ),
)


def given_by(where: Where) -> tuple[Setting, ...]:
    """The settings that may be given there, in the table's order."""
    return tuple(setting for setting in SETTINGS if setting.where & where)


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable that is no setting of a run. default: docker-compose.yml's own."""

    name: str
    default: str
    help: str


COMPOSE_VARIABLES = (
    *(
        Variable(setting.variable, setting.shown_default or "", f"the server's --{setting.name}")
        for setting in SETTINGS
        if setting.to_server
    ),
    Variable("LOCKSTEP_BACKLOG", "1024", "the server's --backlog"),
    Variable("LOCKSTEP_RECORDS", "100000", "the server's --records"),
    Variable("LOCKSTEP_SERVER_CPUS", "0", "CPUs of the server, 0 for all"),
    Variable("LOCKSTEP_MASTER_CPUS", "0", "CPUs of the master, 0 for all"),
    Variable("LOCKSTEP_WORKER_CPUS", "0", "CPUs of each worker, 0 for all"),
    Variable("LOCKSTEP_FILES", ".", "folder with files for LOCKSTEP_FILE, /files in the containers"),
    Variable("LOCKSTEP_RESULTS", "./results", "folder for run folders on this machine"),
    Variable("LOCKSTEP_WEB_PORT", "8089", "port of the page on 127.0.0.1"),
    Variable("LOCKSTEP_TAG", "local", "tag of the images"),
)

PAGE_HOSTS = "LOCKSTEP_PAGE_HOSTS"
PAGE_USER = "LOCKSTEP_PAGE_USER"
PAGE_PASSWORD = "LOCKSTEP_PAGE_PASSWORD"
WORKER_TOKEN = "LOCKSTEP_WORKER_TOKEN"

# Variables alone: everybody on a machine can read its command lines, and Locust hands options to workers.
GUARDS = (
    Variable(
        PAGE_HOSTS,
        "",
        "names under which the page may be opened, beside this machine's own, addresses and names without a "
        "dot: load.example.com, with commas between",
    ),
    Variable(PAGE_USER, "", "who may open the page, after a login"),
    Variable(PAGE_PASSWORD, "", "with which password: itself, or a hash of it as werkzeug makes one"),
    Variable(WORKER_TOKEN, "", "what a master and its workers share: who has it not is no worker"),
)
"""What keeps strangers away from a master's page, and from its port for workers."""

# Of those who look on, none of whom is in the command that repeats a run.
OBSERVERS = (
    Variable("LOCKSTEP_GRAFANA_PORT", "3000", "port of the dashboard on 127.0.0.1, with --profile observe"),
    Variable("LOCKSTEP_GRAFANA", "12.1.0", "tag of Grafana's image"),
    Variable("LOCKSTEP_PROMETHEUS", "v3.5.0", "tag of Prometheus' image"),
)
"""What Compose's profile `observe` takes."""
