"""One of bench/servers as a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.processes import ON_SERVER_CORE, Running, python, running


@contextmanager
def module_server(*module: str) -> Iterator[tuple[int, Running]]:
    """Run a module with its arguments on the server's core; gives its port and the process."""
    with running(module[0], python("-m", *module), ON_SERVER_CORE, spoken_with=True) as process:
        yield process.hear(), process
