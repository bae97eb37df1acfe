"""What the page is published as: whose requests are let in, by the names that they ask for and come from."""

from __future__ import annotations

import socket

import pytest

from lockstep.errors import HarnessError
from lockstep.web.published import Published

PUBLISHED = Published.of({"LOCKSTEP_PAGE_HOSTS": "Load.example.com, other.example"})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8089",
        "192.0.2.7",
        "[::1]:8089",
        "localhost:8089",
        "LOCALHOST",
        "localhost.:8089",
        "master:8089",
        "anything.localhost",
        "load.example.com",
        "LOAD.example.com.:443",
        "other.example:8089",
        socket.gethostname(),
        None,
    ],
)
def test_it_is_open_by_addresses_by_names_of_this_network_and_by_those_that_are_named(
    host: str | None,
) -> None:
    assert PUBLISHED.refusal(host, None) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8089",
        "127.0.0.1.evil.example",
        "load.example.com.evil.example",
        "localhost.evil.example",
        "evillocalhost.example",
        "me@127.0.0.1",
        "127.0.0.1/evil.example",
        "[::1",
        "localhost:port",
        "",
        ":8089",
    ],
)
def test_under_any_other_name_it_is_closed(host: str) -> None:
    refusal = PUBLISHED.refusal(host, None)
    assert refusal is not None
    assert repr(host) in refusal
    assert "LOCKSTEP_PAGE_HOSTS" in refusal


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8089", "http://localhost:8089"),
        ("[::1]:8089", "http://[::1]:8089"),
        ("load.example.com", "https://load.example.com"),
        # A proxy that asks for the master by its own name.
        ("master:8089", "https://load.example.com"),
        ("127.0.0.1:8089", "https://load.example.com:8443"),
    ],
)
def test_its_own_pages_requests_are_let_in_also_from_behind_a_proxy(host: str, origin: str) -> None:
    assert PUBLISHED.refusal(host, origin) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost:1",
        "http://127.0.0.1:8089",
        "file://",
        "chrome-extension://load.example.com",
        "http://[",
    ],
)
def test_other_sites_pages_are_refused_and_so_is_one_that_does_not_say_which_it_is(origin: str) -> None:
    refusal = PUBLISHED.refusal("localhost:8089", origin)
    assert refusal is not None
    assert repr(origin) in refusal


@pytest.mark.parametrize(
    "name", ["https://load.example.com", "load.example.com:8089", "a b", "x/y", "*.example"]
)
def test_what_is_no_name_is_refused_in_the_variables_own_words(name: str) -> None:
    with pytest.raises(HarnessError, match=r"LOCKSTEP_PAGE_HOSTS has .* no host name"):
        Published.of({"LOCKSTEP_PAGE_HOSTS": name})
