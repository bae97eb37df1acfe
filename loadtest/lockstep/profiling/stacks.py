"""What profilers write of stacks, `frame;frame;frame 12` line by line, outermost first, as records.

py-spy's raw format has `function (file:line)`, and `process PID:"command"` around it where it has looked at
child processes too; Python's own sampler has `file:function:line`, and `tid:N` around it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import PurePath

from lockstep.runs.profiles import MOST_FRAMES, MOST_STACKS, Stack

_PROCESS = re.compile(r'process \d+:".*";(?!process \d+:")')
_OF_PY_SPY = re.compile(r"(?P<function>.*) \((?P<file>.*?)(?::(?P<line>\d+))?\)")
_OF_PYTHON = re.compile(r"(?P<file>[^:]*):(?P<function>.*):(?P<line>\d+)")
_THREAD = re.compile(r"tid:\d+;")


def read_stacks(text: str, source: Callable[[str, int], str]) -> list[Stack]:
    """The most frequent stacks, those first. source: a file's line, as linecache.getline tells it.

    Lines that are no stacks are left out: a thread without a frame has none.
    """
    found: Counter[tuple[tuple[str, ...], str]] = Counter()
    for written in text.splitlines():
        stack, _, samples = written.rpartition(" ")
        if not stack.strip() or not samples.isdecimal():
            continue
        frames = _THREAD.sub("", _PROCESS.sub("", stack, count=1), count=1).split(";")
        parted = [_parts(frame) for frame in frames]
        _, file, line = parted[-1]
        innermost = " ".join(source(file, line).split()) if line else ""
        found[tuple(_told(*parts) for parts in parted[:MOST_FRAMES]), innermost] += int(samples)
    return [Stack(frames, count, line) for (frames, line), count in found.most_common(MOST_STACKS)]


def _parts(frame: str) -> tuple[str, str, int]:
    """Function, file and line; the line is 0 where none is told."""
    match = _OF_PY_SPY.fullmatch(frame) or _OF_PYTHON.fullmatch(frame)
    if match is None:
        return frame, "", 0
    return match["function"], match["file"], int(match["line"] or 0)


def _told(function: str, file: str, line: int) -> str:
    """In words: the file without its folders."""
    where = PurePath(file).name if file else ""
    return f"{function} ({where}:{line})" if line else f"{function} ({where})" if where else function
