"""A cell under way in one worker: how it begins, who may still begin an iteration, and where it is recorded.

Where connections stay, all are opened before anybody's first message. Where some talk while others still
connect, they take up the server, and the last of ten thousand wait for minutes. What is measured is the load
of all of them, so it begins when all are there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Hashable
from functools import partial
from typing import Any

import gevent
from gevent.event import Event

from lockstep.control import CellOrder, Pulse, Report, Standing
from lockstep.errors import HarnessError
from lockstep.record.journal import Feed
from lockstep.record.pulse import PulseCounter
from lockstep.record.recorder import CellRecorder
from lockstep.stages import Stages
from lockstep.tcp.addresses import ADDRESS_BOOK
from lockstep.tcp.endpoint import Endpoint
from lockstep.tcp.stream import ConnectionSettings
from lockstep.worker.alarm import Alarm
from lockstep.worker.arrivals import schedule_of
from lockstep.worker.company import company_of
from lockstep.worker.health import HealthMonitor
from lockstep.worker.loads import CellUser, connection_settings, load_of, one_at_a_time, position_of
from lockstep.worker.meeting import Meeting
from lockstep.worker.opening import Opening
from lockstep.worker.pacer import Pacer

MET_ALREADY = "rendezvous() beside --rendezvous, which lets all users meet before each task: leave one out"
# So often a user looks whether it takes part.
STAGE_STEP_S = 0.02

# The first connections of a cell that are kept whole, in each worker.
SAMPLED_CONNECTIONS = 200

# Over all workers. A server that starts a thread for each connection accepts some thousands a second; what
# comes faster overflows its backlog, and the kernel loses connections that their clients believe to have.
CONNECTS_PER_S = 2500

# So many different troubles are told apart in each worker.
MAX_TROUBLES = 20


class _AddressBookBefore:
    """What the process had done on all connections before this cell."""

    def __init__(self) -> None:
        self.used = Counter(ADDRESS_BOOK.used)
        self.port_waits = ADDRESS_BOOK.port_waits
        self.handshakes, self.resumed = ADDRESS_BOOK.handshakes, ADDRESS_BOOK.resumed


class RunningCell:
    """One cell as this process carries it, from `start` to `close`.

    order: what to do. worker: who does it. users: the state of each that is there. feed: tells Locust.
    on_open: called with the seconds it took, where the order is to open all connections first, perhaps
    within `start`. on_met: as Meeting's `tell`. environment: gives Locust's, which users of a file are made
    in. HarnessError where the order names a file that cannot be carried.
    """

    def __init__(
        self,
        order: CellOrder,
        worker: str,
        users: Collection[Hashable],
        feed: Feed,
        on_open: Callable[[float], None],
        on_met: Callable[[int, int, int, float], None] = lambda *_: None,
        environment: Callable[[], Any] = lambda: None,
    ) -> None:
        self.order = order
        self.open = False
        self.recorder = CellRecorder(order)
        self.endpoint = Endpoint.whole(order.url, "url")
        self._worker = worker
        self._feed = feed
        self._health = HealthMonitor()
        recorder = self.recorder
        self._pulse = pulse = PulseCounter(order, worker, time.monotonic_ns())
        absorb, fail = (recorder.absorb, pulse.absorb), (recorder.fail, pulse.fail)
        self.journal = feed.new_journal(
            order.mode, absorb, fail, recorder.keep_connection, SAMPLED_CONNECTIONS
        )
        self._closing = Event()
        self._backed_off = 0
        self._troubles: Counter[str] = Counter()
        self._before = _AddressBookBefore()
        changing = order.traffic.changing
        # The stages are the window's; before it is as much as they begin with.
        self._changing = None if changing is None else changing.after(order.warmup_s)
        self._began_ns = 0
        self._alarm: Alarm | None = None
        self._pacer: Pacer | None = None
        self._on_open = on_open
        self.meeting = Meeting(lambda: len(users), on_met)
        self._opening = Opening(CONNECTS_PER_S / order.shares, self._begin)
        self._company = company_of(order, self.endpoint, self._opening)
        if order.opens_first:
            self._opening.expect(users if order.users_stay else ())
            self._opening.expect(self._company.members)
        load = load_of(self, environment)
        self.new_user = load.new_user
        locked = order.traffic.client_mode == "locked"
        self.run_iteration = one_at_a_time(load.iterate, self.may_send) if locked else load.iterate

    def start(self) -> None:
        """Users may join from now on; its time begins now, or when all connections are open. Once.

        OSError where the system has no file left for the timers.
        """
        self._health.start()
        self._feed.register(self.order.mode, self.journal)
        self.open = True
        self._opening.start()
        self._company.start()

    def join(self, state: Hashable, user: CellUser) -> None:
        """Before the first iteration: where connections are opened first, open this one and wait for all.

        state: who is waited for, as given to the constructor.
        """
        if self._opening.over:
            return
        if not self.order.users_stay:
            self._opening.wait()
        else:
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

    def rest(self, user: CellUser) -> None:
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

    def iterations_of(self, user: CellUser, number: int) -> Callable[[], int | None] | None:
        """A call waits for the user's next iteration: when it was due (monotonic ns), None after the last.

        None where nobody waits: each is due as soon as the user's client is free, until the cell is over.
        number: which of this worker's users it is, from 1.
        """
        if self._pacer is not None:
            return self._pacer.take
        if (limit_s := self.order.traffic.rendezvous_s) is not None:
            return partial(self.meeting.meet, limit_s)
        if self._changing is None:
            return None
        return partial(self._take_staged, user, position_of(self.order, number - 1), self._changing)

    def _take_staged(self, user: CellUser, position: int, users: Stages) -> int | None:
        """As soon as the user is free, and one of those who take part now; who does not has no connection."""
        left = False
        while self.open:
            if position < users.at((time.monotonic_ns() - self._began_ns) / 1e9):
                if left:
                    # It has been out: it is free from now on.
                    user.client.free_ns = time.monotonic_ns()
                return user.client.free_ns
            if not left:
                user.client.close()
            left = True
            self._closing.wait(STAGE_STEP_S)
        return None

    def pause(self, seconds: float) -> None:
        """Rest so long, or until the cell is over; none at all lets others run."""
        if seconds > 0:
            self._closing.wait(seconds)
        else:
            gevent.sleep(0)

    def meet(self, within_s: float) -> bool:
        """See Stage."""
        if self.order.traffic.rendezvous_s is not None:
            raise HarnessError(MET_ALREADY)
        began = self.meeting.meet(within_s) is not None
        if not began:
            # Who does nothing else must not keep others from their end.
            gevent.sleep(0)
        return began

    def await_end(self) -> None:
        """Rest until the cell is over."""
        self._closing.wait()

    def note_trouble(self, words: str) -> None:
        """What users' own code did wrong that is no message's failure, in one line."""
        known = words in self._troubles or len(self._troubles) < MAX_TROUBLES
        self._troubles[words if known else "others"] += 1

    def connection_of(self, number: int) -> ConnectionSettings:
        """How this user's connections are made; number: from 1."""
        return connection_settings(self.order, self._worker, number)

    def _begin(self, opened_s: float) -> None:
        """The cell's time begins."""
        order, now_ns = self.order, time.monotonic_ns()
        # Connects that came before belong to no window.
        self.journal.flush()
        self.recorder.begin(now_ns)
        self._began_ns = now_ns
        schedule = schedule_of(order.traffic.arrival, order.share, order.shares, order.seed, self._changing)
        if schedule is not None:
            self._alarm = Alarm()
            self._pacer = Pacer(schedule, now_ns, round(order.timeout_s * 1e9), self._alarm)
            self._pacer.start()
        if order.opens_first:
            self._on_open(opened_s)

    def close(self, now_ns: int) -> None:
        """Give no more iterations. Who is in one may finish it."""
        # What is journalled so far began while the window had no other end than the planned one.
        self.journal.flush()
        self.recorder.close_window(now_ns)
        self.open = False
        self._closing.set()
        self.meeting.close()
        self._opening.give_up()
        # Before the drain: whoever they held up may still be answered.
        self._company.end()
        if self._pacer is not None and self._alarm is not None:
            self._pacer.close(now_ns)
            self._alarm.close()

    def take_report(self, users: int, host: dict[str, Any], *, final: bool) -> Report:
        """What this worker did since the last report; nothing follows the final one.

        users: how many it has. host: what is known of its machine.
        """
        self.journal.flush()
        if final:
            self._health.stop()
        pacer = self._pacer
        standing = Standing(
            window_s=self.recorder.window_s(time.monotonic_ns()),
            delayed=0 if pacer is None else pacer.delayed,
            dropped=0 if pacer is None else pacer.dropped,
            backed_off=self._backed_off,
            port_waits=ADDRESS_BOOK.port_waits - self._before.port_waits,
            handshakes=ADDRESS_BOOK.handshakes - self._before.handshakes,
            resumed=ADDRESS_BOOK.resumed - self._before.resumed,
            addresses=sorted(Counter(ADDRESS_BOOK.used) - self._before.used),
            users=users,
            troubles=dict(self._troubles),
            health=self._health.take(),
            beside=dict(self._company.counts),
            rendezvous={"rounds": self.meeting.rounds, "missed": self.meeting.missed},
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
        self.journal.flush()
        return self._pulse.take(time.monotonic_ns(), connections)
