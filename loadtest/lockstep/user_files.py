"""A user's own file of what users do, of either kind: found, named by its text, and checked before a run.

Whatever is wrong with it is one line, with the file's own line where there is one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lockstep.errors import HarnessError, PlanError
from lockstep.traffic import UserFile
from lockstep_wire.framing import framing_of

KINDS = (".py", ".toml")
_DIGITS = 12
SHAPE = (
    "{path}: its shape {shape} is for locust -f, and does nothing here: --stages says how users come and go"
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of its target. hosts: all that it names. framing: as people read it.

    timing: whether replies are to begin with the header of a Lockstep server. notes: what of the file does
    nothing here, a line each.
    """

    hosts: tuple[str, ...]
    framing: str
    timing: bool
    notes: tuple[str, ...] = ()

    @property
    def url(self) -> str | None:
        """The one that it names, None where there is none. HarnessError where its classes name several."""
        if len(self.hosts) > 1:
            raise HarnessError(
                f"the file's classes have several hosts ({', '.join(self.hosts)}): "
                "name one target with --target"
            )
        return next(iter(self.hosts), None)


def find_user_file(
    given: Path, tags: tuple[str, ...] = (), without_tags: tuple[str, ...] = ()
) -> tuple[UserFile, Facts]:
    """The file that a path leads to, known to be one that can be carried.

    A dialogue is read; a Python file is run, as Locust does with a locustfile. HarnessError, in one line,
    says what is wrong with it.
    """
    path = given.absolute()
    if path.suffix not in KINDS:
        raise HarnessError(
            f"{given}: is neither a Python file nor a dialogue: give a .py with TcpUsers, or a .toml"
        )
    if path.suffix == ".toml":
        if tags or without_tags:
            raise PlanError(
                "tags" if tags else "exclude-tags",
                f"{' '.join(tags or without_tags)} does nothing here: a dialogue has no tags, leave it out",
            )
        return _dialogue(path)
    file = UserFile(str(path), digest_of([path]), tags, without_tags)
    from lockstep.python_files import hosts_of, shape_in, users_of

    users = users_of(file)
    framings = ", ".join(sorted({framing_of(each.framing).name for each in users}))
    shape = shape_in(file)
    notes = () if shape is None else (SHAPE.format(path=path, shape=shape),)
    timing = all(each.timing for each in users)
    return file, Facts(tuple(hosts_of(users)), framings, timing, notes)


def names_in(file: UserFile | None) -> frozenset[str] | None:
    """What the figures of a dialogue are called, its steps that are no messages too.

    None where that shows only as it runs.
    """
    if file is None or not file.is_dialogue:
        return None
    from lockstep.dialogue.reading import read_dialogue

    steps = read_dialogue(Path(file.path)).steps
    asked = {step.name for step in steps if step.name is not None and step.send is not None and step.reply}
    told = {"send"} if any(not step.reply for step in steps) else set()
    heard = {"receive"} if any(step.send is None for step in steps) else set()
    return frozenset(asked | told | heard)


def check_same(file: UserFile) -> None:
    """HarnessError where the file at this path does not say what it said to who began the run."""
    path = Path(file.path)
    found = digest_of(_read_with(path) if file.is_dialogue else [path])
    if found != file.digest:
        raise HarnessError(
            f"{path}: it is not the file that the run began with: leave it as it is until the run is over, "
            "and give every machine the same"
        )


def digest_of(paths: Iterable[Path]) -> str:
    """Of the texts of all of them. HarnessError where one cannot be read."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            text = path.read_bytes()
        except OSError as error:
            raise HarnessError(
                f"{path}: cannot be read ({error.strerror}): check its name and mode"
            ) from error
        digest.update(b"%d:" % len(text) + text)
    return digest.hexdigest()[:_DIGITS]


def _dialogue(path: Path) -> tuple[UserFile, Facts]:
    from lockstep.dialogue.reading import read_dialogue

    dialogue = read_dialogue(path)
    file = UserFile(str(path), digest_of([path, *map(Path, dialogue.files)]))
    hosts = () if dialogue.url is None else (dialogue.url,)
    return file, Facts(hosts, dialogue.framing.name, timing=True)


def _read_with(path: Path) -> list[Path]:
    from lockstep.dialogue.reading import read_dialogue

    return [path, *map(Path, read_dialogue(path).files)]
