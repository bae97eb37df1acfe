"""A cell's counts as they add up: a worker's from report to report, and the master's over all reports."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from hdrh.histogram import HdrHistogram

from lockstep.control import Counts
from lockstep.documents import read_record
from lockstep.runs.connections import ClientView
from lockstep.runs.histograms import Nanoseconds, decoded, encoded, new_histogram
from lockstep.runs.records import Messages
from lockstep.tcp.samples import Outcome, Phase

# What an exchange is: where connections stay open no session is counted.
UNITS = (Phase.SESSION, Phase.MESSAGE)
# No clock comes so far: a window that has not begun, or has no end yet.
FAR_NS = 1 << 62


@dataclass(frozen=True, slots=True)
class Window:
    """From start_ns on, up to but not including end_ns; monotonic nanoseconds."""

    start_ns: int = FAR_NS
    end_ns: int = FAR_NS


@dataclass(slots=True)
class SpanSums:
    """Exchanges of one kind, added up. All but the counts are nanoseconds.

    completed: those that ended in the window, well. inside_ns: of all exchanges, however they ended, the part
    within it. before_ns: of the completed the part before it. after_ns: of those under way at its end
    the part within it. failed_ns: of those that failed in it the part within. under_way: how many were under
    way at its end; longest_ns: the longest that one of them had taken by then. brought: how many of the
    completed had begun before it.
    """

    completed: int = 0
    inside_ns: int = 0
    before_ns: int = 0
    after_ns: int = 0
    failed_ns: int = 0
    under_way: int = 0
    longest_ns: int = 0
    brought: int = 0

    def add(self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds) -> None:
        """Exchanges that went well: when each began and ended, monotonic, shape (exchanges,)."""
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        self.completed += int(in_it.sum())
        before_ns = np.maximum(window.start_ns - starts_ns[in_it], 0)
        self.before_ns += int(before_ns.sum())
        self.brought += int(np.count_nonzero(before_ns))
        self._leave_over(window, starts_ns[at_its_end])

    def add_failed(self, window: Window, start_ns: int, end_ns: int) -> None:
        """One that did not; at the window's end it may have been under way still."""
        starts_ns, ends_ns = np.array([start_ns]), np.array([end_ns])
        in_it, at_its_end = self._lie(window, starts_ns, ends_ns)
        if in_it[0]:
            self.failed_ns += end_ns - max(start_ns, window.start_ns)
        self._leave_over(window, starts_ns[at_its_end])

    def merge(self, other: dict[str, int]) -> None:
        """Add another one, as `to_message` gave it."""
        for name, value in other.items():
            mine: int = getattr(self, name)
            setattr(self, name, max(mine, value) if name == "longest_ns" else mine + value)

    def to_message(self) -> dict[str, int]:
        """As a dict of whole numbers."""
        return asdict(self)

    def _lie(
        self, window: Window, starts_ns: Nanoseconds, ends_ns: Nanoseconds
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which ended in the window, and which were under way at its end."""
        parts_ns = np.clip(ends_ns, window.start_ns, window.end_ns) - np.clip(
            starts_ns, window.start_ns, window.end_ns
        )
        self.inside_ns += int(parts_ns.sum())
        beyond = ends_ns >= window.end_ns
        return (ends_ns >= window.start_ns) & ~beyond, beyond & (starts_ns < window.end_ns)

    def _leave_over(self, window: Window, starts_ns: Nanoseconds) -> None:
        if len(starts_ns):
            self.under_way += len(starts_ns)
            self.after_ns += int((window.end_ns - np.maximum(starts_ns, window.start_ns)).sum())
            self.longest_ns = max(self.longest_ns, int((window.end_ns - starts_ns).max()))


class RequestSums:
    """Messages, or steps, of one name in the window: by outcome, and their response times in nanoseconds."""

    __slots__ = ("measured", "response")

    def __init__(self) -> None:
        self.measured: Counter[str] = Counter()
        self.response: HdrHistogram = new_histogram()

    def merge(self, measured: dict[str, int], response: HdrHistogram) -> None:
        """Add another one."""
        self.measured.update(measured)
        self.response.add(response)

    def to_message(self) -> dict[str, Any]:
        """As a report carries it."""
        return {"measured": dict(self.measured), "response": encoded(self.response)}


class CellSums:
    """What workers record of a cell, added up.

    histograms: by name of CLIENT_TIMES. measured: messages of the window by outcome. ledger: those of the
    whole cell. carried: how many of these a connection carried. wrong: to how many of those a reply came that
    was not as expected. bytes_sent and bytes_received: theirs and their replies', framing and headers
    included. sessions: those completed in the window. spans: by unit of exchange. per_second: second of the
    window -> answered and failed. examples: outcome -> what was said of the first that failed so.
    connections: those kept whole, by the client's address. requests: by the name of messages that have one,
    and of steps with a row of theirs. unchecked: answered messages of the window whose reply nobody looked
    at.
    """

    def __init__(self) -> None:
        self.histograms: defaultdict[str, HdrHistogram] = defaultdict(new_histogram)
        self.measured: Counter[str] = Counter()
        self.ledger: Counter[str] = Counter()
        self.carried = self.wrong = self.bytes_sent = self.bytes_received = 0
        self.sessions = 0
        self.spans: dict[str, SpanSums] = {unit.value: SpanSums() for unit in UNITS}
        self.per_second: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        self.examples: dict[str, str] = {}
        self.connections: dict[str, ClientView] = {}
        self.requests: defaultdict[str, RequestSums] = defaultdict(RequestSums)
        self.unchecked = 0

    def to_counts(self) -> Counts:
        """As a report carries them."""
        return Counts(
            measured=dict(self.measured),
            ledger=dict(self.ledger),
            carried=self.carried,
            wrong=self.wrong,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            sessions=self.sessions,
            examples=self.examples,
            spans={unit: sums.to_message() for unit, sums in self.spans.items()},
            per_second=[[second, *counts] for second, counts in sorted(self.per_second.items())],
            histograms=self.encoded_histograms(),
            connections=[{"address": address, **asdict(view)} for address, view in self.connections.items()],
            requests={name: sums.to_message() for name, sums in self.requests.items()},
            unchecked=self.unchecked,
        )

    def add(self, counts: Counts) -> None:
        """Add what a report carried, all of it or, with a ValueError, nothing: where it cannot be counted."""
        try:
            _check_counts(counts)
            histograms = {name: _times(text) for name, text in counts.histograms.items()}
            requests = {
                name: (_counted(each["measured"]), _times(each["response"]))
                for name, each in counts.requests.items()
            }
            views = {row["address"]: read_record(row, ClientView) for row in counts.connections}
            seconds = [(second, answered, failed) for second, answered, failed in counts.per_second]
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{error!r:.80}") from error
        for name, histogram in histograms.items():
            self.histograms[name].add(histogram)
        self.measured.update(counts.measured)
        self.ledger.update(counts.ledger)
        self.carried += counts.carried
        self.wrong += counts.wrong
        self.bytes_sent += counts.bytes_sent
        self.bytes_received += counts.bytes_received
        self.sessions += counts.sessions
        for unit, sums in counts.spans.items():
            self.spans[unit].merge(sums)
        for second, answered, failed in seconds:
            self.per_second[second][0] += answered
            self.per_second[second][1] += failed
        self.examples = {**counts.examples, **self.examples}
        self.connections.update(views)
        for name, (measured, response) in requests.items():
            self.requests[name].merge(measured, response)
        self.unchecked += counts.unchecked

    def encoded_histograms(self) -> dict[str, str]:
        """Those that hold something, each in HdrHistogram's own base64 form."""
        return {name: encoded(each) for name, each in sorted(self.histograms.items()) if each.total_count}


def _check_counts(counts: Counts) -> None:
    """ValueError where something was counted less than not at all, or is no span of exchanges."""
    for each in (counts.measured, counts.ledger, *counts.spans.values()):
        _counted(each)
    if min(counts.carried, counts.wrong, counts.bytes_sent, counts.bytes_received, counts.sessions) < 0:
        raise ValueError("it counts less than nothing")
    known = {each.name for each in fields(SpanSums)}
    if unknown := [unit for unit, sums in counts.spans.items() if unit not in UNITS or sums.keys() != known]:
        raise ValueError(f"{unknown[0]!r:.40} is no span of exchanges")


def _counted(counts: dict[str, int]) -> dict[str, int]:
    for name, count in counts.items():
        if type(count) is not int or count < 0:
            raise ValueError(f"{name!r:.40} is counted {count!r:.40} times")
    return counts


def _times(text: str) -> HdrHistogram:
    """ValueError where it is no histogram, or another than those that are added up here."""
    histogram, ours = decoded(text), new_histogram()
    kinds = [
        (each.lowest_trackable_value, each.highest_trackable_value, each.significant_figures)
        for each in (histogram, ours)
    ]
    if kinds[0] != kinds[1]:
        raise ValueError("it is a histogram of another kind")
    return histogram


def messages_of(counts: Counter[str]) -> Messages:
    """Messages by outcome as a run keeps them."""
    by_outcome = {outcome.value: counts[outcome.value] for outcome in Outcome}
    return Messages(sent=sum(by_outcome.values()), **by_outcome)
