"""Small services as people have them, for the examples of docs/: each a function of a connection."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Handler = Callable[[socket.socket], None]


@contextmanager
def serving(handle: Handler) -> Iterator[int]:
    """The service on a free port of loopback; gives the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:

        def serve(link: socket.socket) -> None:
            # A client may leave by a reset.
            with suppress(OSError), link:
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                handle(link)

        def accept() -> None:
            while True:
                try:
                    link, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=serve, args=(link,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join(10)


def mail(link: socket.socket) -> None:
    """Speaks first; answers EHLO with several lines, all else with one."""
    link.sendall(b"220 mail.example ready\r\n")
    for line in link.makefile("rb"):
        link.sendall(
            b"250-mail.example\r\n250-SIZE\r\n250 HELP\r\n" if line[:4] == b"EHLO" else b"250 OK\r\n"
        )


def clinic(link: socket.socket) -> None:
    """HL7 over MLLP: acknowledges each message, by two writes."""
    held = b""
    while data := link.recv(65536):
        held += data
        while (end := held.find(b"\x1c\r")) >= 0:
            held = held[end + 2 :]
            link.sendall(b"\x0bMSH|^~\\&|C|D|A|B|||ACK|1|P|2.5\r")
            link.sendall(b"MSA|AA|1\x1c\r")


def sensor(link: socket.socket) -> None:
    """A type, a little-endian length, a body: 21.5 to whatever is asked."""
    reading = link.makefile("rb")
    while head := reading.read(3):
        reading.read(int.from_bytes(head[1:3], "little"))
        link.sendall(b"\x02\x04\0" + b"21.5")


def counter(link: socket.socket) -> None:
    """Greets who says hello; to others says how many bytes came, once nothing more can come."""
    total = 0
    while data := link.recv(65536):
        if data == b"hello\n":
            link.sendall(b"hello\n")
        total += len(data)
    link.sendall(b"%d bytes\n" % total)


def values(link: socket.socket) -> None:
    """Answers `GET 1` with `VALUE 1`, a line each."""
    for line in link.makefile("rb"):
        link.sendall(line.replace(b"GET", b"VALUE"))


def accounts(link: socket.socket) -> None:
    """`LOGIN name password` gives a token, without which there is nothing to do."""
    tokens = set()
    for line in link.makefile("rb"):
        if login := re.fullmatch(rb"LOGIN (\w+) (rose|tulip|lily)\n", line):
            tokens.add(b"t" + login[1])
            link.sendall(b"OK t%b\n" % login[1])
        elif line.removeprefix(b"DO ").strip() in tokens:
            link.sendall(b"DONE\n")
        else:
            link.sendall(b"DENIED\n")


def echo(link: socket.socket) -> None:
    """Sends back whatever comes."""
    while data := link.recv(65536):
        link.sendall(data)
