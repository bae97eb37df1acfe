"""Whom `--watch` names: read before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lockstep.errors import PlanError
from lockstep.watch.sampler import CannotWatchError, look
from lockstep_wire.choices import did_you_mean

OFF = "off"
_FORM = "write the PID of the server's process, NAME=PID, or off"


@dataclass(frozen=True, slots=True)
class Watching:
    """processes: series -> the process behind it, as they were given. started: whether servers that are
    started for the run are watched too."""

    processes: Mapping[str, int] = field(default_factory=dict)
    started: bool = True

    @classmethod
    def read(cls, text: str | None, names: Sequence[str], *, one_server: bool) -> Watching:
        """`off`, a PID, or NAME=PID for one series, several with commas between; without it who is started.

        names: of all series. one_server: whether one process is behind all of them. PlanError says what is
        wrong with it, also where nothing can be seen of a process.
        """
        if text is None:
            return cls()
        if text.strip() == OFF:
            return cls(started=False)
        processes: dict[str, int] = {}
        for part in text.split(","):
            name, equals, pid = part.strip().rpartition("=")
            if equals and name not in names:
                near = did_you_mean(name, names)
                raise PlanError("watch", f"{part.strip()!r} names nobody who is compared: {near}")
            if not equals and not one_server and len(names) > 1:
                raise PlanError("watch", f"{part.strip()!r} does not say whose process it is: write NAME=PID")
            number = _watchable(pid, text)
            named = [name] if equals else names
            if twice := [each for each in named if each in processes]:
                raise PlanError("watch", f"{text!r} gives {twice[0]} two processes: leave one out")
            processes |= dict.fromkeys(named, number)
        return cls(processes)

    def process_of(self, mode: str, started: Callable[[str], int | None]) -> int | None:
        """The process to watch behind a series, None where there is none. started: by whom it was started."""
        if mode in self.processes:
            return self.processes[mode]
        return started(mode) if self.started else None


def _watchable(pid: str, text: str) -> int:
    if not (pid.isascii() and pid.isdigit() and len(pid) <= 10):
        raise PlanError("watch", f"{pid or text!r} is no process: {_FORM}")
    try:
        look(int(pid), set())
    except CannotWatchError as reason:
        remedy = "name one of this machine that you may read, or off"
        raise PlanError("watch", f"{pid} cannot be watched: {reason}; {remedy}") from reason
    return int(pid)
