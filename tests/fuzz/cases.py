"""What is said to a port, in which pieces, and how it ends: kept cases, and random relatives of them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

CORPUS = Path(__file__).parent / "corpus"

Port = Literal["session", "admin"]
Ending = Literal["half-close", "close", "reset"]
_TELLING = (b"\0\0\0\0", b"\0\0\0\1", b"\xff" * 4, b"\r\n", b"%", b"?", b":")
ENDINGS: tuple[Ending, ...] = ("half-close", "close", "reset")


@dataclass(frozen=True, slots=True)
class Case:
    """Said to a port of that kind, piece by piece."""

    port: Port
    pieces: tuple[bytes, ...]
    ending: Ending

    @property
    def said(self) -> bytes:
        """All of it."""
        return b"".join(self.pieces)

    def keep(self) -> Path:
        """Save it in the corpus, under a name of its own; returns the file."""
        path = CORPUS / f"{self.port}-{sha256(repr(self).encode()).hexdigest()[:12]}.json"
        pieces = [piece.decode("latin-1") for piece in self.pieces]
        path.write_text(json.dumps({"port": self.port, "pieces": pieces, "ending": self.ending}) + "\n")
        return path


def kept_cases() -> list[Case]:
    """Those of the corpus. A piece is a text of the characters up to U+00FF, each of which is a byte."""
    kept = [json.loads(path.read_text()) for path in sorted(CORPUS.glob("*.json"))]
    return [
        Case(it["port"], tuple(piece.encode("latin-1") for piece in it["pieces"]), it["ending"])
        for it in kept
    ]


def another(dice: random.Random, kept: Sequence[Case]) -> Case:
    """A kept case with bytes changed, lost, repeated, or another's; cut elsewhere; with any ending."""
    case = dice.choice(kept)
    said = bytearray(case.said)
    others = [other.said for other in kept if other.port == case.port]
    for _ in range(dice.randint(0, 4)):
        start = dice.randint(0, len(said))
        end = min(len(said), start + dice.randint(0, 40))
        match dice.randrange(5):
            case 0:
                said[start:end] = dice.randbytes(end - start)
            case 1:
                del said[start:end]
            case 2:
                said[start:start] = said[start:end] * dice.randint(1, 20)
            case 3:
                said[start:start] = dice.choice(others)
            case 4:
                said[start:start] = dice.choice(_TELLING)
    cuts = sorted(dice.randint(0, len(said)) for _ in range(dice.randint(0, 3)))
    pieces = tuple(bytes(said[a:b]) for a, b in zip([0, *cuts], [*cuts, len(said)], strict=True))
    return Case(case.port, pieces, dice.choice(ENDINGS))
