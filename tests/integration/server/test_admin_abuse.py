"""Whatever is sent to the admin port, it answers in a line, keeps its memory and threads, and goes on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.clients import connect, wait_until
from tests.support.server import ServerProcess

GET = b"GET /health HTTP/1.1\r\nHost: x\r\n"
HEALTHY = b"HTTP/1.1 200 OK"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess("free") as running:
        yield running


def said(server: ServerProcess, *sent: bytes) -> bytes:
    """All that the admin port says to this, until it closes."""
    with connect(server.ready["admin_port"]) as link:
        for piece in sent:
            link.sendall(piece)
        link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


@pytest.mark.parametrize(
    ("sent", "status", "told"),
    [
        (GET + b"Content-Length: many\r\n\r\n", 400, b"Content-Length: many is no number of bytes"),
        (GET + b"Content-Length: -1\r\n\r\n", 400, b"Content-Length: -1 is no number of bytes"),
        (GET + b"Content-Length: \xc2\xb2\r\n\r\n", 400, b"Content-Length: "),
        (GET + b"Content-Length: 600000000\r\n\r\n", 413, b"a body has no meaning here; send none"),
        (GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 413, b"a body has no meaning here"),
        (GET + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 400, b"a body in pieces is not taken"),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400, b"this cannot be read as a URL"),
        (b"GET /connections?%s HTTP/1.1\r\n\r\n" % (b"a=1&" * 50), 400, b"this cannot be read as a URL"),
        (
            b"GET /connections?limit=99999999999999999999 HTTP/1.1\r\n\r\n",
            400,
            b"limit=99999999999999999999: ",
        ),
        (b"GET /connections?since=%s HTTP/1.1\r\n\r\n" % (b"9" * 5000), 400, b"since=99999"),
        (b"GET /connections?a%0A%1b[31m=1 HTTP/1.1\r\n\r\n", 400, "unknown parameter a��[31m".encode()),
        (b"GET /%s HTTP/1.1\r\n\r\n" % (b"x" * 9000), 414, b"the first line has over 8192 bytes"),
        (GET + b"X: %s\r\n\r\n" % (b"x" * 70_000), 431, b""),
        (GET + b"X: x\r\n" * 200 + b"\r\n", 431, b"Too many headers"),
        (b"PATCH /health HTTP/1.1\r\n\r\n", 405, b"/health wants GET"),
        (b"BREW /peaks HTTP/1.1\r\n\r\n", 405, b"/peaks wants POST"),
        (b"POST /health HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 405, b"/health wants GET"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, b""),
        (b"rubbish\r\n\r\n", 400, b"Bad request syntax"),
        (b"\x16\x03\x01\x02\x00\x01\x00\n\r\n\r\n", 400, b""),
        (b"\r\n", 400, b""),
    ],
)
def test_what_it_cannot_read_is_refused_in_one_line(
    server: ServerProcess, sent: bytes, status: int, told: bytes
) -> None:
    head, _, body = said(server, sent).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert body.startswith(told)
    assert body.count(b"\n") == 1
    assert server.ask("/health") == "ok\n"
    assert "Traceback" not in server.stderr


def test_who_may_not_ask_so_is_told_how(server: ServerProcess) -> None:
    assert b"\r\nAllow: POST\r\n" in said(server, b"GET /peaks HTTP/1.1\r\n\r\n")


def test_a_small_body_is_passed_over_and_the_connection_goes_on(server: ServerProcess) -> None:
    post = b"POST /peaks HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello"
    assert said(server, post, GET + b"\r\n").count(HEALTHY) == 2


def test_a_large_body_is_neither_kept_nor_does_it_cost_its_sender_the_answer(server: ServerProcess) -> None:
    before_kib = peak_kib(server)
    flood = [b"x" * 2**20] * 100
    assert b"413" in said(server, GET + b"Content-Length: %d\r\n\r\n" % (len(flood) * 2**20), *flood)
    assert peak_kib(server) < before_kib + 10_000


def peak_kib(server: ServerProcess) -> int:
    """The most memory that it has had, in KiB."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def test_more_connections_than_there_is_room_for_are_refused_in_words(server: ServerProcess) -> None:
    with ExitStack() as links:
        silent = [links.enter_context(connect(server.ready["admin_port"])) for _ in range(100)]
        with connect(server.ready["admin_port"]) as link:
            answer = b"".join(iter(lambda: link.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert answer.endswith(b"cannot accept (100 are open); close some, or send fewer connections\n")
        assert [link for link in silent if has_been_told(link)] == []
    wait_until(lambda: said(server, GET + b"\r\n").startswith(HEALTHY))


def has_been_told(link: socket.socket) -> bool:
    link.setblocking(False)
    try:
        return link.recv(1) is not None
    except BlockingIOError:
        return False


def test_who_leaves_without_its_answer_leaves_no_word_in_the_log(server: ServerProcess) -> None:
    for _ in range(20):
        with connect(server.ready["admin_port"]) as link:
            link.sendall(GET)
        with connect(server.ready["admin_port"]) as link:
            link.sendall((GET + b"\r\n") * 50)
    assert server.ask("/health") == "ok\n"
    assert "Traceback" not in server.stderr
