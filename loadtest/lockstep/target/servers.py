"""Whom a run on this machine goes to: a server that is found, or those that are started for it, also anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lockstep.errors import HarnessError
from lockstep.plan import Plan
from lockstep.target.admin import ServerView
from lockstep.target.chosen import Chosen
from lockstep.target.discovery import find_server, reachable_at
from lockstep.target.local_server import local_server
from lockstep.target.on_pythons import OnPythons
from lockstep.target.target import Target, Targets
from lockstep.tcp.endpoint import Endpoint

# What Linux allows a backlog by itself.
MAX_BACKLOG = 4096
# The records of some seconds of the shortest sessions; and as many as still fit its memory, and one answer
# of its.
MIN_RECORDS = 100_000
MAX_RECORDS = 500_000


@dataclass(frozen=True, slots=True)
class Whom:
    """host: None starts a server with `flags`; `auto` listens for an announcement; else `tcp://name`.

    admin: `host:port` of a server that is already running. chosen: targets with names of their own, instead
    of one server's modes. on_pythons: the modes on several interpreters, instead of on this one.
    """

    host: str | None = None
    admin: str | None = None
    flags: tuple[str, ...] = ()
    chosen: Chosen | None = None
    on_pythons: OnPythons | None = None

    def of_others(self, plan: Plan) -> Sequence[str]:
        """The modes of servers that nobody starts for the run."""
        if self.chosen is not None:
            return [each.name for each in self.chosen.running]
        return plan.modes if self.host or self.admin else ()


class Servers:
    """Finds or starts them. targets: whom the load goes to now. Refusals of who starts one pass through."""

    def __init__(self, whom: Whom, plan: Plan, tell: Callable[[str], None]) -> None:
        """tell: as for Started.stop."""
        self._whom, self._plan, self._tell = whom, plan, tell
        self._started = ExitStack()
        self.targets = self._find()

    def anew(self) -> Targets:
        """End what was started, and start it again, each at another port: its last may not be free yet."""
        self.end()
        self.targets = self._find()
        return self.targets

    def end(self) -> None:
        """End what was started."""
        self._started.close()

    def _find(self) -> Targets:
        with ExitStack() as starting:
            targets = _find(self._whom, self._plan, starting, self._tell)
            self._started = starting.pop_all()
        return targets


def _find(whom: Whom, plan: Plan, stack: ExitStack, tell: Callable[[str], None]) -> Targets:
    if whom.chosen is not None:
        return whom.chosen.bring_up(stack, tell)
    if whom.host is None and whom.admin is None:
        flags = (*whom.flags, *_room_for(plan))
        if whom.on_pythons is not None:
            return whom.on_pythons.bring_up(stack, flags)
        ready = stack.enter_context(local_server(plan.modes, flags))
        ours = ServerView(f"127.0.0.1:{ready['admin_port']}")
        return Target(Endpoint("127.0.0.1"), ours, process=ready["pid"])
    if whom.host == "auto":
        found = find_server()
        if whom.admin is not None:
            return Target(Endpoint(found.host), ServerView(whom.admin))
        host = reachable_at(found)
        return Target(Endpoint(host), ServerView(f"{host}:{found.admin_port}"))
    server = None if whom.admin is None else ServerView(whom.admin)
    endpoint = Endpoint.parse(whom.host or (whom.admin or "").rpartition(":")[0])
    if server is None:
        raise HarnessError(
            "--host needs --admin HOST:PORT beside it: the server tells its modes there. Is it no "
            f"Lockstep server, give --target NAME={endpoint}"
        )
    return Target(endpoint, server)


def _room_for(plan: Plan) -> tuple[str, ...]:
    """Flags by which our own server has room for a plan's connections: in its backlog, and in its records."""
    backlog = min(max(128, plan.most_users), MAX_BACKLOG)
    if plan.search is not None:
        return ("--backlog", str(backlog), "--records", str(MAX_RECORDS))
    expected = (plan.traffic.arrival.rate_per_s or 0) * (plan.warmup_s + plan.seconds)
    records = min(max(MIN_RECORDS, round(expected * 1.2)), MAX_RECORDS)
    return ("--backlog", str(backlog), "--records", str(records))
