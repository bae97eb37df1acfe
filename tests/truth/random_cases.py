"""Random conversations: both ends make the same of a seed and a number."""

from __future__ import annotations

from collections.abc import Sequence

from tests.truth.acts import ACTS, WEIGHTS, WHOLE, Chance, garbage, right, silence
from tests.truth.cases import Asked, Case, Step, encode, header


def make_case(seed: int, number: int) -> Case:
    """The case of that number."""
    m = Chance(seed, number)
    asked: list[Asked] = []
    ops: list[tuple[str, int]] = []
    count = m.random.randint(1, 6)
    while len(asked) < count:
        verb = m.random.choice(("request", "request", "exchange", "exchange", "pipeline", "tell"))
        size = min(count - len(asked), m.random.randint(2, 4)) if verb == "pipeline" else 1
        group = [_make_asked(m, len(asked) + at, verb) for at in range(size)]
        indices = [each.index for each in group]
        asked += group
        if any(each.impatient for each in group):
            ops.append(("impatient", 0))
        if verb == "pipeline":
            ops += [("send", index) for index in indices] + [("receive", index) for index in indices]
        else:
            ops.append((verb, indices[0]))
        ops.append(("patient", 0))
        dice = m.random.random()
        if dice < 0.15:
            ops.append(("pause", m.random.randint(1, 4)))
        elif dice < 0.22:
            ops += [("close", 0), ("connect", 0)]
    return Case(number, m.framing, m.timing, tuple(asked), (*ops, ("close", 0)), _greets(m), m.max_frame)


def _greets(m: Chance) -> tuple[Step, ...]:
    dice = m.random.random()
    if dice < 0.97:
        return ()
    if dice < 0.985:
        return (Step(m.soon_ns(), m.garbage()),)
    return (Step(m.soon_ns(), b"", m.random.choice(("fin", "close", "reset"))),)


def _make_asked(m: Chance, index: int, verb: str) -> Asked:
    checked = m.random.random() < 0.75 or (m.framing == "raw" and verb == "pipeline")
    big = m.big and checked
    # Each request of a case has a length of its own, by which its sample is known.
    size = 8 + index + 6 * m.random.randint(0, 20) + 60_000 * big * m.random.randint(0, 5)
    payload = b"%02d%06d" % (index, size) + m.letters(size - 8)
    reply = m.alike or m.letters(
        m.random.randint(m.framing == "raw", 120) + 50_000 * big * m.random.randint(0, 4)
    )
    times = (m.random.randint(0, 10**9), m.random.randint(0, 10**9)) if m.timing else None
    (act, _, impatient) = m.random.choices(ACTS, WEIGHTS)[0]
    if m.framing == "raw" and not checked and act not in WHOLE:
        # Without a frame and without an expectation whatever one receive brings is the reply.
        act, impatient = right, False
    frame = encode(m.framing, header(m.framing, times) + reply)
    replied = verb != "tell"
    if replied:
        steps = act(m, frame, reply, times)
    else:
        act = m.random.choice((silence,) * 9 + (garbage,))
        steps, impatient = act(m, frame, reply, times), False
    return Asked(
        index, payload, reply, checked, replied, times, act.__name__.strip("_"), tuple(steps), impatient
    )


def kinds(cases: Sequence[Case]) -> set[str]:
    """What the servers of these cases do."""
    return {asked.kind for case in cases for asked in case.asked}
