"""Stacks as profilers write them."""

from __future__ import annotations

import pytest

from lockstep.profiling.stacks import read_stacks
from lockstep.runs.profiles import MOST_FRAMES, MOST_STACKS, Stack

SOURCE = {("/srv/server.py", 7): "    with self._lock:\n", ("server.py", 7): ""}


def source(file: str, line: int) -> str:
    return SOURCE.get((file, line), "")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (
            "main (/srv/server.py:40);Handler.serve (/srv/server.py:7) 12",
            Stack(("main (server.py:40)", "Handler.serve (server.py:7)"), 12, "with self._lock:"),
        ),
        (
            'process 41:"python -c a;b (c)";main (/srv/server.py:7) 3',
            Stack(("main (server.py:7)",), 3, "with self._lock:"),
        ),
        (
            'process 41:"sh -c x";process 42:"python x";main (/srv/server.py:7) 3',
            Stack(("main (server.py:7)",), 3, "with self._lock:"),
        ),
        (
            "<module> (<frozen runpy>:88);run (<string>) 5",
            Stack(("<module> (<frozen runpy>:88)", "run (<string>)"), 5),
        ),
        (
            "tid:140;server.py:main:40;server.py:Handler.serve:7 9",
            Stack(("main (server.py:40)", "Handler.serve (server.py:7)"), 9),
        ),
        ("tid:140;server.py:main:40;<GC> 2", Stack(("main (server.py:40)", "<GC>"), 2)),
    ],
)
def test_each_profilers_lines_are_read_alike(written: str, read: Stack) -> None:
    assert read_stacks(written, source) == [read]


def test_threads_of_one_stack_are_added_up_and_the_most_frequent_comes_first() -> None:
    text = "tid:1;a.py:f:1 2\ntid:2;a.py:g:2 5\ntid:3;a.py:f:1 4\n"
    assert [(each.frames, each.samples) for each in read_stacks(text, source)] == [
        (("f (a.py:1)",), 6),
        (("g (a.py:2)",), 5),
    ]


@pytest.mark.parametrize("text", ["", "\n", " 7\n", "py-spy> wrote something\n"])
def test_what_is_no_stack_is_left_out(text: str) -> None:
    assert read_stacks(text, source) == []


def test_no_more_are_kept_than_can_be_seen() -> None:
    text = "".join(f"f{number} (a.py:1) {number + 1}\n" for number in range(MOST_STACKS + 10))
    kept = read_stacks(text, source)
    assert len(kept) == MOST_STACKS
    assert min(each.samples for each in kept) == 11


def test_of_a_deep_recursion_the_outermost_calls_are_kept() -> None:
    text = ";".join(f"f{number} (a.py:1)" for number in range(1_000)) + " 3\n"
    (stack,) = read_stacks(text, source)
    assert stack.frames[0] == "f0 (a.py:1)"
    assert len(stack.frames) == MOST_FRAMES
