"""Stacks become boxes that lie on those that called them, and each line tells what its threads did."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.analysis.flames import NARROWEST, Doing, boxes, doing, held_at, shares
from lockstep.runs.profiles import Stack

FRAMES = st.lists(st.sampled_from(["a (x.py:1)", "b (x.py:2)", "c (y.py:3)"]), min_size=1, max_size=4)
STACKS = st.lists(
    st.builds(
        Stack,
        FRAMES.map(tuple),
        st.integers(1, 50),
        st.sampled_from(["lock.acquire()", "link.recv(65536)", "total += 1", ""]),
    ),
    max_size=12,
)


def at(line: str, function: str = "serve (server.py:7)") -> Doing:
    return doing(Stack((function,), 1, line))


@pytest.mark.parametrize(
    "line",
    [
        "admission.acquire()",
        "turn.acquire()",
        "with self._lock:",
        "with self._condition:",
        "async with mutex:",
        "self._condition.wait()",
        "worker.join()",
    ],
)
def test_whoever_is_at_a_lock_waits_for_another_thread(line: str) -> None:
    assert at(line) is Doing.WAITS_FOR_A_THREAD


def test_so_does_who_is_inside_of_threading_whatever_its_line_says() -> None:
    assert at("", "Condition.wait (threading.py:331)") is Doing.WAITS_FOR_A_THREAD
    assert at("", "Semaphore.acquire (threading.py:507)") is Doing.WAITS_FOR_A_THREAD
    assert at("", "Thread.run (threading.py:982)") is Doing.WORKS


@pytest.mark.parametrize(
    "line",
    [
        "fd, addr = self._accept()",
        "while data := self.request.recv(65536):",
        "chunk = receive(buffer)",
        "fd_event_list = self._selector.poll(max_ev)",
        "for line in self.rfile:",
        "retsig = _signal.sigwait(sigset)",
        "self.request.sendall(data)",
    ],
)
def test_whoever_is_at_a_socket_waits_for_a_peer(line: str) -> None:
    assert at(line) is Doing.WAITS_FOR_A_PEER


@pytest.mark.parametrize("line", ["time.sleep(hold_s)", "total += thread(1)", "with open(name) as file:", ""])
def test_all_others_are_at_work(line: str) -> None:
    assert at(line) is Doing.WORKS


@given(STACKS)
def test_shares_are_parts_of_one_whole(stacks: list[Stack]) -> None:
    assert sum(shares(stacks).values()) == pytest.approx(1 if stacks else 0)


@given(STACKS)
def test_every_box_lies_on_one_that_is_as_wide_at_least_and_none_overlaps_another(
    stacks: list[Stack],
) -> None:
    drawn = boxes(stacks)
    for box in drawn:
        assert 0 <= box.start < box.end <= 1
        beneath = [each for each in drawn if each.depth == box.depth - 1 and each.start <= box.start]
        assert box.depth == 0 or max(each.end for each in beneath) >= box.end
    for depth in {box.depth for box in drawn}:
        row = sorted((box.start, box.end) for box in drawn if box.depth == depth)
        assert all(one[1] <= other[0] for one, other in pairwise(row))


@given(STACKS)
def test_the_lines_on_top_are_as_wide_as_their_shares(stacks: list[Stack]) -> None:
    drawn = boxes(stacks)
    for does, share in shares(stacks).items():
        wide = sum(box.end - box.start for box in drawn if box.doing is does)
        # What is too narrow to be seen is left out.
        assert wide <= share + 1e-9
        assert wide >= share - NARROWEST * len(stacks) - 1e-9


def test_the_line_that_holds_most_threads_up_is_told_with_its_share_of_all_time() -> None:
    stacks = [
        Stack(("a (x.py:1)",), 3, "admission.acquire()"),
        Stack(("b (x.py:2)",), 2, "admission.acquire()"),
        Stack(("c (x.py:3)",), 1, "with self._lock:"),
        Stack(("d (x.py:4)",), 4, "time.sleep(1)"),
    ]
    assert held_at(stacks) == ("admission.acquire()", 0.5)
    assert held_at(stacks[3:]) is None
