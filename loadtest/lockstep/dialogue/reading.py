"""A dialogue's file -> a Dialogue, or every line that says what is wrong with it. Opens no socket."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path as FilePath

from pydantic import ValidationError

from lockstep.dialogue import model
from lockstep.dialogue.data import read_rows
from lockstep.dialogue.model import RECONNECT, FramingTable, compiled
from lockstep.dialogue.refusals import DialogueError, Path, Positions, problems_of, shown
from lockstep.dialogue.script import (
    BUILT_IN,
    Capture,
    Cut,
    Dialogue,
    Exactly,
    Expect,
    Group,
    Matches,
    Prefix,
    Script,
    Size,
    Step,
    Table,
    Template,
    literal,
    parse_template,
)
from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint
from lockstep_wire.choices import did_you_mean
from lockstep_wire.framing import Framing, framing_of
from lockstep_wire.units import parse_duration_ns


def framing_from(table: FramingTable) -> Framing:
    """The framing that a table says. ValueError in words where there is none such."""
    from lockstep_wire.framings.delimited import delimited
    from lockstep_wire.framings.length import length
    from lockstep_wire.framings.sizes import fixed
    from lockstep_wire.framings.until import until

    if table.delimiter is not None:
        return delimited(table.delimiter.encode(), (table.start or "").encode())
    if table.length is not None:
        return length(table.length, table.counts or "payload", table.offset or 0, table.adds or 0)
    if table.fixed is not None:
        return fixed(table.fixed)
    if table.until is not None:
        return until(re.compile(table.until.encode()))
    return framing_of(table.name or "raw")


_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")


def read_dialogue(file: FilePath) -> Dialogue:
    """The dialogue in a file. DialogueError with every line that says what is wrong with it."""
    try:
        text = file.read_bytes().decode("utf-8")
    except OSError as error:
        raise DialogueError(str(file), [_not_read(file, error)]) from error
    except UnicodeDecodeError as error:
        raise DialogueError(str(file), [f"{file}: is not text in UTF-8: save it so"]) from error
    return parse_dialogue(text, file)


def parse_dialogue(text: str, file: FilePath) -> Dialogue:
    """The dialogue that a text is. file: what errors call it, and beside which its other files lie."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        place = _AT_LINE.search(words)
        line = place[1] if place else str(text.count("\n") + 1)
        reason = _AT_LINE.sub("", words).removesuffix(" (at end of document)")
        raise DialogueError(str(file), [f"{file}:{line}: is not valid TOML: {reason}"]) from error
    positions = Positions(text)
    try:
        parsed = model.DialogueFile.model_validate(document)
    except ValidationError as refusal:
        found = problems_of(refusal, model.DialogueFile)
    else:
        reader = _Reader(parsed, positions, file)
        dialogue = reader.dialogue()
        found = reader.problems
        if not found:
            return dialogue
    lines = sorted((positions.line_of(path), words) for path, words in found)
    raise DialogueError(str(file), [f"{file}:{line}: {words}" for line, words in lines])


def _not_read(file: FilePath, error: OSError) -> str:
    return f"{file}: cannot be read ({error.strerror}): check its name and mode"


class _Reader:
    """Makes a Dialogue of what pydantic let through; notes what is still wrong with it in `problems`."""

    def __init__(self, parsed: model.DialogueFile, positions: Positions, file: FilePath) -> None:
        self.problems: list[tuple[Path, str]] = []
        self._parsed = parsed
        self._positions = positions
        self._read_from, self._folder = file, file.parent
        # Tables of whose columns nothing is known.
        self._unread: set[str] = set()
        self._files: list[str] = []
        self._framing: Framing = framing_from(model.FramingTable(name="raw"))

    def dialogue(self) -> Dialogue:
        """The whole, of use only without problems."""
        parsed, target = self._parsed, self._parsed.target
        try:
            self._framing = framing_from(target.framing)
        except ValueError as error:
            self._note(("target", "framing"), str(error))
        if target.url is not None:
            try:
                Endpoint.whole(target.url, "url")
            except HarnessError as error:
                self._note(("target", "url"), str(error))
        tables = tuple(self._table(name, table) for name, table in parsed.data.items())
        known = {*BUILT_IN, *(name for table in tables for row in table.rows[:1] for name in row)}
        on_connect = self._steps(parsed.on_connect, ("on_connect",), known)
        known |= _captured(on_connect)
        scripts = [
            Script(each.name or f"dialogue {number}", each.weight, steps)
            for number, each in enumerate(parsed.dialogue, 1)
            if (steps := self._steps(each.step, ("dialogue", number - 1, "step"), set(known)))
        ]
        if parsed.step:
            scripts.append(Script("dialogue", 1.0, self._steps(parsed.step, ("step",), set(known))))
        again = target.reconnect
        return Dialogue(
            url=target.url,
            framing=self._framing,
            timeout_s=_seconds(target.timeout),
            reconnect_every=again if isinstance(again, int) else RECONNECT[again],
            tables=tables,
            on_connect=on_connect,
            scripts=tuple(scripts),
            file=str(self._read_from),
            files=tuple(self._files),
        )

    def _note(self, path: Path, words: str) -> None:
        self.problems.append((path, words))

    def _table(self, name: str, table: model.DataTable) -> Table:
        rows: tuple[dict[str, bytes], ...] = ()
        path = self._folder / table.csv
        self._unread.add(name)
        try:
            rows = read_rows(path, name)
            self._files.append(str(path))
            self._unread.discard(name)
        except OSError as error:
            self._note(("data", name, "csv"), _not_read(path, error))
        except ValueError as error:
            self._note(("data", name, "csv"), str(error))
        if name in BUILT_IN:
            self._note(("data", name), f"{name!r} is {BUILT_IN[name]}: name the table otherwise")
        return Table(name, str(path), table.order, rows)

    def _steps(self, tables: Sequence[model.StepTable], path: Path, known: set[str]) -> tuple[Step, ...]:
        """Steps in order; known: the variables that have a value before the first, added to by each."""
        steps = []
        for number, table in enumerate(tables):
            step = self._step(table, (*path, number), known)
            known |= _captured([step])
            steps.append(step)
        return tuple(steps)

    def _step(self, table: model.StepTable, path: Path, known: Iterable[str]) -> Step:
        send = None if table.send is None else self._content(table.send, (*path, "send"), known)
        expect = None if table.expect is None else self._expect(table.expect, (*path, "expect"), known)
        until = None
        if table.until is not None:
            until = self._content(table.until, (*path, "until"), ()).constant
            if self._framing.cuts:
                words = f"until is for raw framing: in {self._framing.name} framing every reply has its end"
                self._note((*path, "until"), f"{words}; leave it out")
        return Step(
            name=table.name,
            send=send,
            reply=table.reply,
            expect=expect,
            until=until,
            captures=tuple(self._captures(table, expect, (*path, "capture"))),
            repeat=table.repeat,
            pause_s=_seconds(table.pause),
            timeout_s=None if table.timeout is None else _seconds(table.timeout),
            line=self._positions.line_of(path),
        )

    def _content(self, content: model.Content, path: Path, known: Iterable[str]) -> Template:
        if content.template is not None:
            made = self._template(content.template, path, known)
        elif content.text is not None:
            made = literal(content.text.encode())
        elif content.hex is not None:
            made = literal(bytes.fromhex(content.hex))
        else:
            made = self._file(content.file or "", path)
        constant = made.constant
        if constant is not None and path[-1] == "send":
            try:
                self._framing.encode(constant)
            except ValueError as error:
                self._note(path, f"send = {shown(constant)}: {error}")
        return made

    def _file(self, name: str, path: Path) -> Template:
        file = self._folder / name
        try:
            made = literal(file.read_bytes())
        except OSError as error:
            self._note((*path, "file"), _not_read(file, error))
            return literal(b"")
        self._files.append(str(file))
        return made

    def _template(self, text: str, path: Path, known: Iterable[str]) -> Template:
        template, known = parse_template(text), set(known)
        for name in template.names:
            if name not in known and name.partition(".")[0] not in self._unread:
                near = did_you_mean(name, sorted(known))
                self._note(
                    path,
                    f"{{{name}}} is no column of [data], and no step before it captures it: {near} (for the "
                    f"text itself write {{{{{name}}}}})",
                )
        return template

    def _expect(self, expect: model.Expect, path: Path, known: Iterable[str]) -> Expect:
        if expect.regex is not None:
            return Matches(compiled(expect.regex))
        if expect.size is not None:
            return Size(expect.size)
        if expect.prefix is not None:
            return Prefix(self._template(expect.prefix, path, known))
        if expect.hex is not None:
            return Exactly(literal(bytes.fromhex(expect.hex)))
        if expect.text is not None:
            return Exactly(literal(expect.text.encode()))
        return Exactly(self._template(expect.template or "", path, known))

    def _captures(self, table: model.StepTable, expect: Expect | None, path: Path) -> Iterable[Capture]:
        if isinstance(expect, Matches):
            for group, number in expect.pattern.groupindex.items():
                yield Capture(group, Group(expect.pattern, number))
        for variable, how in table.capture.items():
            if variable in BUILT_IN:
                self._note((*path, variable), f"{variable!r} is {BUILT_IN[variable]}: name it otherwise")
            if how.regex is not None:
                pattern = compiled(how.regex)
                yield Capture(variable, Group(pattern, min(pattern.groups, 1)))
            else:
                yield Capture(variable, Cut(how.offset or 0, how.size))


def _captured(steps: Iterable[Step]) -> set[str]:
    return {capture.variable for step in steps for capture in step.captures}


def _seconds(text: str) -> float:
    return parse_duration_ns(text) / 1e9
