"""The judge of the random cases, judged: a true account passes, and each way to lie is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lockstep.tcp.samples import Outcome, Phase, Sample
from tests.truth.account import ConnectionLog
from tests.truth.cases import Asked, Case, Step, encode
from tests.truth.oracle import complaints
from tests.truth.player import Call, Played, Told

MS = 1_000_000
S = 1_000 * MS
PAYLOADS = (b"00000009x", b"01000010xy")


def asked(index: int, right: bytes) -> Asked:
    return Asked(index, PAYLOADS[index], right, True, True, None, "right", (Step(0, right),), False)


def truth(
    rights: tuple[bytes, bytes] = (b"one", b"two"), said: tuple[bytes, ...] = (b"one\n", b"two\n")
) -> Played:
    """Two requests on one connection: sent at 10 and 30 ms, answered at 20 and 40, closed at 50."""
    case = Case(0, "line", False, tuple(map(asked, (0, 1), rights)), (), (), 4096)
    log = ConnectionLog(2 * MS, 21, [(0, 11 * MS), (1, 31 * MS)])
    log.said = [(at * MS, at * MS + 1, data) for at, data in zip((20, 40, 45), said, strict=False)]
    log.peer_end = ("fin", 51 * MS)
    samples = [Sample(Phase.CONNECT, Outcome.ANSWERED, MS, 3 * MS)]
    calls = [Call("connect", 0, MS, 3 * MS, "answered", None, True, 6.0)]
    for index, (sent, right) in enumerate(zip((10, 30), rights, strict=True)):
        start_ns, end_ns = sent * MS, (sent + 10) * MS + 2
        answered = Sample(Phase.MESSAGE, Outcome.ANSWERED, start_ns, end_ns)
        sent_bytes = len(encode("line", PAYLOADS[index]))
        samples.append(replace(answered, sent_bytes=sent_bytes, received_bytes=len(right) + 1))
        if not index:
            samples.append(Sample(Phase.FIRST_REPLY, Outcome.ANSWERED, start_ns, end_ns))
        calls.append(Call("request", index, start_ns - 5, end_ns + 5, "answered", right, True, 6.0))
    samples.append(Sample(Phase.CLOSE, Outcome.ANSWERED, 50 * MS, 52 * MS))
    calls.append(Call("close", 0, 50 * MS, 52 * MS, "answered", None, False, 6.0))
    return Played(case, Told(samples, [], calls), [log])


def second(played: Played, **changes: Any) -> Sample:
    """Tell something else of the second message, to the books and to its caller."""
    place = [at for at, sample in enumerate(played.told.samples) if sample.phase is Phase.MESSAGE][1]
    sample = played.told.samples[place] = replace(played.told.samples[place], **changes)
    played.told.calls[2] = replace(played.told.calls[2], outcome=str(sample.outcome), payload=None)
    return sample


def test_a_true_account_passes() -> None:
    assert complaints(truth()) == []


def too_short(played: Played) -> None:
    second(played, end_ns=40 * MS - 1)


def too_long(played: Played) -> None:
    played.told.calls[2] = replace(played.told.calls[2], end_ns=10 * S)
    second(played, end_ns=9 * S)


def began_late(played: Played) -> None:
    second(played, start_ns=31 * MS + 1)


def lost(played: Played) -> None:
    played.told.samples[:] = [each for each in played.told.samples if each.start_ns != 30 * MS]


def twice(played: Played) -> None:
    played.told.samples.append(second(played))


def wrong_bytes(played: Played) -> None:
    played.logs[0].said[1] = (40 * MS, 40 * MS + 1, b"too\n")


def half(played: Played) -> None:
    played.logs[0].said[1] = (40 * MS, 40 * MS + 1, b"tw")


def other_payload(played: Played) -> None:
    played.told.calls[2] = replace(played.told.calls[2], payload=b"one")


def bytes_miscounted(played: Played) -> None:
    second(played, received_bytes=5)


def called_a_mismatch(played: Played) -> None:
    second(played, outcome=Outcome.MISMATCH, detail="b'two'")


def called_a_timeout(played: Played) -> None:
    played.told.calls[2] = replace(played.told.calls[2], end_ns=7 * S)
    second(played, outcome=Outcome.TIMEOUT, end_ns=30 * MS + 6 * S)


def called_short(played: Played) -> None:
    second(played, outcome=Outcome.SHORT)


def called_reset(played: Played) -> None:
    second(played, outcome=Outcome.RESET)


def called_aborted(played: Played) -> None:
    second(played, outcome=Outcome.ABORTED)


def unasked_at_the_end(played: Played) -> None:
    played.logs[0].said.append((45 * MS, 45 * MS + 1, b"three\n"))


def no_first_reply(played: Played) -> None:
    played.told.samples[:] = [each for each in played.told.samples if each.phase is not Phase.FIRST_REPLY]


def unknown_connection(played: Played) -> None:
    played.logs.append(ConnectionLog(60 * MS))


def no_close(played: Played) -> None:
    played.told.samples.pop()


def server_lacks_bytes(played: Played) -> None:
    played.logs[0].received_bytes -= 1


def caller_told_otherwise(played: Played) -> None:
    played.told.calls[2] = replace(played.told.calls[2], outcome="timeout")


def raised(played: Played) -> None:
    played.told.calls[2] = replace(played.told.calls[2], outcome="ValueError: no")


LIES: tuple[Callable[[Played], None], ...] = (
    *(too_short, too_long, began_late, lost, twice, wrong_bytes, half, other_payload, bytes_miscounted),
    *(called_a_mismatch, called_a_timeout, called_short, called_reset, called_aborted, unasked_at_the_end),
    *(no_first_reply, unknown_connection, no_close, server_lacks_bytes, caller_told_otherwise, raised),
)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_false_account_is_found_out(lie: Callable[[Played], None]) -> None:
    played = truth()
    lie(played)
    assert complaints(played)


@pytest.mark.parametrize("said", [(b"one\none\n",), (b"one\n", b"one\n")], ids=["at once", "before the next"])
def test_a_doubled_answer_may_not_answer_the_next_message_that_wants_the_same(
    said: tuple[bytes, ...],
) -> None:
    played = truth((b"one", b"one"), said)
    played.logs[0].said = [(20 * MS + at, 20 * MS + at + 1, data) for at, data in enumerate(said)]
    assert any("there before it was sent" in each for each in complaints(played))


def test_a_doubled_answer_that_comes_while_the_next_is_due_cannot_be_told_from_its_own() -> None:
    played = truth((b"one", b"one"), (b"one\n", b"one\n"))
    assert complaints(played) == []


def mismatch(said: bytes, detail: str, expected: bytes = b"two") -> Played:
    """The second message fails over these bytes, and the connection is given up."""
    played = truth((b"one", expected), (b"one\n", said))
    second(played, outcome=Outcome.MISMATCH, detail=detail, received_bytes=len(said))
    played.told.calls[2] = replace(played.told.calls[2], connected=False)
    played.told.samples.pop()
    return played


def test_a_wrong_reply_is_a_mismatch_with_its_bytes() -> None:
    assert complaints(mismatch(b"-ERR\n", "the reply is not what was expected: b'-ERR'")) == []


def test_a_mismatch_that_does_not_show_its_bytes_is_found_out() -> None:
    assert complaints(mismatch(b"-ERR\n", "the reply is not what was expected"))


def test_a_mismatch_known_early_and_told_late_is_found_out() -> None:
    played = mismatch(b"-ERR\n", "b'-ERR'")
    played.told.calls[2] = replace(played.told.calls[2], end_ns=9 * S)
    second(played, end_ns=8 * S)
    assert any("long after" in each for each in complaints(played))


def test_a_message_on_a_connection_that_was_given_up_is_found_out() -> None:
    played = mismatch(b"-ERR\n", "b'-ERR'")
    told = played.told
    first = next(at for at, each in enumerate(told.samples) if each.phase is Phase.MESSAGE)
    told.samples[first] = replace(told.samples[first], outcome=Outcome.MISMATCH, detail="b'one'")
    assert any("given up" in each for each in complaints(played))
