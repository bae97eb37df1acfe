"""Which Lockstep this is: its version, and a digest of the code that runs, which tells two builds apart."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

VERSION = "0.1.0"

_DIGITS = 8


def build_of(*packages: str) -> str:
    """`0.1.0+3f2a9c1d`: the version, and the first digits of a SHA-256 over these packages' Python files.

    An image, an installation and a checkout of the same code have the same; a change that is not committed
    has another. ModuleNotFoundError where one is not installed.
    """
    digest = hashlib.sha256()
    for package in packages:
        folder = _folder_of(package)
        for file in sorted(folder.rglob("*.py")):
            code = file.read_bytes()
            digest.update(f"{package}/{file.relative_to(folder).as_posix()} {len(code)}\n".encode())
            digest.update(code)
    return f"{VERSION}+{digest.hexdigest()[:_DIGITS]}"


def _folder_of(package: str) -> Path:
    """Where a package's code lies; asked without importing it, for it may need what is not installed."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"there is no package {package}", name=package)
    return Path(spec.origin).resolve().parent
