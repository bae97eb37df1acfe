"""Both sides of a case in the order of time, for a person."""

from __future__ import annotations

from tests.truth.player import Played


def story(played: Played) -> str:
    """Both sides of a case in the order of time, in microseconds, for a person."""
    case = played.case
    start_ns = min((call.start_ns for call in played.told.calls), default=0)
    events: list[tuple[int, str]] = []
    for number, log in enumerate(played.logs):
        side = f"server {number}"
        events.append((log.accepted_ns, f"{side}: accepted"))
        events += [(at_ns, f"{side}: has message {index}") for index, at_ns in log.requests]
        events += [
            (before_ns, f"{side}: says {data!r:.90} ({len(data)} bytes)") for before_ns, _, data in log.said
        ]
        events += [
            (end[1], f"{side}: {who}{end[0]}") for who, end in (("", log.end), ("sees ", log.peer_end)) if end
        ]
    for call in played.told.calls:
        events.append((call.start_ns, f"client: {call.verb} {call.index} (within {call.timeout_s} s)"))
        events.append(
            (call.end_ns, f"client: {call.verb} {call.index} -> {call.outcome} {call.payload!r:.60}")
        )
    for sample in played.told.samples:
        sizes = f"{sample.sent_bytes}/{sample.received_bytes}"
        text = f"{sample.phase} {sample.outcome} {sizes} {sample.detail:.120}"
        events.append((sample.end_ns, f"booked: {text}, began {(sample.start_ns - start_ns) / 1000:.0f}"))
    events.sort()
    lines = [f"{(at_ns - start_ns) / 1000:10.0f} {text}" for at_ns, text in events]
    lines += [
        f"message {asked.index}: {asked.kind}, checked {asked.checked}, right {asked.right!r:.70}"
        for asked in case.asked
    ]
    return "\n".join([f"case {case.number}: {case.framing}, timing {case.timing}", *lines])
