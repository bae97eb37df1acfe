"""Targets as they are written: what is one, what is none, and that an endpoint's own text gives it again."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint, Options, Scheme
from lockstep.tcp.endpoint_options import OPTIONS


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
        *("tcp://server:80/path", "tcp://me@server:80", "tcp://server:80#x", "tcp://server:-1"),
        *("tls://", "tls://server:0", "tls://server:80/path", "udp://server:80", "tcp://ser\nver:80"),
    ],
)
def test_what_is_no_target_is_refused_with_the_form_it_should_have(host: str | None) -> None:
    with pytest.raises(HarnessError, match="write it as tcp://name:port") as refusal:
        Endpoint.parse(host)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("unix://run/x", "is not a unix socket: write its whole path, as in unix:///run/name.sock"),
        ("unix:///run/", "is not a unix socket"),
        ("unix:///run/x#y", "is not a unix socket"),
        ("unix:///run/x%00", "holds a character that cannot be shown"),
        ("tls://a:1?ca=%0A", "has ca=%0A: holds a character that cannot be shown"),
        (f"unix:///{'x' * 107}", "is longer than the 107 bytes"),
        ("unix:///run/x?nodelay=on", "cannot have nodelay, which unix:// has not: leave it out"),
        ("unix:///run/x?source=127.0.0.2", "cannot have source, which unix:// has not"),
        ("tcp://a:1?ca=ca.pem", "cannot have ca, which tcp:// has not"),
        ("tcp://a:1?x=1", "has no option 'x': choose from nodelay, keepalive"),
        ("tls://a:1?servername=b", r"has no option 'servername': did you mean server_name\?"),
        ("tls://a:1?cacert=b", r"has no option 'cacert': did you mean ca\?"),
        ("tcp://a:1?nodelay", "has nodelay without a value"),
        ("tcp://a:1?nodelay=on&nodelay=on", "has nodelay twice: leave one out"),
        ("tcp://a:1?nodelay=yes", "has nodelay=yes: write on or off"),
        ("tcp://a:1?keepalive=1500ms", "has keepalive=1500ms: write whole seconds"),
        ("tcp://a:1?keepalive=0", "has keepalive=0: write whole seconds"),
        ("tcp://a:1?send_buffer=much", "has send_buffer=much: is not a size"),
        ("tcp://a:1?receive_buffer=2GiB", "has receive_buffer=2GiB: write at most 1GiB"),
        ("tcp://a:1?source=here", "has source=here: 'here' is not an address"),
        ("tcp://a:1?source=,", "has source=,: it names no address"),
        ("tls://a:1?ca=", "has ca=: it is empty"),
        ("tls://a:1?min=1.1", "has min=1.1: write 1.2 or 1.3"),
        ("tls://a:1?min=1.3&max=1.2", "asks for at least TLS 1.3 and at most 1.2"),
        ("tls://a:1?alpn=a,,b", "has alpn=a,,b: write names in ASCII with commas"),
        ("tls://a:1?key=k.pem", r"has a key without its certificate: add cert=FILE"),
        ("tls://a:1?ca=ca.pem&verify=off", r"says whom to trust \(ca\) and that anybody is"),
        ("tls://a:1?verify=none", "has verify=none: write on or off"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_one_line(url: str, what: str) -> None:
    with pytest.raises(HarnessError, match=f"^host '.*' {what}") as refusal:
        Endpoint.parse(url)
    assert "\n" not in str(refusal.value)


def test_what_is_no_target_names_the_setting_that_it_comes_from() -> None:
    with pytest.raises(HarnessError, match=r"^target 'tcp://a:0' has no valid port"):
        Endpoint.parse("tcp://a:0", "target")
    with pytest.raises(HarnessError, match=r"^no target is given"):
        Endpoint.parse("", "target")


@pytest.mark.parametrize(
    "text",
    [
        *("tcp://server:8888", "tcp://server", "tcp://[::1]:8888", "tcp://[fe80::1%eth0]:1"),
        "tcp://a:1?nodelay=off&keepalive=30s&send_buffer=65536&receive_buffer=4096&source=::1,::2",
        "tls://a:1?ca=certs/ca.pem&cert=me.pem&key=me.key&server_name=b&alpn=mqtt,h2&min=1.2&max=1.3&resume=off",
        "tls://[::1]:443?verify=off",
        "unix:///run/redis.sock",
        "unix:///tmp/a%20b%3F.sock?send_buffer=1024",
    ],
)
def test_an_endpoints_text_gives_it_again(text: str) -> None:
    assert str(Endpoint.parse(text)) == text
    assert Endpoint.parse(str(Endpoint.parse(text))) == Endpoint.parse(text)


FILES = st.none() | st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)
VERSIONS = st.sampled_from([None, "1.2", "1.3"])


@given(ca=FILES, cert=FILES, key=FILES, server_name=FILES, oldest=VERSIONS, resume=st.booleans())
def test_whatever_a_file_is_called_its_name_survives(
    ca: str | None,
    cert: str | None,
    key: str | None,
    server_name: str | None,
    oldest: str | None,
    resume: bool,
) -> None:
    key = None if cert is None else key
    options = Options(
        ca=ca, cert=cert, key=key, server_name=server_name, min_version=oldest, resume=resume, nodelay=True
    )
    endpoint = Endpoint("server", 80, Scheme.TLS, options)
    assert Endpoint.parse(str(endpoint)) == endpoint


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_whatever_a_unix_socket_is_called_its_name_survives(name: str) -> None:
    endpoint = Endpoint(f"/tmp/{name.strip('/')}.sock", scheme=Scheme.UNIX)
    assert Endpoint.parse(str(endpoint)) == endpoint
    assert endpoint.place == endpoint.host


def test_every_option_can_be_written() -> None:
    assert {option.field for option in OPTIONS.values()} == {field.name for field in fields(Options)}


def test_every_option_is_told_of_in_the_docs() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "transports.md").read_text(encoding="utf-8")
    told = re.findall(r"`(\w+)=[^`]*`", "".join(row for row in text.splitlines() if row.startswith("| `")))
    assert set(told) == set(OPTIONS)


def test_where_a_port_may_not_be_left_out_it_is_asked_for() -> None:
    assert Endpoint.whole("server:80") == Endpoint("server", 80)
    assert Endpoint.whole("unix:///run/x").complete
    with pytest.raises(HarnessError, match="'tcp://server' has no port: write it as tcp://name:port"):
        Endpoint.whole("tcp://server")
    with pytest.raises(HarnessError, match="'tls://server' has no port: write it as tls://name:port"):
        Endpoint.whole("tls://server")


def test_each_mode_of_a_server_is_the_servers_endpoint_at_another_port() -> None:
    assert str(Endpoint.parse("tcp://[::1]:1").at(80)) == "tcp://[::1]:80"
    assert str(Endpoint.parse("tls://a?verify=off").at(80)) == "tls://a:80?verify=off"
    assert Endpoint("::1").place == "[::1]"


def test_who_trusts_anybody_is_told_so() -> None:
    assert Endpoint.parse("tls://a:1").warnings == ()
    (warning,) = Endpoint.parse("tls://a:1?verify=off").warnings
    assert warning.startswith("verify=off: the certificate of a:1 is not checked")
