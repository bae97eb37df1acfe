"""Which sample belongs to which message, and to which connection."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lockstep.tcp.samples import Outcome, Phase, Sample
from tests.truth.cases import Asked, request_frame
from tests.truth.player import Call, Played

# By how much a message may end late on a machine that wakes everybody at once.
SLACK_NS = 2_000_000_000
_COUNTED = ("request", "exchange", "send", "tell")
_OUTCOMES = set(Outcome)


@dataclass(slots=True)
class Message:
    """One message of a case, from all sides. call: sent it. fetched: the call that waited for its reply.

    slack_ns: by how much it may have ended late, as late as the machine was.
    """

    asked: Asked
    call: Call
    fetched: Call
    sample: Sample
    connection: int
    slack_ns: int


def pair(played: Played, complain: Callable[[str], None]) -> list[Message]:
    """Each message that was sent, with its one sample."""
    case = played.case
    calls = {
        call.index: call for call in played.told.calls if call.verb in _COUNTED and call.outcome in _OUTCOMES
    }
    fetched = {call.index: call for call in played.told.calls if call.verb == "receive"}
    sizes = {len(request_frame(case, asked)): asked.index for asked in case.asked}
    found: dict[int, tuple[Sample, int]] = {}
    connection = -1
    for sample in played.told.samples:
        connection += sample.phase is Phase.CONNECT
        if sample.phase not in (Phase.MESSAGE, Phase.SEND):
            continue
        index = sizes.get(sample.sent_bytes)
        if index is None and not sample.sent_bytes:
            index = _by_time(sample, [call for call in calls.values() if call.index not in found])
        if index is None:
            what = f"{sample.phase} of {sample.sent_bytes} bytes"
            complain(f"nobody sent the {what} that is {sample.outcome} ({sample.detail})")
        elif index in found:
            complain(f"message {index} was told twice")
        else:
            found[index] = (sample, connection)
    for index in calls.keys() ^ found.keys():
        complain(
            f"message {index} was {'never told of' if index in calls else 'told of, but its call failed'}"
        )
    slack_ns = SLACK_NS + 2 * played.late_ns
    return [
        Message(case.asked[index], calls[index], fetched.get(index, calls[index]), *found[index], slack_ns)
        for index in sorted(calls.keys() & found.keys())
    ]


def _by_time(sample: Sample, calls: Sequence[Call]) -> int | None:
    """Whose sample it is, of which no byte was carried, or is told."""
    return next(
        (
            call.index
            for call in calls
            if (call.verb == "tell") == (sample.phase is Phase.SEND)
            and call.start_ns <= sample.start_ns <= call.end_ns
        ),
        None,
    )
