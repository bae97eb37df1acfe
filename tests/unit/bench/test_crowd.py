"""How many connections are asked for, and what they are called where that is fewer than wanted."""

from __future__ import annotations

import pytest

from bench.comparisons.connections import name_of
from bench.crowd import fitting


@pytest.mark.parametrize(
    ("open_files", "connections"), [(65_536, 20_000), (20_100, 20_000), (20_000, 19_900)]
)
def test_as_many_connections_as_wanted_are_held_or_as_many_as_the_open_files_allow(
    open_files: int, connections: int
) -> None:
    assert fitting(20_000, open_files) == connections


def test_with_all_connections_the_name_says_only_how_many() -> None:
    assert name_of(10_000, 10_000, 1, 20_000) == "10,000 connections, one worker"


def test_with_fewer_connections_than_wanted_the_name_says_so_and_which_limit_it_was() -> None:
    name = name_of(19_900, 20_000, 2, 20_000)
    assert name == "19,900 connections (not 20,000: 20,000 open files), 2 workers"
