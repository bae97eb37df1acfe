"""Where a TOML text's keys stand."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.dialogue.refusals import Path, Positions

TEXT = '''\
# a comment with = and [brackets]
title = "a # b = c"
"quoted key" = 1
a.b.c = 2

[target]
url = 'tcp://x' # [not.a.table]
framing = { delimiter = "\\n", "start" = "=" }

[[step]]
send = """
[[step]]
name = "no" """
expect = '''
TEXT += "'''\nx = 1\n'''\n"
TEXT += """\
rows = [
  { a = 1 },
  # between
  { a = [1,
         2], b = 3 },
]

[[step]]
name = "second"
[step.expect]
size = 3
[[dialogue.step]]
when = 1979-05-27T07:32:00Z
[[dialogue.step]]
last = true"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key",), 3),
        (("a", "b", "c"), 4),
        (("target",), 6),
        (("target", "url"), 7),
        (("target", "framing", "delimiter"), 8),
        (("target", "framing", "start"), 8),
        (("step",), 10),
        (("step", 0), 10),
        (("step", 0, "send"), 11),
        (("step", 0, "expect"), 14),
        (("step", 0, "rows", 0, "a"), 18),
        (("step", 0, "rows", 1, "a"), 20),
        (("step", 0, "rows", 1, "a", 1), 21),
        (("step", 0, "rows", 1, "b"), 21),
        (("step", 1), 24),
        (("step", 1, "name"), 25),
        (("step", 1, "expect", "size"), 27),
        (("dialogue", "step", 1, "last"), 31),
    ],
)
def test_every_key_has_its_line(path: Path, line: int) -> None:
    assert Positions(TEXT).line_of(path) == line


@pytest.mark.parametrize(
    ("path", "line"), [(("step", 1, "nothing"), 24), (("target", "framing", "x", 3), 8), (("no", "such"), 1)]
)
def test_what_has_no_line_is_where_its_table_is(path: Path, line: int) -> None:
    assert Positions(TEXT).line_of(path) == line


def places(value: Any, path: Path = ()) -> Iterator[Path]:
    """All keys and elements of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*path, key)
        yield from places(each, (*path, key))


def test_the_text_is_valid_and_no_place_in_it_is_left_out() -> None:
    positions = Positions(TEXT)
    parents = {(), *(place[:-1] for place in places(tomllib.loads(TEXT)))}
    for place in places(tomllib.loads(TEXT)):
        assert positions.line_of(place) >= positions.line_of(place[:-1]), place
    assert len(parents) > 5


@given(st.text(alphabet="ab=[]{}\"'#,.\n\\ 1", max_size=60))
def test_any_text_that_is_toml_is_read_to_its_end(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    positions = Positions(text)
    last = text.count("\n") + 1
    assert all(1 <= positions.line_of(place) <= last for place in places(document))
