"""What docs/framings.md says is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import lockstep
from lockstep_wire.framing import NAMES, Framing, Malformed, framing_of
from lockstep_wire.framings.until import until

TEXT = (Path(__file__).resolve().parents[4] / "docs" / "framings.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `([^`]+)` \|(.*?) \|", TEXT.split("## Protocols")[0], re.MULTILINE)
# What a user may import, and the one for which TcpUser would bring Locust.
PUBLIC: dict[str, Any] = {
    **{
        name: getattr(lockstep, name)
        for name in lockstep.__all__
        if name not in ("TcpUser", "until", "sized")
    },
    "until": until,
    "re": re,
}


def test_every_name_is_listed() -> None:
    assert {name.partition(":")[0] for name, _ in ROWS} == set(NAMES)


@pytest.mark.parametrize(
    ("name", "objects"), [row for row in ROWS if row[1].strip() and not re.search("[A-Z]{3}", row[0])]
)
def test_a_name_and_the_object_beside_it_are_the_same_framing(name: str, objects: str) -> None:
    [written] = re.findall("`([^`]+)`", objects)
    made = eval(written, dict(PUBLIC))
    assert isinstance(made, Framing)
    assert made.name == framing_of(name).name == name


def test_the_framing_of_ones_own_works() -> None:
    [example] = re.findall(r"```python\n(from lockstep import Malformed.*?)```", TEXT, re.DOTALL)
    function = re.search(r"def frame_end.*?\n\n", example, re.DOTALL)
    assert function is not None
    known: dict[str, Any] = dict(PUBLIC)
    exec(function[0], known)
    decoder = PUBLIC["framed_by"](known["frame_end"]).decoder(100)
    assert decoder.feed(b"\x01\0\x01a\x02\0") == [b"\x01\0\x01a"]
    with pytest.raises(Malformed, match="a message of type 3"):
        decoder.feed(b"\0\x03")
