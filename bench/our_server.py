"""Our server as a process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.processes import ANYWHERE, Place, Running, python, running


@contextmanager
def our_server(flags: Sequence[str] = (), place: Place = ANYWHERE) -> Iterator[tuple[int, Running]]:
    """Mode `free` on loopback with the bare defaults and these flags; gives its port and the process."""
    command = python(
        "-m", "lockstep_server", "--listen", "free:0", "--bind", "127.0.0.1", "--admin-port", "0"
    )
    command += ["--log-level", "warning", *flags]
    with running("our server", command, place, spoken_with=True) as process:
        yield process.hear()["listeners"][0]["port"], process
