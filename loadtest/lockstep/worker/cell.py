"""A cell under way in one worker: how it begins, who may still begin an iteration, and where it is recorded.

Where connections stay, all are opened before anybody's first message. Where some talk while others still
connect, they take up the server, and the last of ten thousand wait for minutes. What is measured is the load
of all of them, so it begins when all are there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from itertools import count
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore

from lockstep.control import CellOrder, Pulse, Report, Standing
from lockstep.record.journal import Feed
from lockstep.record.pulse import PulseCounter
from lockstep.record.recorder import CellRecorder
from lockstep.tcp.addresses import ADDRESS_BOOK
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.gevent_link import CooperativeLink
from lockstep.tcp.many import ScenarioClient
from lockstep.tcp.messages import Message, message_ring
from lockstep.tcp.samples import ABSENT
from lockstep.worker.alarm import Alarm
from lockstep.worker.arrivals import schedule_of
from lockstep.worker.health import HealthMonitor
from lockstep.worker.pacer import MAX_IN_A_ROW, Pacer
from lockstep.worker.scenarios import SCENARIOS, Scenario, VirtualUser
from lockstep_wire.framing import framing_of

# The first connections of a cell that are kept whole, in each worker.
SAMPLED_CONNECTIONS = 200

# Over all workers. A server that starts a thread for each connection accepts some thousands a second; what
# comes faster overflows its backlog, and the kernel loses connections that their clients believe to have.
CONNECTS_PER_S = 2500


class RunningCell:
    """One cell as this process carries it, from `start` to `close`.

    order: what to do. worker: who does it. users: the state of each that is there. feed: tells Locust.
    on_open: called with the seconds it took, where the order is to open all connections first, perhaps
    within `start`.
    """

    def __init__(
        self,
        order: CellOrder,
        worker: str,
        users: Iterable[Hashable],
        feed: Feed,
        on_open: Callable[[float], None],
    ) -> None:
        self.order = order
        self.open = False
        self.recorder = CellRecorder(order)
        self._endpoint = Endpoint.whole(order.url, "url")
        self._worker = worker
        self._feed = feed
        self._health = HealthMonitor()
        scenario = SCENARIOS[order.traffic.scenario]
        # Locked clients: one session at a time in this process.
        locked = order.traffic.client_mode == "locked"
        self.run_iteration = self._one_at_a_time(scenario) if locked else scenario
        if not order.traffic.does.waits:
            self.run_iteration = _letting_others_run(self.run_iteration)
        recorder = self.recorder
        self._pulse = pulse = PulseCounter(order, worker, time.monotonic_ns())
        self._journal = feed.new_journal(
            order.mode,
            (recorder.absorb, pulse.absorb),
            (recorder.fail, pulse.fail),
            recorder.keep_connection,
            SAMPLED_CONNECTIONS,
        )
        self._ring = _ring_of(order)
        self._closing = Event()
        self._backed_off = 0
        self._used_before = Counter(ADDRESS_BOOK.used)
        self._port_waits_before = ADDRESS_BOOK.port_waits
        self._handshakes_before, self._resumed_before = ADDRESS_BOOK.handshakes, ADDRESS_BOOK.resumed
        self._alarm: Alarm | None = None
        self._pacer: Pacer | None = None
        self._on_open = on_open
        expected = users if order.opens_first else ()
        self._opening = Opening(expected, CONNECTS_PER_S / order.shares, self._begin)

    def start(self) -> None:
        """Users may join from now on; its time begins now, or when all connections are open. Once.

        OSError where the system has no file left for the timers.
        """
        self._health.start()
        self._feed.register(self.order.mode, self._journal)
        self.open = True
        self._opening.start()

    def join(self, state: Hashable, user: VirtualUser) -> None:
        """Before the first iteration: where connections are opened first, open this one and wait for all.

        state: who is waited for, as given to the constructor.
        """
        if not self._opening.over:
            self._opening.await_start(state)
            if self.open:
                user.open()
            self._opening.await_all(state)

    def leave(self, state: Hashable) -> None:
        """This user is gone: nobody waits for it."""
        self._opening.discard(state)

    def may_send(self) -> bool:
        """Whether another message may still be sent."""
        return self.open

    def rest(self, user: VirtualUser) -> None:
        """After an iteration that failed: wait as long as this user backs off, or until the cell ends.

        Here, between iterations, the wait is in no time that is measured. An open load does not back off:
        its arrivals are due whatever their peers do, so it only lets others run.
        """
        back_off_s = user.client.back_off_s
        if back_off_s:
            self._backed_off += 1
            self._closing.wait(back_off_s)
            # The next iteration is due from now on.
            user.client.free_ns = time.monotonic_ns()
        else:
            # It may have failed without waiting for anything: others must run too.
            gevent.sleep(0)

    def iterations_of(self, user: VirtualUser) -> Callable[[], int | None]:
        """A call waits for the user's next iteration: when it was due (monotonic ns), None after the last."""
        return user.free_ns if self._pacer is None else self._pacer.take

    def new_user(self, number: int) -> VirtualUser:
        """A user with a client of its own; number: from 1."""
        order = self.order
        client = ScenarioClient(
            self._endpoint,
            self._journal,
            framing=order.framing,
            timing=order.timing,
            timeout_s=order.timeout_s,
            link=CooperativeLink,
            source=order.traffic.sources[number % len(order.traffic.sources)]
            if order.traffic.sources
            else None,
            user=f"{self._worker}/{number}",
            patient=not order.traffic.arrival.open,
        )
        return VirtualUser(
            client,
            self._journal,
            order.traffic,
            self._ring,
            self.may_send,
            reply=order.reply,
            number=number,
            open_load=order.traffic.arrival.open,
        )

    def _begin(self, opened_s: float) -> None:
        """The cell's time begins."""
        order, now_ns = self.order, time.monotonic_ns()
        # Connects that came before belong to no window.
        self._journal.flush()
        self.recorder.begin(now_ns)
        schedule = schedule_of(order.traffic.arrival, order.share, order.shares, order.seed)
        if schedule is not None:
            self._alarm = Alarm()
            self._pacer = Pacer(schedule, now_ns, round(order.timeout_s * 1e9), self._alarm)
            self._pacer.start()
        if order.opens_first:
            self._on_open(opened_s)

    def close(self, now_ns: int) -> None:
        """Give no more iterations. Who is in one may finish it."""
        # What is journalled so far began while the window had no other end than the planned one.
        self._journal.flush()
        self.recorder.close_window(now_ns)
        self.open = False
        self._closing.set()
        self._opening.give_up()
        if self._pacer is not None and self._alarm is not None:
            self._pacer.close(now_ns)
            self._alarm.close()

    def take_report(self, users: int, host: dict[str, Any], *, final: bool) -> Report:
        """What this worker did since the last report; nothing follows the final one.

        users: how many it has. host: what is known of its machine.
        """
        self._journal.flush()
        if final:
            self._health.stop()
        pacer = self._pacer
        standing = Standing(
            window_s=self.recorder.window_s(time.monotonic_ns()),
            delayed=0 if pacer is None else pacer.delayed,
            dropped=0 if pacer is None else pacer.dropped,
            backed_off=self._backed_off,
            port_waits=ADDRESS_BOOK.port_waits - self._port_waits_before,
            handshakes=ADDRESS_BOOK.handshakes - self._handshakes_before,
            resumed=ADDRESS_BOOK.resumed - self._resumed_before,
            addresses=sorted(Counter(ADDRESS_BOOK.used) - self._used_before),
            users=users,
            health=self._health.take(),
        )
        return Report(
            run_id=self.order.run_id,
            cell=self.order.cell,
            worker=self._worker,
            final=final,
            host=host,
            counts=self.recorder.take(),
            standing=standing,
        )

    def take_pulse(self, connections: int) -> Pulse:
        """A few counts of what this worker did since the last pulse.

        connections: how many this worker has open.
        """
        # The journal hands on two thousand rows at a time: a slow load would show nothing for minutes.
        self._journal.flush()
        return self._pulse.take(time.monotonic_ns(), connections)

    def _one_at_a_time(self, scenario: Scenario) -> Scenario:
        """The scenario, of which each iteration is due once no other is under way in this process."""
        turnstile = BoundedSemaphore(1)

        def run(user: VirtualUser, due_ns: int) -> bool:
            with turnstile:
                if not self.open:
                    return True
                return scenario(user, ABSENT if due_ns == ABSENT else time.monotonic_ns())

        return run


def _letting_others_run(scenario: Scenario) -> Scenario:
    """The scenario, after so many iterations of which somebody else has a turn, the timers too."""
    since = count(1)

    def run(user: VirtualUser, due_ns: int) -> bool:
        well = scenario(user, due_ns)
        if not next(since) % MAX_IN_A_ROW:
            gevent.sleep(0)
        return well

    return run


def _ring_of(order: CellOrder) -> tuple[Message, ...]:
    """The messages that users send, round and round."""
    expect = None if order.reply is None else order.reply.encode()
    framing, echo = framing_of(order.framing), order.reply == "echo"
    return message_ring(framing, order.traffic.payload_bytes, expect, echo=echo, timing=order.timing)


class Opening:
    """Waits for a set of users, never for a number: who leaves before it has opened is not waited for.

    expected: who opens a connection, connects_per_s how fast they begin to. on_open: called once, with the
    seconds since `start`, when the last of them has; within `start` where nobody is expected.
    """

    def __init__(
        self, expected: Iterable[Hashable], connects_per_s: float, on_open: Callable[[float], None]
    ) -> None:
        self._begun = 0
        self._awaited = set(expected)
        self._connects_per_s = connects_per_s
        self._on_open = on_open
        self._open = Event()
        self._began_s = 0.0

    def start(self) -> None:
        """Connects may begin. Once, before anybody waits."""
        self._began_s = time.monotonic()
        self._finish_if_all_are_there()

    @property
    def over(self) -> bool:
        """Whether nobody is waited for any more."""
        return bool(self._open.is_set())

    def await_start(self, user: Hashable) -> None:
        """Wait until this user may begin to connect; one that nobody expected is waited for from now on."""
        if self.over:
            return
        self._awaited.add(user)
        due_s = self._began_s + self._begun / self._connects_per_s
        self._begun += 1
        gevent.sleep(max(due_s - time.monotonic(), 0))

    def await_all(self, user: Hashable) -> None:
        """This user has opened its connection, or failed to; it waits here for the others."""
        self.discard(user)
        self._open.wait()

    def discard(self, user: Hashable) -> None:
        """Wait for this user no longer: it is done, or it has left."""
        self._awaited.discard(user)
        self._finish_if_all_are_there()

    def give_up(self) -> None:
        """Let everybody go on, without telling on_open."""
        self._open.set()

    def _finish_if_all_are_there(self) -> None:
        if not self._awaited and not self.over:
            self._on_open(time.monotonic() - self._began_s)
            self._open.set()
