"""A listener whose connections are served by processes."""

from __future__ import annotations

import logging
import os
import select
import signal
import threading
import time
from dataclasses import replace
from functools import partial

from lockstep_server.grammar import ListenerSpec
from lockstep_server.ledger import Ledger
from lockstep_server.listener import Listener
from lockstep_server.modes import MODES
from lockstep_server.occupancy import Occupancy
from lockstep_server.prefork.journal import Journal, ToldBooks, shared_cells, teller
from lockstep_server.prefork.nursery import CUT, Nursery, fork
from lockstep_server.records import Cause, ConnectionRecord
from lockstep_server.settings import Settings, SettingsError

log = logging.getLogger("lockstep.server")

# Who asks for the books catches up first, so nobody else is in a hurry: a pipe holds some thousand moments.
_READ_EVERY_S = 0.001


class PreforkedListener(Listener):
    """`n` processes, forked beforehand: each accepts a connection, serves it to its end, accepts the next.

    Costs a process each, idle or not, and one that forks them; for each connection four lines through a pipe,
    and for each message what it takes to count in shared memory. No lock of Python's is ever contended, the
    global one neither. It fails in small pieces: a process that dies takes along the connection that it
    served, nobody else's, and another is forked. But `n` peers that stay keep everybody else out, however
    little they say: in the kernel's backlog, unseen.
    """

    def __init__(self, spec: ListenerSpec, settings: Settings) -> None:
        """To be made while this process has a single thread. SettingsError if the port cannot be had."""
        super().__init__(spec, settings)
        self._cells = shared_cells(spec.n)
        self._told, telling = os.pipe()
        self._beginning, self._begin = os.pipe()
        os.set_blocking(self._told, False)
        self._poll = select.poll()
        self._poll.register(self._told, select.POLLIN)
        self._journal = Journal(self._told, self._cells, self._ledger, self._occupancy, self._ended)
        self._stopping = False
        self._tell = teller(telling)
        self._nursery: int | None = self._fork()
        # Once those who tell have ended, there is nothing more to read.
        os.close(telling)
        os.close(self._beginning)

    @property
    def ledger(self) -> Ledger:
        """See Listener.ledger."""
        self._journal.catch_up()
        return self._ledger

    @property
    def occupancy(self) -> Occupancy:
        """See Listener.occupancy."""
        self._journal.catch_up()
        return self._occupancy

    def start(self) -> None:
        """Have the processes forked, which begin to accept. SettingsError if the system gives too few."""
        os.write(self._begin, b"!")
        while self._journal.refusal is None and self._poll.poll() and self._journal.catch_up():
            pass
        if self._journal.refusal != "":
            why = self._journal.refusal or "they ended as they began"
            raise SettingsError(f"--listen {self.spec} cannot have its processes ({why}); ask for fewer")
        try:
            threading.Thread(target=self._read, name=f"books of {self.spec.name}", daemon=True).start()
        except RuntimeError as error:
            raise SettingsError(f"--listen {self.spec}: {error}; ask for fewer workers") from error

    def stop(self) -> None:
        """See Listener.stop."""
        self._stopping = True
        super().stop()

    def is_quiet(self) -> bool:
        """See Listener.is_quiet. Processes share the listening socket: each ends when it would accept again,
        unless it is in its pause, which nobody waits for."""
        return super().is_quiet() and (self._nursery is None or self._service.pause_ns > 0)

    def cut(self) -> int:
        """See Listener.cut; the processes do so."""
        self._loop.abandon()
        open_now = self.ledger.totals().open
        if self._nursery is not None:
            os.kill(self._nursery, CUT)
        return open_now

    def _fork(self) -> int:
        try:
            return fork(self._keep_workers)
        except OSError as error:
            raise SettingsError(
                f"--listen {self.spec} cannot have its processes ({error.strerror}); ask for fewer"
            ) from error

    def _keep_workers(self) -> None:
        os.close(self._told)
        os.close(self._begin)
        if os.read(self._beginning, 1):
            Nursery(self.spec.n, self._work, self._tell).run()

    def _work(self, worker: int) -> None:
        told = ToldBooks(self._cells[worker], partial(self._tell, worker))
        self._service = replace(self._service, ledger=told, occupancy=told)
        self._dispatch = MODES[self.spec.mode].dispatch(self.spec.n)
        signal.signal(CUT, lambda *_: Listener.cut(self))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {CUT})
        self._loop.run()

    def _read(self) -> None:
        while self._poll.poll() and self._journal.catch_up():
            time.sleep(_READ_EVERY_S)
        nursery, self._nursery = self._nursery, None
        assert nursery is not None, "read once"
        os.waitpid(nursery, 0)
        if not self._stopping:
            lost = self._journal.lose_all()
            text = "%s: its processes are gone, and %d connections with them; start the server again"
            log.error(text, self.spec.name, lost)
            self._loop.abandon()

    def _ended(self, code: int, lost: ConnectionRecord | None) -> None:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        if lost is None:
            log.warning("%s: a process ended (%s), and has a successor", self.spec.name, how)
            return
        text = "%s: %s disconnected after %d messages: %s (its process ended: %s)"
        log.warning(text, self.spec.name, lost.peer, lost.answered, Cause.DIED, how)
