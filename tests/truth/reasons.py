"""Whether a message that failed had a reason to, of just that kind, and whether its bytes are shown."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from lockstep.tcp.samples import Outcome, Sample
from tests.truth.account import ConnectionLog
from tests.truth.cases import IMPATIENT_S, Case
from tests.truth.pairing import Message
from tests.truth.streams import Stream, frame_at, known_at, nothing_to_show, wrong_at

Complain = Callable[[str], None]
_SHOWN = 64
_LITERAL = re.compile(r"""b'(?:[^'\\]|\\.)*'|b"(?:[^"\\]|\\.)*\"""")


def judge_failed(
    case: Case,
    complain: Complain,
    message: Message,
    behind: Message | None,
    stream: Stream,
    position: int,
    log: ConnectionLog,
) -> None:
    """The first message of a connection that failed: there must have been a reason, of just that kind."""
    asked, sample = message.asked, message.sample
    name = f"message {asked.index} is {sample.outcome} ({sample.detail:.200})"
    rest = stream.data[position:] if asked.replied else b""
    wrong = wrong_at(case, asked, rest) if asked.replied else None
    known = known_at(case, asked, rest) if asked.replied else None
    frame = frame_at(case, stream.data, position, asked, None) if rest else None
    good_end = frame[0] if frame is not None and wrong is None else None
    began_ns = max(sample.start_ns, message.fetched.start_ns)
    if sample.outcome is Outcome.MISMATCH:
        stale = len(stream.data) > position and stream.sent_at(position)[0] < sample.start_ns
        more = good_end is not None and _more_behind(stream, good_end, message, behind)
        if wrong is None and not stale and not more:
            complain(f"{name}, but its server said nothing wrong: {rest!r:.80}")
        if (
            known is not None
            and sample.end_ns > max(stream.sent_at(position + known)[1], began_ns) + message.slack_ns
        ):
            complain(f"{name}, but only long after that was known")
        judge_detail(
            case,
            complain,
            name,
            sample,
            stream.data[position:],
            sample.received_bytes,
            message.call.verb != "send",
        )
        return
    if sample.outcome is Outcome.TIMEOUT:
        last = position + known if known is not None else None
        if good_end is not None:
            last = good_end - 1
        _timed_out(complain, name, message, stream, position, last)
        return
    if sample.outcome in (Outcome.SHORT, Outcome.RESET):
        allowed = {
            "fin": (Outcome.SHORT,),
            "close": (Outcome.SHORT, Outcome.RESET),
            "reset": (Outcome.RESET,),
        }
        end = log.end
        if end is None or sample.outcome not in allowed[end[0]] or sample.end_ns < end[1]:
            complain(f"{name}, but its server left as {end}")
        elif end[0] == "fin" and good_end is not None and not _more_behind(stream, good_end, message, behind):
            complain(f"{name}, but the right reply was there")
        return
    complain(f"{name}, which nobody was asked to do")


def _more_behind(stream: Stream, end: int, message: Message, behind: Message | None) -> bool:
    """Whether there may have been more than the right reply, while nothing else was asked."""
    if end >= len(stream.data):
        return False
    in_flight = behind is not None and behind.sample.start_ns < message.sample.end_ns
    return not in_flight and stream.sent_at(end)[0] <= message.sample.end_ns


def judge_detail(
    case: Case, complain: Complain, name: str, sample: Sample, heard: bytes, booked: int, whole: bool
) -> None:
    """The first bytes of what was wrong can be read in the reason, escaped.

    heard: what may have come. booked: how much of it did, where one knows. whole: booked with nothing else.
    """
    if nothing_to_show(case, heard):
        return
    literal = _LITERAL.search(sample.detail)
    shown = ast.literal_eval(literal.group()) if literal else b""
    # Several frames are shown without what stood between them.
    sample_bytes = shown[:3] if case.framing == "raw" else shown[:1]
    if not shown or sample_bytes not in heard or len(shown) > _SHOWN:
        complain(f"{name}: these bytes are not shown: {heard!r:.80}")
    elif whole and case.framing == "raw" and not case.timing and not _all_shown(shown, heard, booked):
        complain(f"{name}: only {len(shown)} bytes of {booked} are shown: {heard!r:.80}")


def _all_shown(shown: bytes, heard: bytes, booked: int) -> bool:
    """Whether all that came is shown, as far as it fits, or all that came behind the right reply."""
    return len(shown) >= min(booked, _SHOWN) or heard[booked - len(shown) : booked] == shown


def _timed_out(
    complain: Complain,
    name: str,
    message: Message,
    stream: Stream,
    position: int,
    last: int | None,
) -> None:
    """last: the byte with which the reply was whole, or known to be wrong."""
    sample, fetched = message.sample, message.fetched
    waited = fetched.verb == "receive" and fetched.start_ns <= sample.end_ns
    began_ns = fetched.start_ns if waited else sample.start_ns
    bound_ns = round(fetched.timeout_s * 1e9)
    if sample.end_ns - began_ns < bound_ns:
        complain(f"{name} after {sample.end_ns - began_ns} ns, the bound is {bound_ns}")
    if sample.end_ns - began_ns > bound_ns + message.slack_ns:
        complain(f"{name} after {sample.end_ns - began_ns} ns, long after the bound of {bound_ns}")
    if fetched.verb == "receive" and not waited:
        # Nobody fetched it within the bound: the next message gives it up, whatever has come meanwhile.
        return
    patient = fetched.timeout_s > IMPATIENT_S
    known_ns = None if last is None else stream.sent_at(last)[1]
    # Of somebody impatient it can be asked only to look before it gives up at once.
    latest_ns = sample.end_ns - message.slack_ns if patient else fetched.start_ns
    if known_ns is not None and known_ns < latest_ns:
        complain(f"{name}, but its reply, or that it was wrong, was there: {stream.data[position:]!r:.80}")
