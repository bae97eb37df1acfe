"""Stacks as a flame graph: functions above those that called them, as wide as often they were seen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from lockstep.runs.profiles import Stack

# What is narrower is left out, with all above it.
NARROWEST = 0.002


class Doing(Enum):
    """What a thread is doing, by the line that it is at.

    A heuristic: it knows what Python's own locks, queues and sockets are called. Who sleeps is at work, for
    services of tests do that in the place of work; and so is who waits for the interpreter's own lock, which
    no line of source tells.
    """

    WAITS_FOR_A_THREAD = "waiting for another thread"
    WAITS_FOR_A_PEER = "waiting for a peer"
    WORKS = "at work"


_FOR_A_THREAD = re.compile(
    r"\bacquire\w*\(|\.(wait|wait_for|join)\(|\b(async )?with \S*(lock|mutex|semaphore|condition|turn)",
    re.IGNORECASE,
)
_FOR_A_PEER = re.compile(
    r"\b_?(accept\w*|recv\w*|receive\w*|read(line|lines|exactly|until|into)?|select|poll|sigwait\w*)\("
    r"|\bsend(all|msg)?\(|\bfor line in \S*file\b"
)
# Functions of the standard library in which nobody does anything but wait.
_WAITING_INSIDE = re.compile(
    r"(^|\.)(wait|wait_for|acquire|join|__enter__|get|put) \((threading|queue|synchronize)\.py:"
)


def doing(stack: Stack) -> Doing:
    """What a thread with this stack does."""
    if _FOR_A_THREAD.search(stack.line) or _WAITING_INSIDE.search(stack.frames[-1]):
        return Doing.WAITS_FOR_A_THREAD
    return Doing.WAITS_FOR_A_PEER if _FOR_A_PEER.search(stack.line) else Doing.WORKS


def shares(stacks: Sequence[Stack]) -> dict[Doing, float]:
    """Of the threads' time, which part each takes; nothing where nothing was seen."""
    total = sum(stack.samples for stack in stacks)
    if not total:
        return {}
    return {each: sum(stack.samples for stack in stacks if doing(stack) is each) / total for each in Doing}


def held_at(stacks: Sequence[Stack]) -> tuple[str, float] | None:
    """The line at which threads wait most for each other, and its share of all their time; None for none."""
    waiting: Counter[str] = Counter()
    for stack in stacks:
        if stack.line and doing(stack) is Doing.WAITS_FOR_A_THREAD:
            waiting[stack.line] += stack.samples
    most = waiting.most_common(1)
    return (most[0][0], most[0][1] / sum(stack.samples for stack in stacks)) if most else None


@dataclass(frozen=True, slots=True)
class Box:
    """A function, or on top of it the line that threads were at. From start to end of the whole, 0 to 1.

    depth: 0 for the outermost. doing: of a line, what threads did there; None for a function.
    """

    depth: int
    start: float
    end: float
    words: str
    doing: Doing | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    path: tuple[tuple[str, Doing | None], ...]
    samples: int


def boxes(stacks: Sequence[Stack]) -> list[Box]:
    """The graph, outermost first; neighbours in the order of their names, so that the same is drawn alike."""
    seen = [
        _Seen(
            (
                *((frame, None) for frame in stack.frames),
                (stack.line or "(its source is not here)", doing(stack)),
            ),
            stack.samples,
        )
        for stack in stacks
    ]
    total = sum(each.samples for each in seen)
    return list(_within(seen, 0, 0, total)) if total else []


def _within(seen: Sequence[_Seen], depth: int, start: int, total: int) -> Iterator[Box]:
    parts: dict[tuple[str, Doing | None], list[_Seen]] = {}
    for each in seen:
        if len(each.path) > depth:
            parts.setdefault(each.path[depth], []).append(each)
    for (words, does), inside in sorted(parts.items(), key=lambda part: part[0][0]):
        width = sum(each.samples for each in inside)
        if width / total >= NARROWEST:
            yield Box(depth, start / total, (start + width) / total, words, does)
            yield from _within(inside, depth + 1, start, total)
        start += width
