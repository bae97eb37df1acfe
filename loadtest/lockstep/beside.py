"""Users beside those that work: idle, or hostile on purpose. What they do to everybody else is measured."""

from __future__ import annotations

from dataclasses import dataclass

from lockstep.errors import PlanError
from lockstep_wire.choices import did_you_mean

KINDS = {
    "idle": "connects and says nothing",
    "half-open": "sends half a message, and then nothing",
    "slow-writer": "sends a byte now and then",
    "slow-reader": "asks on and on, and hardly reads the answers",
    "reset": "asks, and resets the connection in mid-reply",
}
"""Kind -> what such a user does. worker/company.py does it."""

MOST = 100_000
_FORM = "write KIND:NUMBER or KIND:SHARE%, for example idle:1000 or slow-reader:10%"


@dataclass(frozen=True, slots=True)
class Beside:
    """So many users of one kind, or so large a part of the level, beside its users.

    count: how many; None where share is given, a part of the level above 0.
    """

    kind: str
    count: int | None = None
    share: float | None = None

    @classmethod
    def parse(cls, text: str) -> Beside:
        """`idle:1000`, `slow-reader:10%`. PlanError says what is wrong."""
        kind, colon, amount = text.partition(":")
        if not colon:
            raise PlanError("beside", f"{text!r} is no kind of user and their number: {_FORM}")
        if kind not in KINDS:
            raise PlanError("beside", f"{kind!r} is unknown: {did_you_mean(kind, KINDS)}")
        digits = amount.removesuffix("%")
        if len(digits) > 9 or not digits.replace(".", "", 1).isascii():
            raise PlanError("beside", f"{text[:40]!r} has no number that makes sense: {_FORM}")
        try:
            number = float(digits) if amount.endswith("%") else int(digits)
        except ValueError:
            raise PlanError("beside", f"{text!r} has no number: {_FORM}") from None
        if not 0 < number <= MOST:
            raise PlanError("beside", f"{text!r} is out of range: give more than 0, up to {MOST}")
        return cls(kind, share=number / 100) if amount.endswith("%") else cls(kind, count=int(number))

    @classmethod
    def kind_of(cls, text: str) -> str:
        """The kind that a text names, "" where it names nobody."""
        return cls.parse(text).kind if text else ""

    def users(self, level: int) -> int:
        """How many there are beside `level` users: at least one."""
        return self.count if self.count is not None else max(1, round(level * (self.share or 0)))


def parse_beside(text: str) -> tuple[str, ...]:
    """`idle:1000, slow-reader:10%` -> each of them, checked. PlanError names the one that is wrong."""
    words = tuple(text.replace(",", " ").split())
    for word in words:
        Beside.parse(word)
    if len(set(words)) != len(words):
        raise PlanError("beside", f"names one twice ({', '.join(words)}): leave one out")
    return words
