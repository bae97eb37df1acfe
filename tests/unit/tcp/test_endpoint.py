"""Targets as they are written: what is one, what is none, and that an endpoint's own text gives it again."""

from __future__ import annotations

import pytest

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint


@pytest.mark.parametrize(
    ("host", "name", "port"),
    [
        ("tcp://server:8888", "server", 8888),
        ("tcp://server", "server", None),
        ("server:8888", "server", 8888),
        ("127.0.0.1", "127.0.0.1", None),
        ("tcp://[::1]:8888", "::1", 8888),
        ("[::1]", "::1", None),
        ("tcp://[fe80::1%eth0]:8888", "fe80::1%eth0", 8888),
        ("tcp://server:8888/", "server", 8888),
    ],
)
def test_a_target_is_a_name_and_perhaps_a_port(host: str, name: str, port: int | None) -> None:
    assert Endpoint.parse(host) == Endpoint(name, port)


@pytest.mark.parametrize(
    "host",
    [
        *(None, "", "http://server:80", "tcp://", "tcp://server:x", "tcp://server:99999", "tcp://server:0"),
        *("tcp://server:", "::1", "tcp://::1", "tcp://[::1", "tcp://[server]:80", "tcp://a b:80"),
        *("tcp://server:80/path", "tcp://me@server:80", "tcp://server:80?x=1", "tcp://server:-1"),
    ],
)
def test_what_is_no_target_is_refused_with_the_form_it_should_have(host: str | None) -> None:
    with pytest.raises(HarnessError, match="write it as tcp://name:port"):
        Endpoint.parse(host)


def test_what_is_no_target_names_the_setting_that_it_comes_from() -> None:
    with pytest.raises(HarnessError, match=r"^target 'tcp://a:0' has no valid port"):
        Endpoint.parse("tcp://a:0", "target")
    with pytest.raises(HarnessError, match=r"^no target is given"):
        Endpoint.parse("", "target")


@pytest.mark.parametrize(
    "text", ["tcp://server:8888", "tcp://server", "tcp://[::1]:8888", "tcp://[fe80::1%eth0]:1"]
)
def test_an_endpoints_text_gives_it_again(text: str) -> None:
    assert str(Endpoint.parse(text)) == text
    assert Endpoint.parse(str(Endpoint.parse(text))) == Endpoint.parse(text)


def test_where_a_port_may_not_be_left_out_it_is_asked_for() -> None:
    assert Endpoint.whole("server:80") == Endpoint("server", 80)
    with pytest.raises(HarnessError, match="'tcp://server' has no port: write it as tcp://name:port"):
        Endpoint.whole("tcp://server")


def test_each_mode_of_a_server_is_the_servers_endpoint_at_another_port() -> None:
    assert str(Endpoint.parse("tcp://[::1]:1").at(80)) == "tcp://[::1]:80"
    assert Endpoint("::1").place == "[::1]"
