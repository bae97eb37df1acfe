"""What may stand in a dialogue's TOML file, as pydantic checks it; the JSON schema is made of the same."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    WithJsonSchema,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from lockstep_wire.units import parse_duration_ns

# When a new connection is opened -> after how many iterations.
RECONNECT = {"never": None, "every iteration": 1}
_HEX = re.compile(r"(?:\s*[0-9a-fA-F]{2})*\s*")
# `(?<name>...)`, as most write it, beside Python's own `(?P<name>...)`; neither (?<= nor (?<!.
_GROUP = re.compile(r"(?<!\\)\(\?<(?=[A-Za-z_])")


def _duration(text: str) -> str:
    parse_duration_ns(text)
    return text


def _positive(text: str) -> str:
    if parse_duration_ns(text) == 0:
        raise ValueError("is no time: write for example 10s")
    return text


def _hex(text: str) -> str:
    if not _HEX.fullmatch(text):
        raise ValueError('is not hexadecimal: write two digits a byte, for example "00 0a ff"')
    return text


def _pattern(text: str) -> str:
    try:
        compiled(text)
    except re.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    return text


def compiled(pattern: str) -> re.Pattern[bytes]:
    """A pattern of a file, for bytes. re.error where it is none."""
    with warnings.catch_warnings():
        # What may mean something else in a later Python is no news to who writes a dialogue.
        warnings.simplefilter("ignore", FutureWarning)
        return re.compile(_GROUP.sub("(?P<", pattern).encode())


def _reconnect(value: str | int) -> str | int:
    if value not in RECONNECT and (isinstance(value, str) or value < 1):
        raise ValueError('is unknown: write "never", "every iteration", or after how many iterations')
    return value


Reconnect = Annotated[
    str | int,
    AfterValidator(_reconnect),
    WithJsonSchema({"anyOf": [{"enum": list(RECONNECT)}, {"type": "integer", "minimum": 1}]}),
]
Duration = Annotated[str, AfterValidator(_duration), Field(examples=["100ms", "1.5s"])]
Timeout = Annotated[str, AfterValidator(_positive), Field(examples=["2s"])]
Hex = Annotated[str, AfterValidator(_hex), Field(examples=["00 0a ff"])]
Pattern = Annotated[str, AfterValidator(_pattern), Field(examples=[r"^OK (?<token>\w+)$"])]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


MAX_REPEAT = 1_000_000


class Model(BaseModel):
    """A table of the file. No key but its own, no value of another kind."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)


def _exactly_one(table: Model, *names: str) -> None:
    given = [name for name in names if getattr(table, name) is not None]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has none of them"
        raise ValueError(f"takes exactly one of {', '.join(names)}, and {found}")


class Short(Model):
    """A table for which a text may stand, which means its key `_short`."""

    _short: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _take_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {cls._short: value}
        if not isinstance(value, Mapping):
            raise ValueError("is neither text nor a table: write it in quotes")
        return value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        table = handler(core_schema)
        return {"anyOf": [{"type": "string"}, table]}


class Content(Short):
    """Bytes: a text with places for variables, or a table that says how they are written."""

    _short = "template"

    template: str | None = None
    """a text in which {name} stands for a variable, {table.column} for data, {{name}} for itself"""
    text: str | None = None
    """a text as it is, braces too"""
    hex: Hex | None = None
    """hexadecimal digits, two a byte"""
    file: str | None = None
    """a file whose bytes are sent as they are; its path is from the dialogue's folder"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "template", "text", "hex", "file")
        return self


class Expect(Short):
    """What the reply has to be; a text means all of it."""

    _short = "template"

    template: str | None = None
    """the whole reply, in which {name} stands for a variable"""
    text: str | None = None
    """the whole reply as it is, braces too"""
    hex: Hex | None = None
    """the whole reply in hexadecimal digits"""
    regex: Pattern | None = None
    """is found in the reply; its named groups become variables"""
    prefix: str | None = None
    """the reply begins with it; {name} stands for a variable"""
    size: int | None = Field(default=None, ge=0, le=1 << 30)
    """how many bytes the reply has"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "template", "text", "hex", "regex", "prefix", "size")
        return self


class CaptureTable(Short):
    """What of a reply is kept; a text is a regular expression, of which the first group is kept."""

    _short = "regex"

    regex: Pattern | None = None
    """whose first group is kept, or all that it finds"""
    offset: int | None = Field(default=None, ge=0)
    """the first byte to keep, from 0"""
    size: int | None = Field(default=None, ge=1)
    """how many bytes to keep; without it all that follow"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "regex", "offset")
        if self.size is not None and self.offset is None:
            raise ValueError("takes size beside offset only")
        return self


class StepTable(Model):
    """One step: something is sent, or only received."""

    name: str | None = Field(default=None, min_length=1, max_length=100)
    """its row in tables, and its name in gates"""
    send: Content | None = None
    """what is sent; the framing is put around it"""
    receive: bool = False
    """true: nothing is sent, something comes unasked: a banner, a push"""
    reply: bool = True
    """false: no reply comes to what is sent"""
    expect: Expect | None = None
    """what the reply has to be; without it any will do"""
    until: Content | None = None
    """the bytes with which a reply in raw framing ends"""
    capture: dict[Identifier, CaptureTable] = Field(default_factory=dict)
    """variables, and what of the reply they become"""
    repeat: int = Field(default=1, ge=1, le=MAX_REPEAT)
    """how often the step is done"""
    pause: Duration = "0"
    """rest after each time"""
    timeout: Timeout | None = None
    """within which this step must be over, instead of the target's"""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.send is None and not self.receive:
            raise ValueError('says neither what to send nor to receive: write send = "..." or receive = true')
        if self.send is not None and self.receive:
            raise ValueError(
                "sends and only receives: leave out receive = true, or make it a step of its own"
            )
        if not self.reply:
            beside = [key for key in ("receive", "expect", "until", "capture") if getattr(self, key)]
            if beside:
                raise ValueError(f"has no reply for its {beside[0]}: leave out reply = false, or {beside[0]}")
        return self


class DialogueTable(Model):
    """One of several ways the talk may go."""

    name: str | None = Field(default=None, min_length=1)
    """what errors call it"""
    weight: float = Field(default=1.0, gt=0, le=1e6)
    """how often it is chosen, beside the others'"""
    step: list[StepTable] = Field(min_length=1)
    """what is said, in order"""


class DataTable(Short):
    """Rows from a CSV file whose first line names the columns; a text is its path."""

    _short = "csv"

    csv: str
    """the file; its path is from the dialogue's folder"""
    order: Literal["cycle", "random", "once"] = "cycle"
    """which row an iteration takes: the next one, any one, or the next one until all are used"""


# What a framing's table may say more of something.
_BESIDE = (("start", "delimiter"), ("counts", "length"), ("offset", "length"), ("adds", "length"))


class FramingTable(Short):
    """Where a message ends; a text is a framing's name."""

    _short = "name"

    name: str | None = None
    """raw, line, crlf, length:>H, resp, or another name that --framing takes"""
    delimiter: str | None = Field(default=None, min_length=1)
    """the text with which every message ends"""
    start: str | None = None
    """beside delimiter: the text with which every message begins"""
    length: str | None = None
    """how the length before a message is written, in Python's struct letters: >H is two bytes big-endian"""
    counts: Literal["payload", "frame"] | None = None
    """beside length: what it counts, the message alone or itself too"""
    offset: int | None = Field(default=None, ge=0, le=64)
    """beside length: how many bytes stand before it"""
    adds: int | None = None
    """beside length: how many bytes of the frame it does not count besides"""
    fixed: int | None = Field(default=None, ge=1)
    """how many bytes every message has"""
    until: Pattern | None = None
    """a regular expression with whose first match every message ends"""

    @model_validator(mode="after")
    def _one(self) -> Self:
        _exactly_one(self, "name", "delimiter", "length", "fixed", "until")
        for key, beside in _BESIDE:
            if getattr(self, key) is not None and getattr(self, beside) is None:
                raise ValueError(f"takes {key} beside {beside} only")
        return self


class TargetTable(Model):
    """Whom the dialogue is with, and how messages are told apart."""

    url: str | None = None
    """tcp://host:port and the like; --target, where it is given, wins"""
    framing: FramingTable = Field(default_factory=lambda: FramingTable(name="raw"))
    """where a message ends"""
    timeout: Timeout = "10s"
    """within which a step must be over"""
    reconnect: Reconnect = "never"
    """when a new connection is opened: never, every iteration, or after so many iterations"""


class DialogueFile(Model):
    """A dialogue for `lockstep run` and `lockstep compare`."""

    target: TargetTable = Field(default_factory=TargetTable)
    data: dict[Identifier, DataTable] = Field(default_factory=dict)
    """tables for {table.column}"""
    on_connect: list[StepTable] = Field(default_factory=list)
    """what is said on every new connection first: a banner, a login"""
    step: list[StepTable] = Field(default_factory=list)
    """what an iteration says, in order"""
    dialogue: list[DialogueTable] = Field(default_factory=list)
    """several ways, of which each iteration goes one"""

    @model_validator(mode="after")
    def _has_steps(self) -> Self:
        if bool(self.step) == bool(self.dialogue):
            what = "has both" if self.step else "has neither"
            raise ValueError(f"takes either [[step]] or [[dialogue]], and {what}")
        return self


def schema_text() -> str:
    """The schema as JSON text."""
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **DialogueFile.model_json_schema()}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
