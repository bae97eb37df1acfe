"""TLS and unix sockets against what nobody here wrote: stunnel, nginx, OpenSSL's own server, Redis."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from bench import services
from bench.ports import await_listening, free_port
from bench.processes import ANYWHERE, running
from lockstep.tcp.addresses import AddressBook
from lockstep.tcp.endpoint import Endpoint, Scheme
from lockstep.tcp.samples import Outcome, Phase
from tests.support.certificates import Authority, authority
from tests.support.commands import compare
from tests.support.peers import BLOCKING, COOPERATIVE, Book, Waiting

pytestmark = pytest.mark.services
ANSWERED = Outcome.ANSWERED
EACH_WAY = pytest.mark.parametrize("waiting", [BLOCKING, COOPERATIVE], ids=["thread", "greenlet"])


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def certificate(trusted: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, with its key."""
    file = tmp_path_factory.mktemp("certificates") / "server.pem"
    trusted.authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


@contextmanager
def s_server(certificate: Path, *flags: str) -> Iterator[int]:
    """OpenSSL's own, which sends every line back reversed."""
    port = free_port()
    command = [
        "openssl",
        "s_server",
        "-accept",
        f"127.0.0.1:{port}",
        "-cert",
        str(certificate),
        "-rev",
        *flags,
    ]
    with running("s_server", command, ANYWHERE) as process:
        await_listening(port, process)
        yield port


@EACH_WAY
@pytest.mark.parametrize("front", ["stunnel", "nginx"])
def test_redis_behind_somebody_elses_tls(
    front: str, waiting: Waiting, redis: int, trusted: Authority, certificate: Path
) -> None:
    fronts: dict[str, Callable[[], AbstractContextManager[int]]] = {
        "stunnel": partial(services.stunnel, redis, certificate),
        "nginx": partial(services.nginx, redis, certificate=certificate),
    }
    book, addresses = Book(waiting), AddressBook()
    with fronts[front]() as port:
        client = book.client_of(trusted.endpoint(port), framing="resp", addresses=addresses)
        for number in range(5):
            assert client.connect() is ANSWERED
            for _ in range(20):
                assert client.request(b"*1\r\n$4\r\nPING\r\n", b"+PONG"), book.samples[-1]
            key = b"key%d" % number
            value = b"x" * 200_000
            said = b"*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(key), key, len(value), value)
            assert client.request(said, b"+OK"), book.samples[-1]
            assert client.close() is ANSWERED
    assert addresses.handshakes == 5
    assert addresses.resumed == 4
    assert {outcome for _, outcome in book.outcomes()} == {ANSWERED}


@EACH_WAY
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssls_own_server(waiting: Waiting, version: str, trusted: Authority, certificate: Path) -> None:
    book, addresses = Book(waiting), AddressBook()
    with s_server(certificate, version) as port:
        client = book.client_of(trusted.endpoint(port), framing="line", addresses=addresses)
        for _ in range(3):
            assert client.request(b"desserts", b"stressed"), book.samples[-1]
            client.close()
    assert (addresses.handshakes, addresses.resumed) == (3, 2)


@EACH_WAY
def test_who_speaks_plain_redis_to_a_tls_client_is_refused_in_openssls_words(
    waiting: Waiting, redis: int, trusted: Authority
) -> None:
    book = Book(waiting)
    client = book.client_of(trusted.endpoint(redis), timeout_s=2.0)
    # Redis waits for the end of a line that never comes, or takes the greeting for a command.
    assert client.connect() in {Outcome.REFUSED, Outcome.TIMEOUT, Outcome.RESET}
    assert book.samples[-1].phase is Phase.HANDSHAKE


@EACH_WAY
def test_redis_on_a_unix_socket(waiting: Waiting, tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    book = Book(waiting)
    with services.redis(path=path):
        client = book.client_of(Endpoint(os.fspath(path), scheme=Scheme.UNIX), framing="resp")
        for _ in range(3):
            assert client.request(b"*1\r\n$4\r\nPING\r\n", b"+PONG"), book.samples[-1]
        assert client.close() is ANSWERED


PING = """
from locust import task
from lockstep import Resp, TcpUser

class Ping(TcpUser):
    framing = Resp()

    @task
    def ping(self):
        self.client.request(Resp.command("PING"), expect=b"+PONG")
        self.client.close()
"""


def test_four_ways_to_one_redis_in_one_report(tmp_path: Path, trusted: Authority, certificate: Path) -> None:
    file, path = tmp_path / "ping.py", tmp_path / "redis.sock"
    file.write_text(PING, encoding="utf-8")
    with (
        services.redis(path=path) as redis,
        services.stunnel(redis, certificate) as stunnel,
        services.nginx(redis, certificate=certificate) as nginx,
    ):
        named = {
            "plain": f"tcp://127.0.0.1:{redis}",
            "stunnel": f"tls://127.0.0.1:{stunnel}?ca={trusted.ca}",
            "nginx": f"tls://127.0.0.1:{nginx}?ca={trusted.ca}&max=1.2",
            "local": f"unix://{path}",
        }
        targets = [word for name, url in named.items() for word in ("--target", f"{name}={url}")]
        short = ("--levels", "4", "--repeats", "2", "--seconds", "2", "--warmup", "0.2")
        gate = ("--gate", "stunnel: handshake_p99 < 5s; nginx: resumed_share > 0.5; local: failed <= 0")
        folder, run = compare(tmp_path / "results", str(file), *targets, *short, *gate)
    for cell in run["cells"]:
        assert cell["messages"]["answered"] == cell["messages"]["sent"] > 0, cell
        secure = cell["mode"] in ("stunnel", "nginx")
        assert ("handshake" in cell["times"]) == secure
        assert (cell["handshakes"] > cell["resumed"] > 0) == secure
    assert "median TLS handshake is" in (folder / "report.html").read_text(encoding="utf-8")
