"""Interpreters of this machine, for tests."""

from __future__ import annotations

import functools
import os
import sys

from lockstep.errors import PlanError
from lockstep.target.pythons import Python, find_python


@functools.cache
def free_threaded() -> Python | None:
    """The first one without a global lock, None where there is none."""
    return next(filter(None, map(_found, ("3.13t", "3.14t"))), None)


def another_python() -> str:
    """Debian's own, into which nothing of ours is installed; where it is too old, the one that runs this."""
    debians = _found("/usr/bin/python3")
    return sys.executable if debians is None else debians.path


def _found(text: str) -> Python | None:
    try:
        return find_python(text, os.environ)
    except PlanError:
        return None
