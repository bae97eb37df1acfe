"""What a server may do with a message: answer it rightly, in pieces, twice, wrongly, too late, not at all."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

from tests.truth.cases import FRAMINGS, IMPATIENT_S, MAX_FRAME, MAX_FRAME_BIG, MS, Step, encode, header

_LETTERS = bytes(range(ord("a"), ord("z") + 1))


class Chance:
    """One case's own random numbers, and what they decide for all of it."""

    def __init__(self, seed: int, number: int) -> None:
        self.number = number
        self.random = random.Random(f"{seed}/{number}")
        self.framing = self.random.choice(FRAMINGS)
        self.timing = self.random.random() < 0.4
        self.alike = self.letters(self.random.randint(1, 40)) if self.random.random() < 0.3 else None
        self.big = self.random.random() < 0.01
        self.max_frame = MAX_FRAME_BIG if self.big else MAX_FRAME

    def letters(self, size: int) -> bytes:
        start = self.random.randrange(26)
        return (_LETTERS[start:] + _LETTERS * (size // 26 + 1))[:size]

    def gap_ns(self) -> int:
        """Mostly none, at times some milliseconds, seldom more."""
        dice = self.random.random()
        if dice < 0.5:
            return 0
        return self.random.randint(0, 3 * MS) if dice < 0.98 else self.random.randint(5 * MS, 30 * MS)

    def soon_ns(self) -> int:
        return self.random.choice((0, 0, self.random.randint(0, 3 * MS)))

    def pieces(self, frame: bytes, count: int) -> list[Step]:
        cuts = sorted({self.random.randint(1, max(1, len(frame) - 1)) for _ in range(count - 1)})
        edges = [0, *cuts, len(frame)]
        parts = [frame[a:b] for a, b in itertools.pairwise(edges) if b > a]
        first, *rest = parts
        return [Step(self.gap_ns(), first), *(Step(self.soon_ns(), part) for part in rest)]

    def garbage(self) -> bytes:
        """Bytes that can be known, whole as they are, to be no answer of any message here."""
        body = bytes(self.random.choice(b"\x80\x99\xa5\xfe") for _ in range(self.random.randint(1, 30)))
        if self.framing == "length":
            return b"\xff\xfe\xfd\xfc" + body
        return body + b"\n" if self.framing == "line" else b"\x80" * 16 * self.timing + body

    def wrong_payload(self, right: bytes) -> bytes:
        """Other letters than the right ones, in the right number, or in another."""
        wrong = bytes(byte ^ 0x20 for byte in right)  # capitals: differs in the first byte
        dice = self.random.random()
        if dice < 0.3 and len(right) > 1:
            return right[:-1] + b"#"
        if dice < 0.6 and wrong:
            return wrong[: self.random.randint(1, len(wrong))]
        return wrong + b"#" * self.random.randint(0 if wrong else 1, 9)


_Act = Callable[[Chance, bytes, bytes, tuple[int, int] | None], list[Step]]


def right(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame)]


def _pieces(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return m.pieces(frame, m.random.randint(2, 5))


def _drip(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.random.randint(0, MS // 5), frame[at : at + 1]) for at in range(min(len(frame), 20))] + (
        [Step(0, frame[20:])] if len(frame) > 20 else []
    )


def _double(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame + frame)]


def _double_apart(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame), Step(m.soon_ns(), frame)]


def _extra(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame + m.garbage())]


def _extra_later(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame), Step(m.soon_ns(), m.garbage())]


def _wrong(m: Chance, frame: bytes, right: bytes, times: tuple[int, int] | None) -> list[Step]:
    wrong = encode(m.framing, header(m.framing, times) + m.wrong_payload(right))
    return [Step(m.gap_ns(), wrong)] if m.random.random() < 0.7 else m.pieces(wrong, 2)


def garbage(m: Chance, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), m.garbage())]


def _no_header(m: Chance, frame: bytes, right: bytes, times: tuple[int, int] | None) -> list[Step]:
    """A wait of more than any clock can count; where none is told, garbage."""
    if times is None:
        return garbage(m)
    return [Step(m.gap_ns(), encode(m.framing, header(m.framing, (2**64 - 1, 1)) + right))]


def _too_long(m: Chance, *_: object) -> list[Step]:
    if m.framing == "raw":
        return garbage(m)
    return [Step(m.gap_ns(), encode(m.framing, b"z" * (m.max_frame + m.random.randint(100, 5000))))]


def _half(m: Chance, frame: bytes, end: str) -> list[Step]:
    return [Step(m.gap_ns(), frame[: len(frame) // 2]), Step(m.soon_ns(), b"", end)]


def _half_fin(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return _half(m, frame, "fin")


def _half_close(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return _half(m, frame, "close")


def _half_reset(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return _half(m, frame, "reset")


def _fin(m: Chance, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), b"", "fin")]


def _close(m: Chance, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), b"", "close")]


def _reset(m: Chance, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), b"", "reset")]


def _right_fin(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame), Step(m.soon_ns(), b"", "fin")]


def _right_close(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame), Step(m.soon_ns(), b"", "close")]


def _right_reset(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame), Step(m.soon_ns(), b"", "reset")]


def silence(m: Chance, *_: object) -> list[Step]:
    return []


def _half_silence(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(m.gap_ns(), frame[: len(frame) // 2])]


def _late(m: Chance, frame: bytes, *_: object) -> list[Step]:
    return [Step(round(IMPATIENT_S * 1e9) + 25 * MS, frame)]


def _slow_drip(m: Chance, frame: bytes, *_: object) -> list[Step]:
    """Each byte well within the bound, the whole never."""
    every_ns = round(IMPATIENT_S * 1e9 / 3)
    return [Step(every_ns, frame[at : at + 1]) for at in range(min(len(frame) - 1, 8))]


# What a server may do, how often, and whether the client is to be impatient with it.
ACTS: tuple[tuple[_Act, int, bool], ...] = (
    (right, 380, False),
    (_pieces, 160, False),
    (_drip, 40, False),
    (_double, 40, False),
    (_double_apart, 40, False),
    (_extra, 30, False),
    (_extra_later, 40, False),
    (_wrong, 60, False),
    (garbage, 25, False),
    (_no_header, 20, False),
    (_too_long, 15, False),
    (_half_fin, 15, False),
    (_half_close, 10, False),
    (_half_reset, 15, False),
    (_fin, 10, False),
    (_close, 10, False),
    (_reset, 15, False),
    (_right_fin, 15, False),
    (_right_close, 10, False),
    (_right_reset, 10, False),
    (silence, 8, True),
    (_half_silence, 6, True),
    (_late, 8, True),
    (_slow_drip, 6, True),
)
WEIGHTS = [weight for _, weight, _ in ACTS]
# What does not depend on where one receive ends and the next begins.
WHOLE = (right, silence, _reset, _close, _fin)
