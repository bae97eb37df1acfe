"""No orphans: a child process ends with its master, even where that is killed and can end nobody."""

from __future__ import annotations

import ctypes
import signal

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None)


def end_with_parent() -> None:
    """To be called in the child between fork and exec: the kernel sends it SIGTERM when its parent is gone.

    The parent is the thread that started it, which must therefore last as long as the child is to.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
