"""The admin port as HTTP, for whoever connects: requests are bounded in size and time, and answered."""

from __future__ import annotations

import io
import logging
import socket
import time
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lockstep_server.accepting import AcceptLoop, RefusedError
from lockstep_server.admin import Admin, Answer, Refusal, line
from lockstep_server.binding import bind
from lockstep_server.records import Cause
from lockstep_server.socket_options import turn_away
from lockstep_server.threads import start_thread

log = logging.getLogger("lockstep.server")

_BACKLOG = 128
_MOST = 100
"""Connections at once: a thread and a file each, which must not be all there are."""
_LINE_BYTES = 8_192
_REQUEST_BYTES = 65_536
"""Of a whole request: its line, its headers and the body, which nothing here has a use for."""
_PARAMETERS = 20
_REQUEST_S = 30.0
"""From one request's answer, or the connect, to the next request's end."""
_ANSWER_S = 120.0
_LINGER_S = 5.0
_PIECE_BYTES = 65_536


class AdminServer:
    """Serves an Admin; a thread for each connection."""

    def __init__(self, admin: Admin, host: str, port: int) -> None:
        """SettingsError if the port cannot be had."""
        self._admin = admin
        self._open: set[AdminConnection] = set()
        sock = bind(host, port, _BACKLOG, f"--admin-port {port}", f"--admin-host {host}")
        self.port: int = sock.getsockname()[1]
        self._loop = AcceptLoop(sock, "admin port", True, self._arrive, self._serve)

    def run(self) -> None:
        """Serve as long as the process lives."""
        self._loop.run()

    def _arrive(self, link: socket.socket, _: Any) -> AdminConnection:
        link.setblocking(True)
        connection = AdminConnection(link, self._admin, self._open)
        self._open.add(connection)
        return connection

    def _serve(self, connection: AdminConnection) -> None:
        if len(self._open) > _MOST:
            raise RefusedError(Cause.FULL, f"{_MOST} are open", "close some,")
        try:
            start_thread(connection.run)
        except RuntimeError as error:
            raise RefusedError(
                Cause.OVERLOAD, str(error), "raise the limit on threads (ulimit -u)"
            ) from error


class AdminConnection:
    """One connection to the admin port, until it is closed."""

    def __init__(self, link: socket.socket, admin: Admin, among: set[AdminConnection]) -> None:
        """among: those that are open."""
        self._link = link
        self._admin = admin
        self._among = among

    def run(self) -> None:
        """Answer what is asked until the peer, or its time, is over."""
        try:
            AdminHandler(self._link, self._admin)
        except OSError as error:  # it did not wait for its answer
            log.debug("admin port: %s", error)
        finally:
            self._close()

    def refuse(self, refusal: RefusedError) -> None:
        """See Guest.refuse: in words, if they can be had at once."""
        body = f"{refusal}\n".encode()
        head = f"HTTP/1.1 503 Service Unavailable\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        with suppress(OSError):
            self._link.setblocking(False)
            self._link.sendall(head.encode() + body)
        turn_away(self._link)
        self._close()

    def _close(self) -> None:
        self._among.discard(self)
        self._link.close()


class _OverflowError(Exception):
    """A request has more bytes than one may have."""


class _Bounded(io.RawIOBase):
    """What a peer sends, of which only so much is taken in only so much time, from `allow` on."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self.allow()

    def allow(self) -> None:
        """A request begins."""
        self._end_s = time.monotonic() + _REQUEST_S
        self._left = _REQUEST_BYTES
        self.begun = False

    def readable(self) -> bool:
        """See io.RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See io.RawIOBase. TimeoutError, or _OverflowError, where a bound is met."""
        if self._left <= 0:
            raise _OverflowError
        _patient_until(self._link, self._end_s)
        received = self._link.recv_into(memoryview(buffer)[: self._left])
        self._left -= received
        self.begun = self.begun or received > 0
        return received


def _patient_until(link: socket.socket, end_s: float) -> None:
    """TimeoutError if that moment has passed. Step by step, a peer that drips would always be in time."""
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    link.settimeout(left_s)


class AdminHandler(BaseHTTPRequestHandler):
    """Reads requests as http.server does, but within bounds; finds every answer by `Admin.answer`."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # whoever writes no version, or rubbish, is told a status too

    def __init__(self, link: socket.socket, admin: Admin) -> None:
        """Returns once the connection is over. OSError if the peer does not take its answer."""
        self._admin = admin
        self._unread = False
        super().__init__(link, None, None)  # type: ignore[arg-type]  # neither is asked for

    def setup(self) -> None:
        """See BaseRequestHandler.setup."""
        self.connection: socket.socket = self.request
        self._said = _Bounded(self.connection)
        self.rfile = io.BufferedReader(self._said)
        self.wfile = self._answer = io.BytesIO()

    def finish(self) -> None:
        """See BaseRequestHandler.finish. What is left unread would reset the connection, and the last answer
        with it; so it is thrown away, for a while."""
        if self._unread:
            end_s, piece = time.monotonic() + _LINGER_S, bytearray(_PIECE_BYTES)
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_WR)
                while True:
                    _patient_until(self.connection, end_s)
                    if not self.connection.recv_into(piece):
                        break

    def handle_one_request(self) -> None:
        """Read and answer one, or say why not."""
        self.close_connection = True
        self.requestline, self.request_version, self.command = "", self.default_request_version, ""
        self._said.allow()
        try:
            self.raw_requestline = self.rfile.readline(_LINE_BYTES + 1)
            if len(self.raw_requestline) > _LINE_BYTES:
                self.send_error(
                    HTTPStatus.REQUEST_URI_TOO_LONG, f"the first line has over {_LINE_BYTES} bytes"
                )
            elif self.raw_requestline and self._understand() and self._take_body():
                self._tell(*self._find())
                self._unread = self.close_connection
        except TimeoutError:
            if self._said.begun:
                self.send_error(HTTPStatus.REQUEST_TIMEOUT, f"no whole request came in {_REQUEST_S:g} s")
        except _OverflowError:
            why = f"the request has over {_REQUEST_BYTES} bytes"
            self.send_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, why)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """See BaseHTTPRequestHandler.send_error; one line of text. What follows is not understood."""
        self.close_connection = self._unread = True
        status = HTTPStatus(code)
        self._tell(status, line(message or status.phrase))

    def handle_expect_100(self) -> bool:
        """See BaseHTTPRequestHandler.handle_expect_100: who asks whether to send a body has its answer."""
        return True

    def log_message(self, *_: Any) -> None:
        """Requests are not logged: tools poll this port."""

    def _understand(self) -> bool:
        """Whether it can be read; parse_request has said why not, but of an empty line."""
        understood = self.parse_request()
        if not (understood or self._unread):
            self.send_error(HTTPStatus.BAD_REQUEST, "the first line is empty")
        return understood

    def _take_body(self) -> bool:
        """Whether it is over; nothing here has a use for one."""
        if "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.BAD_REQUEST, "a body in pieces is not taken; send none")
            return False
        length = self.headers.get("Content-Length", "0").strip()
        if not (length.isascii() and length.isdigit()):
            self.send_error(HTTPStatus.BAD_REQUEST, f"Content-Length: {length:.40} is no number of bytes")
            return False
        if len(length) > 9 or int(length) > _REQUEST_BYTES:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a body has no meaning here; send none")
            return False
        self.rfile.read(int(length))
        return True

    def _find(self) -> tuple[HTTPStatus, Answer]:
        try:
            url = urlsplit(self.path)
            given = parse_qs(url.query, keep_blank_values=True, max_num_fields=_PARAMETERS)
        except ValueError as error:
            return HTTPStatus.BAD_REQUEST, line(f"this cannot be read as a URL: {error}")
        method = "GET" if self.command == "HEAD" else self.command
        try:
            query = {name: values[-1] for name, values in given.items()}
            return HTTPStatus.OK, self._admin.answer(method, url.path, query)
        except Refusal as refusal:
            return refusal.status, line(str(refusal))

    def _tell(self, status: HTTPStatus, answer: Answer) -> None:
        kind, body = answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ", ".join(self._admin.methods(urlsplit(self.path).path)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        head = self._answer.getvalue()
        self.wfile = self._answer = io.BytesIO()
        # The time is that of the whole answer: a peer that takes a byte now and then does not stay.
        self.connection.settimeout(_ANSWER_S)
        if self.command == "HEAD":
            self.connection.sendall(head)
        elif len(body) <= _PIECE_BYTES:
            self.connection.sendall(head + body)
        else:
            self.connection.sendall(head, socket.MSG_MORE)
            self.connection.sendall(body)
