"""Local addresses: lists and ranges, and what is none."""

from __future__ import annotations

import pytest

from lockstep.errors import PlanError
from lockstep.tcp.sources import MAX_SOURCES, parse_sources


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", ()),
        ("  ", ()),
        ("127.0.0.2", ("127.0.0.2",)),
        ("127.0.0.1, 127.0.0.2", ("127.0.0.1", "127.0.0.2")),
        ("127.0.0.254-127.0.1.1", ("127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1")),
        ("127.0.0.1-127.0.0.1", ("127.0.0.1",)),
        ("10.0.0.9,127.0.0.1-127.0.0.2", ("10.0.0.9", "127.0.0.1", "127.0.0.2")),
        ("fd00::1-fd00::2", ("fd00::1", "fd00::2")),
    ],
)
def test_lists_and_ranges_name_addresses(text: str, addresses: tuple[str, ...]) -> None:
    assert parse_sources(text) == addresses


def test_as_many_as_the_bound_are_let_through() -> None:
    assert len(parse_sources("10.0.0.0-10.0.3.255")) == MAX_SOURCES


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("localhost", "for example 127.0.0.1"),
        ("127.0.0", "for example 127.0.0.1"),
        ("127.0.0.1:80", "for example 127.0.0.1"),
        ("127.0.0.1-8", "for example 127.0.0.1"),
        ("127.0.0.1-", "for example 127.0.0.1"),
        ("-", "for example 127.0.0.1"),
        ("127.0.0.8-127.0.0.1", "lower address first"),
        ("127.0.0.1-::1", "lower address first"),
        ("127.0.0.1,127.0.0.1", "each address once"),
        ("127.0.0.1-127.0.0.9,127.0.0.3", "each address once"),
        ("10.0.0.0-10.255.255.255", "name fewer"),
        ("::1-ffff::1", "name fewer"),
    ],
)
def test_what_is_no_list_of_addresses_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(PlanError, match=remedy) as refusal:
        parse_sources(text)
    assert refusal.value.what == "source"
