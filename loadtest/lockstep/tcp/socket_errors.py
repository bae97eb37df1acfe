"""What a socket's errors mean: an outcome of the exchange, or a fault of this machine's own."""

from __future__ import annotations

import errno

from lockstep.tcp.samples import Outcome

# Faults of this machine, not of the server: no outcome may be booked for them.
_OWN_FAULTS = {
    errno.EMFILE: "too many open files in this process: raise `ulimit -n` or use fewer users",
    errno.ENFILE: "too many open files on this machine: raise fs.file-max or use fewer users",
    errno.EADDRNOTAVAIL: "no local port is left for this target: use fewer users, or wait out TIME_WAIT",
}


class HarnessError(Exception):
    """The generator itself cannot go on; the message names the remedy."""


def no_such_source(source: str, error: OSError) -> HarnessError:
    """What to raise where a local address to connect from cannot be had."""
    return HarnessError(
        f"cannot connect from --source {source} ({error.strerror}): give addresses of the worker's machine"
    )


def outcome_of(error: OSError) -> Outcome:
    """The outcome a socket error stands for; HarnessError where the fault is this machine's own."""
    if error.errno in _OWN_FAULTS:
        raise HarnessError(_OWN_FAULTS[error.errno]) from error
    if isinstance(error, TimeoutError):
        return Outcome.TIMEOUT
    if isinstance(error, ConnectionRefusedError) or error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return Outcome.REFUSED
    return Outcome.RESET
