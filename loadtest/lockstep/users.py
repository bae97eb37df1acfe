"""Locust users that speak raw TCP, for anybody's locustfile.

What only some processes need is brought in where they need it: a master makes no user and so fills no table,
and a run is checked once Locust is set up.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from locust import User, events
from locust.env import Environment
from locust.exception import StopUser
from locust.runners import WorkerRunner
from locust.user.task import LOCUST_STATE_STOPPING, DefaultTaskSet, TaskSet

from lockstep.errors import HarnessError
from lockstep.locust_numbers import install as install_fine_numbers
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.link import check_bound
from lockstep.tcp.samples import Meter, Sample, SampleMeter
from lockstep.tcp.stream import ConnectionSettings, StreamSettings
from lockstep.user_client import UserClient

if TYPE_CHECKING:
    from lockstep.record.locust_feed import LocustFeed
    from lockstep.tcp.by_id import ById
    from lockstep_wire.framing import Framing

logger = logging.getLogger(__name__)

# Locust imports a locustfile on the master and on every worker alike: so all of them get the fine numbers.
install_fine_numbers()


NOBODY_LEADS = "rendezvous() needs somebody who leads: load the file by `lockstep run` or `lockstep compare`"
NO_BOUND = "rendezvous(None) would wait for ever for who has stopped: give seconds"


@lru_cache(maxsize=64)
def _warn_once(users: str, warning: str) -> None:
    logger.warning("%s: %s", users, warning)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a user is that is part of a cell, and not of a Locust test of its own.

    endpoint: whom it talks to, whatever its class says. meter: of its connection, which fills Locust's table
    too. settings: of its connection, beside those of its class. misused: told, in one line, what is wrong
    with how the client is used, or with this machine. meet: as TcpUser.rendezvous.
    """

    endpoint: Endpoint
    meter: Callable[[TcpUser], Meter]
    settings: ConnectionSettings
    misused: Callable[[str], None]
    meet: Callable[[float], bool]


_PLACE: ContextVar[Place | None] = ContextVar("place", default=None)


@contextmanager
def placed(place: Place) -> Iterator[None]:
    """Users that are made in it are there; their constructor takes Locust's environment and nothing else."""
    token = _PLACE.set(place)
    try:
        yield
    finally:
        _PLACE.reset(token)


class TcpUser(User):
    """A Locust user with a TCP connection: `self.client` can connect, request, send, receive, close, abort.

    Its attributes are set on the class, and so is `host`: `"tcp://name:port"`, where what is given for the
    whole run (`--host`) wins.

    A wrong setting ends the process before the run, in one line and with exit code 2. A failed message
    is no exception: it is an Outcome, and a failure in Locust's table. Where the client is misused, or this
    machine cannot go on, its user ends and says why.
    Extend `on_sample` to look at each finished step yourself.
    """

    abstract = True
    framing: str | Framing = "raw"
    """where a message ends: a framing, as `Resp()`, or its name: `"raw"` (nowhere by itself), `"line"` (at a
    newline), `"length"` (where four bytes before it say, big-endian), and more in docs/framings.md"""
    max_frame = 1 << 20
    """how many bytes a reply may have, in any framing but raw; a longer one is a mismatch"""
    timing = False
    """whether each reply begins with a Lockstep server's header of wait and service time"""
    timeout_s: float | None = 10.0
    """bounds a connect, and a message with its reply, each as a whole; in seconds, None for ever"""
    close_timeout_s: float | None = 1.0
    """how long a close waits until the peer has closed too; in seconds, None for timeout_s"""

    match: ById | None = None
    """how a reply is told from others, `by_id(...)`, where both sides carry an id: any number of greenlets
    may then use the client at once. Else replies come in the order of their messages, and greenlets take
    turns"""

    client: UserClient
    """opened by its first message, or by `connect`; what its methods take and return stands with each"""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._place = place = _PLACE.get()
        more: ConnectionSettings = {}
        if place is not None:
            self.host, more = str(place.endpoint), place.settings
        endpoint = Endpoint.whole(self.host)
        if place is None:
            # A cell's run says it as a whole.
            for warning in endpoint.warnings:
                _warn_once(type(self).__name__, warning)
        meter = self._meter() if place is None else place.meter(self)
        self.client = self._make_client(endpoint, meter, more)
        if type(self).on_connect is not TcpUser.on_connect:
            self.client.on_connect = self.on_connect
        self.client.end_user = self._end
        self.client.on_first_bytes = self._note_first_bytes

    def _make_client(self, endpoint: Endpoint, meter: Meter, more: ConnectionSettings) -> UserClient:
        settings = StreamSettings(
            timeout_s=self.timeout_s,
            close_timeout_s=self.close_timeout_s,
            link=CooperativeLink,
            framing=self.framing,
            max_frame=self.max_frame,
            timing=self.timing,
        )
        if self.match is None:
            return UserClient(endpoint, meter, **(more | settings))
        # Most replies carry no id.
        from lockstep.user_id_client import UserIdClient

        client = UserIdClient(endpoint, meter, **(more | settings))
        client.match_by(self.match, Event)
        return client

    @property
    def _taskset_instance(self) -> TaskSet | None:
        """Locust's loop over the tasks, which it makes anew for each run: here a shorter one."""
        return self.__dict__.get("tasks_loop")

    @_taskset_instance.setter
    def _taskset_instance(self, loop: TaskSet | None) -> None:
        self.__dict__["tasks_loop"] = ShortTasks(self) if type(loop) is DefaultTaskSet else loop

    def on_connect(self) -> None:
        """Called on each connection as soon as it is open, if you extend it: to take a banner, or to log in.

        What it sends and receives are steps of their own. Where one fails, or it raises, the connect has
        failed: the connection is given up, and the next one is backed off from.
        """

    def rendezvous(self, within_s: float = 10.0) -> bool:
        """Wait until all users of all workers have called this, and go on with them, at one moment.

        within_s: seconds that the first of them waits for the rest; who comes later waits for the next round.
        Returns True, or False where the cell is over instead. Only for runs of `lockstep run` and `compare`.
        """
        try:
            check_bound("within_s", within_s)
            if within_s is None or self._place is None:
                raise HarnessError(NOBODY_LEADS if self._place is None else NO_BOUND)
            return self._place.meet(within_s)
        except HarnessError as error:
            raise self.client.ended_by(error) from error

    def on_sample(self, sample: Sample) -> None:
        """Called with every finished step, if you extend it; feeds Locust.

        sample: what the step was, how it ended, and when, in monotonic nanoseconds.
        """
        if self._place is None:
            name, url, context = type(self).__name__, self.host or "", self.context()
            feed_of(self.environment).fire(name, sample, url=url, context=context)

    def _meter(self) -> Meter:
        """One event for each step where somebody looks at each; else a journal that fills Locust's table."""
        from lockstep.record.locust_feed import somebody_listens

        watched = type(self).on_sample is not TcpUser.on_sample or somebody_listens(self.environment)
        if watched:
            return SampleMeter(self.on_sample)
        return feed_of(self.environment).journal_of(type(self).__name__)

    def on_stop(self) -> None:
        """Close what is still open when Locust stops this user, whoever else still uses it."""
        if self.client.in_use:
            self.client.abort(stopped=True)
        else:
            self.client.close()

    def _note_first_bytes(self) -> None:
        noted: set[str] = self.environment.__dict__.setdefault("lockstep_first_bytes", set())
        name = type(self).__name__
        if name not in noted:
            noted.add(name)
            logger.warning(
                "%s: nothing says where a raw reply ends, so times run to its first bytes: give `expect`, "
                "`end=sized(...)` or `end=until(...)`, or set `framing`",
                name,
            )

    def _end(self, error: HarnessError) -> None:
        """Say once what is wrong, and where; where this process leads, it ends with it."""
        from lockstep.errors import WRONG_USE
        from lockstep.preflight import REFUSED

        if self._place is not None:
            self._place.misused(f"{type(self).__name__}{_called_from()}: {error}")
            return
        environment = self.environment
        if getattr(environment, "lockstep_ended", False):
            return
        environment.lockstep_ended = True
        environment.process_exit_code = WRONG_USE
        logger.error("lockstep: %s%s: %s", type(self).__name__, _called_from(), error)
        # So that a master's page shows it too.
        environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
        runner = environment.runner
        if isinstance(runner, WorkerRunner):
            runner.send_message(REFUSED, {"reason": str(error)})
        elif runner is not None:
            gevent.spawn(runner.quit)


def _called_from() -> str:
    """The user's own line, as ` (greeter.py:14)`."""
    ours = Path(__file__).parent
    for frame in reversed(traceback.extract_stack()):
        path = Path(frame.filename)
        if ours not in path.parents:
            return f" ({path.name}:{frame.lineno})"
    return ""


class ShortTasks(DefaultTaskSet):
    """Locust's loop over a user's tasks, each run as Locust would; what one raises goes where it always goes.

    Locust schedules each task and sleeps after it, for no time where there is no wait_time: that costs a turn
    of the event loop, as much as a third of a message. Here the next task begins at once where the last one
    has let others run anyway.
    """

    def execute_next_task(self) -> None:
        """Run the task that is due and, where nothing lies between two of them, all that follow."""
        user, queue = self.user, self._task_queue
        if not nothing_between(user):
            super().execute_next_task()  # type: ignore[no-untyped-call]
            return
        loop = gevent.get_hub().loop
        task: Any = queue.popleft()
        while True:
            turn = loop.iteration
            task(user)
            if loop.iteration == turn:
                # It waited for nothing: others must run too.
                gevent.sleep(0)
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
            task = queue.popleft() if queue else self._draw(user.tasks)

    def _draw(self, tasks: list[Any]) -> Any:
        """Drawing from one would take as long as running it."""
        return tasks[0] if len(tasks) == 1 else self.get_next_task()  # type: ignore[no-untyped-call]


def nothing_between(user: User) -> bool:
    """Whether a user's next task is due at once, and all of them are plain functions."""
    return type(user).wait_time is User.wait_time and not any(hasattr(task, "tasks") for task in user.tasks)


def _on_init(environment: Environment, **_: Any) -> None:
    from lockstep.preflight import Preflight

    Preflight(environment, TcpUser).begin()
    environment.events.test_start.add_listener(_say_all_anew)


def _say_all_anew(environment: Environment, **_: Any) -> None:
    """What was said once is news again in the next run."""
    for name in ("lockstep_ended", "lockstep_first_bytes"):
        environment.__dict__.pop(name, None)


events.init.add_listener(_on_init)


def feed_of(environment: Any) -> LocustFeed:
    """The one feed of this process's environment, made when first asked for."""
    from lockstep.record.locust_feed import LocustFeed

    if not hasattr(environment, "lockstep_feed"):
        environment.lockstep_feed = LocustFeed(environment)
        environment.lockstep_feed.start()
    feed: LocustFeed = environment.lockstep_feed
    return feed
