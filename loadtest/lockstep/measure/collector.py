"""The master's side of a cell.

Workers' reports in, one merged cell out. Histograms are added up; percentiles are never averaged.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from lockstep.control import CellOrder, Health, Opened, Report, Standing
from lockstep.record.sums import CellSums, SpanSums, messages_of
from lockstep.runs.histograms import decoded, encoded, of_histogram
from lockstep.runs.measures import Company, Distribution, Rendezvous, WorkerHealth
from lockstep.runs.records import CLIENT_TIMES, CellDetail, Messages, Requests
from lockstep.tcp.samples import Phase


class CellCollector:
    """Adds up the reports of one cell.

    order: the cell. workers: ids of the workers it was given to; a report of anybody else, or of another
    run or cell, is not added: refused counts those of other runs, belated those of this one.
    """

    def __init__(self, order: CellOrder, workers: set[str]) -> None:
        self.order = order
        self.workers = set(workers)
        self.finished: set[str] = set()
        self.refused = self.belated = 0
        # Of whom a report was refused: what they saw is not all here.
        self.false: set[str] = set()
        self._opened_s: dict[str, float] = {}
        # Once the cell ends, last reports are expected; before, they are those of workers that leave.
        self.ending = False
        self.left: set[str] = set()
        self.hosts: dict[str, dict[str, Any]] = {}
        self.sums = CellSums()
        self._standing: dict[str, Standing] = {}

    def expect(self, worker: str) -> None:
        """A worker that joined while the cell was running."""
        self.workers.add(worker)

    def add(self, report: Report) -> bool:
        """Take a worker's report in; False, and counted, where it does not belong here.

        ValueError where it says what cannot be: then nothing of it is taken.
        """
        worker = report.worker
        if report.run_id != self.order.run_id:
            self.refused += 1
            return False
        if report.cell != self.order.cell or worker not in self.workers:
            # Who knows this run's id was given one of its cells: it was silent, and speaks when that is over.
            self.belated += 1
            return False
        # Looked at only when the cell is over, and then somebody relies on it.
        decoded(report.standing.health.loop_lag)
        self.sums.add(report.counts)
        self._standing[worker] = report.standing
        self.hosts[worker] = report.host
        if report.final:
            self.finished.add(worker)
            if not self.ending:
                self.left.add(worker)
        return True

    def note_false(self, worker: str) -> None:
        """A report of one of the cell's workers was refused; of anybody else nobody is missed."""
        if worker in self.workers:
            self.false.add(worker)

    def note_opened(self, opened: Opened) -> None:
        """A worker has all its connections open; one of another run or cell is not listened to."""
        if (opened.run_id, opened.cell) == (self.order.run_id, self.order.cell):
            self._opened_s[opened.worker] = opened.opened_s

    @property
    def unopened(self) -> set[str]:
        """Workers whose connections are not all open yet, where they are to be."""
        return self.workers - self._opened_s.keys() if self.order.opens_first else set()

    @property
    def opening_s(self) -> float | None:
        """How long the last worker took to open its connections; None where they are not opened first."""
        return max(self._opened_s.values(), default=None)

    def missing(self) -> set[str]:
        """Workers of whom not every report has come."""
        return self.workers - (self.finished - self.false)

    def awaited(self) -> set[str]:
        """Those of them whose last one is waited for."""
        return self.missing() - self.false

    @property
    def seconds(self) -> float:
        """The measured window, in seconds: the longest that a worker measured."""
        return max((each.window_s for each in self._standing.values()), default=0.0)

    @property
    def messages_per_s(self) -> float:
        """Messages answered within the window, per second of the cell.

        A worker that left early answered less, and counts as that: its users may have moved to the others.
        """
        return self.messages.answered / self.seconds if self.seconds else 0.0

    @property
    def sessions_per_s(self) -> float:
        """Sessions completed within the window, per second."""
        return self.sums.sessions / self.seconds if self.seconds else 0.0

    @property
    def messages(self) -> Messages:
        """Messages of the window, by outcome."""
        return messages_of(self.sums.measured)

    @property
    def ledger(self) -> Messages:
        """Messages of the whole cell, warm-up and drain included, by outcome."""
        return messages_of(self.sums.ledger)

    @property
    def delayed(self) -> int:
        """Arrivals for which no user was free when they were due, over the whole cell."""
        return sum(each.delayed for each in self._standing.values())

    @property
    def dropped(self) -> int:
        """Arrivals that no user ever took, over the whole cell."""
        return sum(each.dropped for each in self._standing.values())

    @property
    def backed_off(self) -> int:
        """How often users waited before another try, because a connection was not taken."""
        return sum(each.backed_off for each in self._standing.values())

    @property
    def troubles(self) -> dict[str, int]:
        """What users' own code did wrong, in words, and how often: the most frequent first."""
        found: Counter[str] = Counter()
        for each in self._standing.values():
            found.update(each.troubles)
        return dict(found.most_common())

    @property
    def port_waits(self) -> int:
        """How many connections had to wait for a local port."""
        return sum(each.port_waits for each in self._standing.values())

    @property
    def handshakes(self) -> int:
        """How many TLS handshakes there were."""
        return sum(each.handshakes for each in self._standing.values())

    @property
    def resumed(self) -> int:
        """How many of them resumed an earlier session."""
        return sum(each.resumed for each in self._standing.values())

    @property
    def addresses(self) -> list[str]:
        """Where connections were opened to, `ip:port`; as texts, in order."""
        return sorted({address for each in self._standing.values() for address in each.addresses})

    @property
    def users(self) -> int | None:
        """How many users there were at the end; None where a manual run has them come and go.

        Those of a worker that left are gone, or have moved to the others, which count them.
        """
        if self.order.seconds is None:
            return None
        return sum(each.users for worker, each in self._standing.items() if worker not in self.left)

    @property
    def company(self) -> Company | None:
        """Who was beside the users, and what came of them; None where nobody was."""
        if not self.order.beside:
            return None
        came_of: Counter[str] = sum((Counter(each.beside) for each in self._standing.values()), Counter())
        return Company(self.order.beside, self.order.beside_users, **came_of)

    @property
    def rendezvous(self) -> Rendezvous | None:
        """How often all users began at once; None where they do not wait for each other."""
        limit_s, each = self.order.traffic.rendezvous_s, [each.rendezvous for each in self._standing.values()]
        rounds = max((of_one.get("rounds", 0) for of_one in each), default=0)
        if limit_s is None and not rounds:
            return None
        return Rendezvous(limit_s, rounds, sum(of_one.get("missed", 0) for of_one in each))

    @property
    def spans(self) -> dict[str, SpanSums]:
        """How exchanges lay to the window, by what an exchange is: sessions or, where connections stay,
        messages alone."""
        seen = {unit: sums for unit, sums in self.sums.spans.items() if sums.inside_ns}
        by_message = self.order.traffic.keeps_connection
        return {unit: sums for unit, sums in seen.items() if unit == Phase.MESSAGE or not by_message}

    @property
    def exchanges(self) -> SpanSums:
        """Those by which a user goes round: sessions, or messages where connections stay."""
        by_message = self.order.traffic.keeps_connection
        return self.sums.spans[Phase.MESSAGE if by_message else Phase.SESSION]

    @property
    def health(self) -> list[WorkerHealth]:
        """How each worker fared, in the order of their names."""
        return [worker_health(worker, each.health) for worker, each in sorted(self._standing.items())]

    @property
    def times(self) -> dict[str, Distribution]:
        """The clients' times by name, without those of which nothing was counted."""
        histograms = dict(self.sums.histograms)
        if not self.order.traffic.arrival.open and "response" in histograms:
            # A message is due when it is sent.
            histograms["round_trip"] = histograms["response"]
        summaries = ((name, of_histogram(histograms[name])) for name in CLIENT_TIMES if name in histograms)
        return {name: each for name, each in summaries if each is not None}

    @property
    def requests(self) -> dict[str, Requests]:
        """Messages that have a name, by it; names in order."""
        return {
            name: Requests(messages_of(sums.measured), of_histogram(sums.response))
            for name, sums in sorted(self.sums.requests.items())
        }

    def detail(self) -> CellDetail:
        """What goes to cells/<n>.json."""
        return CellDetail(
            index=self.order.cell,
            histograms=self.sums.encoded_histograms(),
            per_second=[
                {"second": second, "answered": answered, "failed": failed}
                for second, (answered, failed) in sorted(self.sums.per_second.items())
            ],
            requests={name: encoded(each.response) for name, each in sorted(self.sums.requests.items())},
        )


def worker_health(worker: str, health: Health) -> WorkerHealth:
    """A worker's health as a run keeps it."""
    fields = health.to_message()
    lag_ns = decoded(fields.pop("loop_lag"))
    return WorkerHealth(worker, **fields, loop_lag_us=of_histogram(lag_ns))
