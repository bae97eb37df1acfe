"""Our server as a process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from bench.processes import ANYWHERE, Place, Running, python, running


@contextmanager
def our_listeners(
    names: Sequence[str], flags: Sequence[str] = (), place: Place = ANYWHERE
) -> Iterator[tuple[Mapping[str, int], Running]]:
    """Listeners on loopback with the bare defaults and these flags; gives their ports and the one process."""
    command = python("-m", "lockstep_server", "--bind", "127.0.0.1", "--admin-port", "0")
    command += [part for name in names for part in ("--listen", f"{name}:0")]
    command += ["--log-level", "warning", *flags]
    with running("our server", command, place, spoken_with=True) as process:
        ports = [listener["port"] for listener in process.hear()["listeners"]]
        yield dict(zip(names, ports, strict=True)), process


@contextmanager
def our_server(flags: Sequence[str] = (), place: Place = ANYWHERE) -> Iterator[tuple[int, Running]]:
    """The same with mode `free` alone; gives its port and the process."""
    with our_listeners(["free"], flags, place) as (ports, process):
        yield ports["free"], process
