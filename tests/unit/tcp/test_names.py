"""Names of messages as small numbers, whatever they are."""

from __future__ import annotations

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp import samples as names
from lockstep.tcp.samples import MOST_NAMES, OTHERS, UNCHECKED, name_of, tag_of


@pytest.fixture(autouse=True)
def _of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "_names", [""])
    monkeypatch.setattr(names, "_numbers", {"": 0})


@pytest.mark.parametrize("name", [None, "login", "a b", "\N{SNOWMAN}"])
@pytest.mark.parametrize("checked", [True, False])
def test_a_tag_tells_the_name_and_whether_the_reply_was_checked(name: str | None, checked: bool) -> None:
    tag = tag_of(name, checked=checked)
    assert name_of(tag) == (name or "")
    assert bool(tag & UNCHECKED) is not checked
    assert tag_of(name, checked=checked) == tag


def test_an_endless_number_of_names_is_counted_as_one_after_the_first() -> None:
    tags = [tag_of(f"user {number}", checked=True) for number in range(2 * MOST_NAMES)]
    called = [name_of(tag) for tag in tags]
    assert called[:MOST_NAMES] == [f"user {number}" for number in range(MOST_NAMES)]
    assert set(called[MOST_NAMES:]) == {OTHERS}


@pytest.mark.parametrize("name", [b"login", 7, ["login"]])
def test_what_is_no_text_is_no_name(name: object) -> None:
    with pytest.raises(HarnessError, match="give a text"):
        tag_of(name, checked=True)  # type: ignore[arg-type]
