"""The workers' pulses of the last minute, added up over all workers. Nothing here enters a result."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lockstep.control import Pulse
from lockstep.record.pulse import percentiles_us

# What the page shows as now, and as just before.
RECENT_NS = 5 * 10**9
HISTORY_S = 60
# One value of the history: workers pulse once a second, so two or three pulses of each are in it.
MOMENT_NS = 2_500_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """A pulse, and when it came; monotonic nanoseconds of the master."""

    at_ns: int
    pulse: Pulse


@dataclass(frozen=True, slots=True)
class Split:
    """Mean times of the answers that came with the server's own, in microseconds."""

    network_us: float
    wait_us: float
    service_us: float


@dataclass(frozen=True, slots=True)
class Now:
    """What clients saw in some seconds, all workers together.

    covered_s: the time that the worker that was seen longest was seen for. p50_us, p90_us, p99_us: response
    times to 6%; None where nothing was answered. split: None where the server tells no times. connections:
    open now.
    """

    covered_s: float
    answered_per_s: float
    failed_per_s: float
    p50_us: float | None
    p90_us: float | None
    p99_us: float | None
    split: Split | None
    connections: int


class Pulses:
    """Keeps them for a minute. clock_ns: monotonic."""

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._received: deque[Received] = deque()

    def add(self, pulse: Pulse) -> None:
        """A worker's pulse came in."""
        now_ns = self._clock_ns()
        self._received.append(Received(now_ns, pulse))
        while self._received[0].at_ns < now_ns - HISTORY_S * 10**9 - MOMENT_NS:
            self._received.popleft()

    def of_run(self, run_id: str) -> list[Received]:
        """Those of one run, the oldest first."""
        return [each for each in self._received if each.pulse.run_id == run_id]


def recent(received: Sequence[Received], now_ns: int) -> tuple[int, Now] | None:
    """The cell of the last pulse, and how its last seconds were; None where no pulse came."""
    since = bisect_right(received, now_ns - RECENT_NS, key=_arrival)
    last = received[since:]
    if not last:
        return None
    cell = last[-1].pulse.cell
    now = merged([each.pulse for each in last if each.pulse.cell == cell])
    return None if now is None else (cell, now)


def moment(received: Sequence[Received], at_ns: int) -> Now | None:
    """The two seconds before this moment; None where no pulse came in them."""
    since, until = (bisect_right(received, at, key=_arrival) for at in (at_ns - MOMENT_NS, at_ns))
    return merged([each.pulse for each in received[since:until]])


def merged(pulses: Sequence[Pulse]) -> Now | None:
    """Pulses of one or several workers as one, each worker's oldest first; None where there are none.

    Counts are added up; a worker's rate is over the time that its own pulses cover.
    """
    if not pulses:
        return None
    covered_ns: dict[str, int] = {}
    for pulse in pulses:
        covered_ns[pulse.worker] = covered_ns.get(pulse.worker, 0) + pulse.span_ns
    responses = np.sum([pulse.responses for pulse in pulses], axis=0)
    p50_us, p90_us, p99_us = percentiles_us(responses, (0.5, 0.9, 0.99))
    return Now(
        covered_s=max(covered_ns.values()) / 1e9,
        answered_per_s=sum(pulse.answered * 1e9 / covered_ns[pulse.worker] for pulse in pulses),
        failed_per_s=sum(pulse.failed * 1e9 / covered_ns[pulse.worker] for pulse in pulses),
        p50_us=p50_us,
        p90_us=p90_us,
        p99_us=p99_us,
        split=_split(pulses),
        connections=sum({pulse.worker: pulse.connections for pulse in pulses}.values()),
    )


def _arrival(received: Received) -> int:
    return received.at_ns


def _split(pulses: Sequence[Pulse]) -> Split | None:
    timed = sum(pulse.timed for pulse in pulses)
    if not timed:
        return None
    network, wait, service = (
        sum(getattr(pulse, name) for pulse in pulses) / timed / 1000
        for name in ("network_ns", "wait_ns", "service_ns")
    )
    return Split(network, wait, service)
