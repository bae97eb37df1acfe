"""Which Lockstep this is: its version, and a digest of the code that runs, which tells two builds apart."""

from __future__ import annotations

import hashlib
from pathlib import Path

VERSION = "0.1.0"

_ROOT = Path(__file__).resolve().parents[1]
_DIGITS = 8


def build_of(*packages: str, root: Path = _ROOT) -> str:
    """`0.1.0+3f2a9c1d`: the version, and the first digits of a SHA-256 over these packages' Python files.

    An image, an installation and a checkout of the same code have the same; a change that is not committed
    has another. root: the folder that holds the packages.
    """
    digest = hashlib.sha256()
    for package in packages:
        for file in sorted((root / package).rglob("*.py")):
            code = file.read_bytes()
            digest.update(f"{file.relative_to(root).as_posix()} {len(code)}\n".encode())
            digest.update(code)
    return f"{VERSION}+{digest.hexdigest()[:_DIGITS]}"
