"""Modes on several interpreters: a Lockstep server of our own on each, every mode of it a target.

What the global lock costs is the difference of `free-on-3.13t` and `free-on-3.13`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lockstep.errors import PlanError
from lockstep.target.local_server import local_server
from lockstep.target.named import Named, NamedTargets, Spoken, named_twice
from lockstep.target.pythons import Python, find_python
from lockstep.tcp.endpoint import Endpoint


def series(mode: str, python: Python) -> str:
    """What a mode on an interpreter is called, in gates too: they have a meaning for @ and for blanks."""
    return f"{mode}-on-{python.name}"


@dataclass(frozen=True, slots=True)
class _Server:
    """A server that was started on an interpreter. command: where that is. process: the server's own."""

    command: str
    process: int

    def check(self) -> None:
        """Where it has ended, its admin port does not answer: that is told already."""


@dataclass(frozen=True, slots=True)
class OnPythons:
    """The modes, on each of the interpreters."""

    pythons: tuple[Python, ...]
    modes: tuple[str, ...]

    @classmethod
    def read(cls, texts: Sequence[str], modes: Sequence[str], environment: Mapping[str, str]) -> OnPythons:
        """Finds each and asks what it is; no server is started. PlanError says what is wrong with one.

        texts: as for find_python, and several with commas between.
        """
        each = (part.strip() for text in texts for part in text.split(","))
        pythons = tuple(find_python(text, environment) for text in each)
        if (twice := named_twice([python.name for python in pythons])) is not None:
            raise PlanError("python", f"{twice!r} is there twice: give each a name of its own, NAME=PATH")
        return cls(pythons, tuple(modes))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all series, interpreter by interpreter: the first is what others are compared with."""
        return tuple(series(mode, python) for python in self.pythons for mode in self.modes)

    def bring_up(self, stack: ExitStack, flags: Sequence[str]) -> NamedTargets:
        """Start a server on each. stack: ends them. Refusals of local_server pass through."""
        named: list[Named] = []
        services: dict[str, _Server] = {}
        for python in self.pythons:
            ready = stack.enter_context(local_server(self.modes, flags, python=python.path))
            admin = f"127.0.0.1:{ready['admin_port']}"
            named += self._targets(python, admin)
            services |= {series(mode, python): _Server(python.path, ready["pid"]) for mode in self.modes}
        return NamedTargets.of(named, Spoken(), services)

    def _targets(self, python: Python, admin: str) -> Iterator[Named]:
        for mode in self.modes:
            yield Named(series(mode, python), Endpoint("127.0.0.1"), admin, mode)
