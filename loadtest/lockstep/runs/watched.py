"""What the kernel told of a server under load: its threads, its listen queue, its connections."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

# So many stretches of a cell are kept at most: a soak of a day is drawn as well with them.
KEPT_STRETCHES = 600
# From this part of the processor time on, the threads that used it speak for all.
MOST_SEEN = 0.8


@dataclass(frozen=True, slots=True)
class Watched:
    """A stretch of a cell, in ms from its beginning. Counts of threads are time averages, over all processes.

    threads, processes: how many there were at its end. on_cpu: processor seconds used per second, which is
    the mean number of threads that ran. runnable: threads in state R at its end, on a core or awaiting one.
    delayed: seconds on a run queue per second, the mean number of threads that would have run and had no
    core; voluntary, involuntary: switches per second, a core given up to sleep, or lost to another. These are
    of threads that lived at its end, and lasting is what on_cpu is of them alone.

    backlog: connections that nobody had accepted yet, and its bound; connections: how many to the server's
    port were looked at, with the median of their round trips in microseconds, the mean of their segments
    without acknowledgement, and how many they had sent again so far. None where the kernel does not tell, or
    was not asked.
    """

    from_ms: float
    until_ms: float
    processes: float
    threads: float
    on_cpu: float
    delayed: float
    runnable: float
    voluntary: float
    involuntary: float
    lasting: float
    backlog: float | None = None
    backlog_bound: float | None = None
    connections: float | None = None
    rtt_us: float | None = None
    unacked: float | None = None
    retransmits: float | None = None

    @property
    def span_ms(self) -> float:
        """How long it is."""
        return self.until_ms - self.from_ms

    @property
    def seen(self) -> float:
        """The part of the processor time, 0 to 1, that threads used which lived to be asked."""
        return min(self.lasting / self.on_cpu, 1.0) if self.on_cpu else 1.0

    @property
    def awaiting_core(self) -> float:
        """Threads that would have run and had no core.

        How long a thread awaited one is known as long as it lives. Where others used much of the time, as
        with a thread for each short session, the difference of who could have run and who did tells it, less
        surely: one look each.
        """
        return self.delayed if self.seen >= MOST_SEEN else max(self.runnable - self.on_cpu, 0.0)

    @property
    def busy(self) -> float:
        """Threads that ran, or would have."""
        return self.on_cpu + self.awaiting_core

    @property
    def asleep(self) -> float:
        """Threads that waited for anything but a core: a lock, a timer, a disk, the next message."""
        return max(self.threads - self.busy, 0.0)


_FIGURES = tuple(each.name for each in fields(Watched) if each.name not in ("from_ms", "until_ms"))


def combined(
    stretches: Sequence[Watched], of: Callable[[Sequence[tuple[float, float]]], float]
) -> Watched | None:
    """One stretch over several, each figure what `of` makes of its values and their stretches' lengths.

    None where there are none. What no stretch tells stays untold.
    """
    if not stretches:
        return None
    figures: dict[str, float | None] = {}
    for name in _FIGURES:
        told = [(getattr(each, name), each.span_ms) for each in stretches if getattr(each, name) is not None]
        figures[name] = of(told) if told else None
    begin, end = min(each.from_ms for each in stretches), max(each.until_ms for each in stretches)
    return replace(stretches[0], from_ms=begin, until_ms=end, **figures)  # type: ignore[arg-type]


def averaged(stretches: Sequence[Watched]) -> Watched | None:
    """One stretch over several, by their lengths; None where there are none."""
    return combined(stretches, _weighted)


def _weighted(values: Sequence[tuple[float, float]]) -> float:
    total = sum(weight for _, weight in values)
    return sum(value * weight for value, weight in values) / total if total else values[0][0]


def thinned(stretches: Sequence[Watched], most: int = KEPT_STRETCHES) -> list[Watched]:
    """The same in so many at most, neighbours put together."""
    each = -(-len(stretches) // most) or 1
    groups = (stretches[start : start + each] for start in range(0, len(stretches), each))
    return [one for group in groups if (one := averaged(group)) is not None]


def within(stretches: Sequence[Watched], from_ms: float, until_ms: float) -> list[Watched]:
    """Those whose middle lies there."""
    return [each for each in stretches if from_ms <= (each.from_ms + each.until_ms) / 2 < until_ms]
