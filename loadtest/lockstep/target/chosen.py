"""The targets of a comparison, as `--target` and `--run` give them: read first, then started and asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from lockstep.errors import PlanError
from lockstep.target.named import Named, NamedTargets, Spoken, read_targets
from lockstep.target.started import Command, started
from lockstep_wire.framing import framing_of


@dataclass(frozen=True, slots=True)
class Chosen:
    """commands: services to start; ready: what these print when they are. running: those that run already.

    spoken: how those talk that are no Lockstep servers. environment: of the processes to start.
    """

    commands: tuple[Command, ...]
    running: tuple[Named, ...]
    ready: re.Pattern[str] | None
    spoken: Spoken
    environment: Mapping[str, str]

    @classmethod
    def read(
        cls,
        commands: Sequence[str],
        targets: Sequence[str],
        ready: str | None,
        spoken: Spoken,
        environment: Mapping[str, str],
    ) -> Chosen:
        """Nothing is started, and nobody asked. PlanError says what is wrong with one of them."""
        chosen = cls(
            commands=tuple(map(Command.parse, commands)),
            running=tuple(each for text in targets for each in read_targets(text)),
            ready=None if ready is None else _pattern(ready),
            spoken=spoken,
            environment=environment,
        )
        names = chosen.names
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise PlanError("target", f"{twice!r} is there twice: give each a name of its own")
        if chosen.ready is not None and not chosen.commands:
            raise PlanError("ready", "is for servers that --run starts: leave it out")
        return chosen

    @property
    def names(self) -> tuple[str, ...]:
        """Of all of them, in their order: the last is what others are compared with, unless that is said."""
        return (*(each.name for each in self.commands), *(each.name for each in self.running))

    def bring_up(self, stack: ExitStack) -> NamedTargets:
        """Start those that are to be started, and ask those that can be asked.

        stack: ends what was started. PlanError, HarnessError and ServerUnreachableError pass through.
        """
        services = {
            command.name: stack.enter_context(started(command, self.environment, self.ready))
            for command in self.commands
        }
        named = [*(service.named for service in services.values()), *self.running]
        return NamedTargets.of(named, self.spoken, services)


def checked_framing(text: str) -> str:
    """A framing's name. PlanError where there is none of it."""
    try:
        return framing_of(text).name
    except ValueError as wrong:
        raise PlanError("framing", str(wrong)) from None


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.MULTILINE)
    except re.error as error:
        raise PlanError("ready", f"{text!r} is not a regular expression: {error}") from None
