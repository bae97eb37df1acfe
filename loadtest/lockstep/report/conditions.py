"""Under what circumstances a run was measured: versions, machines, limits, flags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lockstep.analysis.numbers import ABSENT, duration
from lockstep.report.words import counted, series_noun
from lockstep.runs.records import PLAIN_TARGET, Run, TargetRecord
from lockstep.scenario import heeds

# In a host's line: its role leads, and its boot_id only tells programs which clocks compare.
_HOST_HIDDEN = ("role", "boot_id")
_SERVER_HIDDEN = ("pid", "boot_id")
# Settings of run.json whose names are not words, or not enough of them.
_NAMES: Mapping[str, str] = {
    "warmup_s": "warm-up",
    "keep": "promise",
    "by": "load",
    "start": "first load",
    "up_to": "greatest load",
    "at_most_s": "at most",
    "capped": "no more than the greatest load, for",
    "seconds": "measurement window per cell",
    "repeats": "repeats per cell",
    "profile": "a profiler in one more cell of each series",
    "restart": "servers started anew for each repeat",
    "longer": "longer windows, as sessions need",
    "fits": "longer windows, as loads need, of",
    "levels": "levels (connections)",
    "file": "plan file",
    "user_file": "what users do",
    "path": "file",
    "digest": "digest of its text",
    "without_tags": "tags left out",
    "messages": "messages per connection",
    "payload_bytes": "payload, bytes",
    "rate_per_s": "arrivals per second",
    "sources": "source addresses",
    "client_mode": "clients",
    "gil": "global interpreter lock",
    "cpu_count": "CPUs",
    "open_files_limit": "open-file limit",
    "threads_limit": "thread limit",
}
_SECONDS = ("warmup_s", "seconds", "timeout_s", "idle_timeout_s", "at_most_s")
# What is only there where somebody gave it.
_OPTIONAL = ("file", "rate_per_s", "baseline", "user_file", "search", "at_least", "capped", "fits")


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions of one kind, as pairs of a name and words."""

    heading: str
    pairs: tuple[tuple[str, str], ...]


def subtitle(run: Run) -> str:
    """What was run, and when."""
    end = "" if run.finished is not None and not run.interrupted else " · not finished"
    return f"{_what(run)} · {_moment(run.started)}{end}"


def _what(run: Run) -> str:
    """The size of the plan, and of one that was not gone through how much was measured."""
    modes = run.planned.modes or {cell.mode for cell in run.cells}
    if run.planned.search is not None:
        cells = counted(len(run.cells), "cell")
        return f"A search for the limits of {counted(len(modes), series_noun(run))}, in {cells} that count"
    levels = run.planned_levels or {cell.level for cell in run.cells}
    size = f"{counted(len(modes), series_noun(run))}, {counted(len(levels), 'level')}"
    if run.manual:
        return f"A manual run of {counted(len(run.cells), 'cell')}, {size}"
    repeats = run.planned_repeats or max((cell.repeat for cell in run.cells), default=0)
    planned = max(len(modes) * len(levels) * repeats, len(run.cells))
    measured = sum(not cell.cut_short for cell in run.cells)
    left = f", {measured} of them measured" if measured < planned else ""
    return f"A plan of {counted(planned, 'cell')}{left}: {size}, {counted(repeats, 'repeat')}"


def conditions(run: Run) -> list[Group]:
    """All that is known, by kind; kinds of which nothing is known are left out."""
    groups = (
        Group("Run", tuple(_run(run))),
        Group("Plan", tuple(_flat("", _heeded(_plan(run))))),
        Group("Server", (*_flat("", _without(run.server, _SERVER_HIDDEN)), *_addresses(run))),
        *(Group(_title(name, target), tuple(_target(target))) for name, target in run.targets.items()),
        Group("Machines", tuple(_machines(run))),
    )
    return [group for group in groups if group.pairs]


def _plan(run: Run) -> dict[str, Any]:
    """What was planned: a search plans neither levels nor repeats."""
    return run.plan if run.planned.search is None else _without(run.plan, ("levels", "repeats"))


def _title(name: str, target: TargetRecord) -> str:
    kind = "a Lockstep server" if target.server else "no Lockstep server"
    return f"Target, {kind}" if name == PLAIN_TARGET else f"Target {name}, {kind}"


def _target(target: TargetRecord) -> Iterator[tuple[str, str]]:
    yield "URL", target.url
    if target.command is not None:
        yield "started by", target.command
    yield from _flat("", _without(target.server, _SERVER_HIDDEN))
    if target.framing is not None:
        yield from _flat("", {"framing": target.framing, "reply": target.reply})


def in_one_line(run: Run) -> str:
    """The conditions without which no figure means anything."""
    servers = [run.server, *(target.server for target in run.targets.values())]
    told = [server for server in servers if server]
    # Of several what they agree in, but for the interpreters: these may be what is compared.
    server = {
        key: value for key, value in (told or [{}])[0].items() if all(each.get(key) == value for each in told)
    }
    facts = [
        " and ".join(dict.fromkeys(_interpreter(each) for each in told if "python" in each)) or None,
        f"{counted(server['cpu_count'], 'CPU')}" if server.get("cpu_count") else None,
        str(server["platform"]) if "platform" in server else None,
        f"hold {_setting('hold_ns', server['hold_ns'])}" if "hold_ns" in server else None,
        str(server["work"]) if "work" in server else None,
        _moment(run.started),
    ]
    return ", ".join(each for each in facts if each is not None)


def _interpreter(server: Mapping[str, Any]) -> str:
    """Which Python a server runs on; that it has no global lock is told where it has none."""
    free = " without a global lock" if server.get("gil") is False else ""
    return f"{server.get('implementation', 'Python')} {server['python']}{free}"


def _run(run: Run) -> Iterator[tuple[str, str]]:
    yield "run", run.run_id
    yield "started", _moment(run.started)
    yield "finished", "not finished" if run.finished is None else _moment(run.finished)
    yield "report format", f"{run.schema}"


def _heeded(plan: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan without what makes no difference to its users: in a file of theirs they say it themselves."""
    traffic, beside = plan.get("traffic"), ", ".join(plan.get("beside") or ())
    if not isinstance(traffic, Mapping):
        return plan
    scenario = str(traffic.get("scenario"))
    heeded = {name: value for name, value in traffic.items() if heeds(scenario, name, beside)}
    return {**plan, "traffic": heeded}


def _flat(prefix: str, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Settings in words, those within settings beside the others."""
    for name, value in settings.items():
        if name in _OPTIONAL and not value and value != 0:
            continue
        if isinstance(value, Mapping):
            yield from _flat(f"{_named(name)}: ", value)
        else:
            yield prefix + _named(name), _setting(name, value)


def _named(name: str) -> str:
    """A setting's name in words."""
    return _NAMES.get(name) or name.removesuffix("_ns").replace("_", " ")


def _addresses(run: Run) -> Iterator[tuple[str, str]]:
    """Where connections went to; runs of earlier versions do not tell."""
    used = sorted({address for cell in run.cells for address in cell.addresses})
    if used:
        yield "connected to", ", ".join(used)


def _machines(run: Run) -> Iterator[tuple[str, str]]:
    """Hosts that are alike in everything but their name stand together."""
    alike: dict[str, list[Mapping[str, Any]]] = {}
    for host in run.hosts:
        words = ", ".join(
            f"{_named(name)} {_plain(value)}"
            for name, value in host.items()
            if name not in (*_HOST_HIDDEN, "name")
        )
        alike.setdefault(words, []).append(host)
    for words, hosts in alike.items():
        roles = ", ".join(str(host.get("role", "host")) for host in hosts)
        names = dict.fromkeys(_short(str(host["name"])) for host in hosts if "name" in host)
        yield roles, f"{words}, named {', '.join(names)}" if names else words


def _short(name: str) -> str:
    """Locust's name for a worker with the first 8 of its 32 hexadecimal digits."""
    return re.sub(r"(_[0-9a-f]{8})[0-9a-f]{24}$", r"\1", name)


def _without(settings: Mapping[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in hidden}


def _setting(name: str, value: Any) -> str:
    if name == "longer":
        cells = (f"{each['mode']} at {each['level']} {each['seconds']:g} s" for each in value)
        return ", ".join(cells)
    if name == "fits":
        return ", ".join(each["mode"] for each in value)
    if name.endswith("_ns") and isinstance(value, int):
        return duration(value / 1000) if value else "0"
    if name == "reply" and value is None:
        return "not checked"
    if name in _SECONDS and isinstance(value, int | float):
        return f"{value:g} s"
    return _plain(value)


def _plain(value: Any) -> str:
    """A value of run.json in words."""
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_plain(each)}" for name, each in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ABSENT if value is None else str(value)


def _moment(iso: str) -> str:
    return iso.replace("T", " ").replace("+00:00", " UTC")
