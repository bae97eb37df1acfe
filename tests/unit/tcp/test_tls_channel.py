"""TLS as bytes in and out, without a socket: whatever way they are cut, each is there once and in order."""

from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lockstep.errors import HarnessError
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.endpoint_options import OPTIONS
from lockstep.tcp.tls import TlsChannel, TlsRefusedError, check, context_of
from tests.support.certificates import Authority, authority


class Server:
    """The other end, as Python's own."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def shake(self, data: bytes) -> bytes:
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        return self._outgoing.read()

    def says(self, data: bytes) -> bytes:
        self._tls.write(data)
        return self._outgoing.read()

    def hears(self, data: bytes) -> bytes:
        self._incoming.write(data)
        heard = b""
        with suppress(ssl.SSLWantReadError):
            while more := self._tls.read(65536):
                heard += more
        return heard

    def goodbye(self) -> bytes:
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        return self._outgoing.read()


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.getbasetemp())


VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def joined(
    trusted: Authority, version: str, session: ssl.SSLSession | None = None
) -> tuple[TlsChannel, Server, bytes]:
    """Both ends after the handshake, and what the server said along with its end."""
    server = Server(SERVERS.setdefault(version, trusted.server(versions=version)))
    channel = TlsChannel(context_of(trusted.endpoint(1)), "localhost", session)
    answer = b""
    while not channel.shake(answer):
        answer = server.shake(channel.take())
    return channel, server, server.shake(channel.take())


SERVERS: dict[str, ssl.SSLContext] = {}


@VERSIONS
@settings(deadline=None)
@given(data=st.data())
def test_however_records_are_cut_what_was_said_is_heard_whole_and_in_order(
    trusted: Authority, version: str, data: st.DataObject
) -> None:
    channel, server, rest = joined(trusted, version)
    said = data.draw(st.lists(st.binary(min_size=1, max_size=40_000), min_size=1, max_size=4))
    stream = rest + b"".join(server.says(each) for each in said) + server.goodbye()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    heard = b""
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        heard += channel.read(stream[begin:end])
    assert heard == b"".join(said)
    assert channel.ended


@VERSIONS
def test_what_is_written_is_heard_whole_also_where_it_takes_many_records(
    trusted: Authority, version: str
) -> None:
    channel, server, rest = joined(trusted, version)
    assert channel.read(rest) == b""
    message = bytes(range(256)) * 2000
    assert server.hears(channel.write(message)) == message


@VERSIONS
def test_a_session_is_resumed(trusted: Authority, version: str) -> None:
    channel, _, rest = joined(trusted, version)
    assert not channel.resumed
    assert channel.read(rest) == b""
    again, _, _ = joined(trusted, version, channel.session)
    assert again.resumed


def test_what_was_never_resumable_is_no_session(trusted: Authority) -> None:
    channel, _, _ = joined(trusted, "1.3")
    assert channel.session is None


@pytest.mark.parametrize(
    "garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", bytes(99)]
)
def test_who_speaks_no_tls_is_refused_in_openssls_words(trusted: Authority, garbage: bytes) -> None:
    channel = TlsChannel(context_of(trusted.endpoint(1)), "localhost")
    channel.shake()
    with pytest.raises(TlsRefusedError) as refusal:
        channel.shake(garbage)
    words = str(refusal.value.strerror)
    assert words.startswith("TLS: ")
    assert not set(words) & set("[]()"), words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ca={missing}", r"ca=.*missing.pem cannot be read \(No such file or directory\)"),
        ("ca={key}", r"ca=.* cannot be used \(.*\): give PEM files"),
        ("ca={folder}", r"ca=.* cannot be read \(Is a directory\)"),
        ("cert={missing}", r"cert=.*missing.pem cannot be read"),
        ("cert={cert}&key={missing}", r"key=.*missing.pem cannot be read"),
        ("cert={cert}", r"cert=.* cannot be used \(.*\): give PEM files"),
        ("cert={cert}&key={locked}", r"key .*locked.key is encrypted: give one without a password"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_line(
    trusted: Authority, tmp_path: Path, query: str, words: str
) -> None:
    locked = tmp_path / "locked.key"
    key = load_pem_private_key(Path(trusted.key).read_bytes(), None)
    locked.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    )
    files = {"missing": tmp_path / "missing.pem", "folder": tmp_path, "locked": locked}
    text = query.format(ca=trusted.ca, cert=trusted.cert, key=trusted.key, **files)
    with pytest.raises(HarnessError, match=words) as refusal:
        context_of(Endpoint.parse(f"tls://localhost:1?{text}"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["..", "a..b", f"{'x' * 64}.example", ".leading"])
def test_a_name_that_no_server_has_is_refused(name: str) -> None:
    with pytest.raises(HarnessError, match="is no name of a server"):
        check(Endpoint.parse(f"tls://localhost:1?server_name={name}&verify=off"))


@settings(deadline=None)
@given(
    option=st.sampled_from([name for name, each in OPTIONS.items() if Scheme.TLS in each.schemes]),
    value=st.text(max_size=70)
    | st.sampled_from(["on", "off", "1.2", "1.3", "a,b", "1s", "4KiB", "::1", "%00"]),
)
def test_whatever_an_option_is_set_to_it_works_or_is_refused_in_one_line(option: str, value: str) -> None:
    words = ""
    try:
        check(Endpoint.parse(f"tls://localhost:1?{option}={value}"))
    except HarnessError as refusal:
        words = str(refusal)
    assert words.isprintable()


def test_all_connections_to_an_endpoint_share_what_is_read_from_files(trusted: Authority) -> None:
    assert context_of(trusted.endpoint(1)) is context_of(trusted.endpoint(2))
