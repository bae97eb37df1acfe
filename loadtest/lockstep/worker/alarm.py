"""Wakes a greenlet at a moment, to the precision of the kernel's timers.

gevent's own timers are libev's, which end in epoll_wait's timeout of whole milliseconds: too coarse for
arrivals a tenth of a millisecond apart. A timerfd expires on the nanosecond clock, and to the event loop it
is a file like any other (timerfd_create(2), Linux).
"""

from __future__ import annotations

import ctypes
import os
import time

import gevent
from gevent.hub import Waiter

_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_READABLE = 1
_NS_PER_S = 1_000_000_000

_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _TimerSetting(ctypes.Structure):
    """C's itimerspec: what the timer repeats at (never), and when it expires."""

    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Alarm:
    """One timer, for one greenlet at a time, in the thread that made it.

    OSError where the system has no more files. Cost: one open file, and two system calls for each wait.
    """

    def __init__(self) -> None:
        # The flags of timerfd are those of open(2).
        self._fd = _checked(_libc.timerfd_create(_CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
        self._loop = gevent.get_hub().loop
        self._watcher = self._loop.io(self._fd, _READABLE)
        self._setting = _TimerSetting()
        self._waiter: Waiter | None = None
        self._closed = False

    def wait_until(self, at_ns: int) -> None:
        """Block this greenlet until the monotonic clock has reached at_ns; at once if it has already.

        GreenletExit if the alarm is closed meanwhile: whoever waits ends with it.
        """
        if self._closed or self._waiter is not None:
            why = "closed" if self._closed else "awaited by another greenlet already"
            raise RuntimeError(f"this alarm is {why}: make one of your own")
        while time.monotonic_ns() < at_ns:
            self._set(at_ns)
            self._wait()

    def close(self) -> None:
        """Give the timer back. Closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        if self._waiter is not None:
            self._loop.run_callback(self._waiter.throw, gevent.GreenletExit)
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)

    def _wait(self) -> None:
        waiter = self._waiter = Waiter()
        self._watcher.start(waiter.switch, None)
        try:
            waiter.get()
        finally:
            self._waiter = None
            if not self._closed:
                self._watcher.stop()

    def _set(self, at_ns: int) -> None:
        value = self._setting.value
        value.seconds, value.nanoseconds = divmod(at_ns, _NS_PER_S)
        # Setting it also takes back an expiry that nobody has read, so the file is never read at all.
        _checked(_libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(self._setting), None))


def _checked(result: int) -> int:
    """What a call of the C library gave, OSError where it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"timerfd: {os.strerror(number)}")
    return result
