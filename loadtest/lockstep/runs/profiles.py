"""What a server's threads were doing, sample by sample, in a cell that was measured for nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field

# What lies below has been seen once or twice in a cell, and would be no wider than a line.
MOST_STACKS = 500
# A flame graph that is higher is read by nobody: of a deep recursion the outermost calls are kept.
MOST_FRAMES = 100


@dataclass(frozen=True, slots=True)
class Stack:
    """Where threads were. frames: functions with file and line, the outermost first. samples: how often.

    line: the innermost line of source, "" where it could not be read: that of a lock that is waited for.
    """

    frames: tuple[str, ...]
    samples: int
    line: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One series under load, beside a profiler. tool: which. seconds: how long. stacks: the most frequent.

    messages_per_s: what it answered meanwhile; None where that was not measured.
    """

    mode: str
    level: int
    tool: str
    seconds: float
    messages_per_s: float | None
    stacks: list[Stack] = field(default_factory=list)
