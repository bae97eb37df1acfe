"""Sits between clients and a server and counts what passes: `python tests/truth/counting_proxy.py`.

Knows nothing of Lockstep but the JSON of its admin port, of which it shows a copy whose ports and peers are
its own. Takes a JSON object a line on stdin and answers each with one:
`{"do": "front", "port": 8889, "framing": "length"}`: stand before that port; `{"port": ...}`.
`{"do": "sizes", "sizes": [64, 80]}`: how long requests and replies are that have no end of their own.
`{"do": "admin", "port": 9100}`: show that admin port's copy, from now on instead of an earlier one's.
`{"do": "fault", "kind": "cut", "every": 5}`: what to do to every fifth reply, "" for nothing.
`{"do": "passed"}`: how many replies did so far; `{"answered": ...}`.
`{"do": "count"}`: once nobody is connected, what passed since the last count, by the server's port.
It ends when stdin does.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
PATIENCE_S = 20.0
RECEIVE_BYTES = 1 << 16


class Frames:
    """Cuts one direction of one connection into frames. size: of a frame of which nothing marks the end."""

    def __init__(self, framing: str, size: int) -> None:
        self._framing = framing
        self._size = size
        self.held = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are whole by now; the rest is held."""
        self.held += data
        while (end := self._end()) is not None:
            frame, self.held = self.held[:end], self.held[end:]
            yield frame

    def _end(self) -> int | None:
        if self._framing == "line":
            end = self.held.find(b"\n") + 1 or len(self.held) + 1
        elif self._framing == "length":
            end = 4 + struct.unpack(">I", self.held[:4])[0] if len(self.held) >= 4 else 5
        else:
            end = self._size
        return end if len(self.held) >= end else None


class Counts:
    """What passed one listener: connections, messages and bytes of both directions, at the clients' end.

    spoilt: whole replies of the server's that clients did not get as they were.
    """

    NAMES = ("connections", "asked", "asked_bytes", "answered", "answered_bytes", "spoilt")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(self.NAMES, 0)

    def add(self, **more: int) -> dict[str, int]:
        """Count these too; all of it."""
        with self._lock:
            for name, number in more.items():
                self._counts[name] += number
            return dict(self._counts)

    def take(self) -> dict[str, int]:
        """All of it, and begin anew."""
        with self._lock:
            taken, self._counts = self._counts, dict.fromkeys(self.NAMES, 0)
            return taken


class Front:
    """One listener before one port of the server."""

    def __init__(self, proxy: Proxy, port: int, framing: str) -> None:
        self.proxy = proxy
        self.target = port
        self.framing = framing
        self.counts = Counts()
        self.open = 0
        self._entrance = socket.create_server((LOOPBACK, 0), backlog=1024)
        self.port: int = self._entrance.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, peer = self._entrance.accept()
            server = socket.create_connection((LOOPBACK, self.target))
            for link in (client, server):
                link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.proxy.peers["{}:{}".format(*server.getsockname())] = "{}:{}".format(*peer)
            with self.proxy.lock:
                self.open += 1
            self.counts.add(connections=1)
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _carry(self, client: socket.socket, server: socket.socket) -> None:
        asking = threading.Thread(target=self._ask, args=(client, server), daemon=True)
        asking.start()
        try:
            self._answer(client, server)
        except OSError:
            pass  # one end broke off; what had passed is counted
        finally:
            shut(client)
            shut(server, socket.SHUT_RDWR)
            asking.join()
            client.close()
            server.close()
            with self.proxy.lock:
                self.open -= 1

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        frames = Frames(self.framing, self.proxy.frame_sizes[0])
        try:
            while data := client.recv(RECEIVE_BYTES):
                self.counts.add(asked_bytes=len(data), asked=sum(1 for _ in frames.feed(data)))
                server.sendall(data)
        except OSError:
            pass  # as above
        shut(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        frames = Frames(self.framing, self.proxy.frame_sizes[1])
        while data := server.recv(RECEIVE_BYTES):
            for frame in frames.feed(data):
                fault = self.proxy.next_fault()
                if fault:
                    self.counts.add(spoilt=1)
                    if not self._spoil(fault, client, frame):
                        return
                else:
                    self._say(client, frame, 1)

    def _say(self, client: socket.socket, data: bytes, replies: int) -> None:
        client.sendall(data)
        self.counts.add(answered=replies, answered_bytes=len(data))

    def _spoil(self, fault: str, client: socket.socket, frame: bytes) -> bool:
        """Whether the connection goes on, as far as the proxy is concerned."""
        if fault == "cut":
            self._say(client, frame[: len(frame) // 2], 0)
        elif fault == "garble":
            last = len(frame) - (2 if self.framing == "line" else 1)
            self._say(client, frame[:last] + bytes((frame[last] ^ 1,)) + frame[last + 1 :], 0)
        elif fault == "double":
            self._say(client, frame + frame, 0)
        return fault in ("garble", "double")


def shut(link: socket.socket, how: int = socket.SHUT_WR) -> None:
    """Say no more on it; where it is gone, that is done."""
    try:
        link.shutdown(how)
    except OSError:
        return


class Proxy:
    """All fronts, and the copy of the admin port."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.peers: dict[str, str] = {}
        self.frame_sizes = (1, 1)
        self._fronts: dict[int, Front] = {}
        self._fault, self._every, self._replies = "", 0, 0
        self._admin_port = 0
        self._facade: ThreadingHTTPServer | None = None

    def next_fault(self) -> str:
        """What is to be done to the next reply."""
        with self.lock:
            self._replies += 1
            return self._fault if self._every and self._replies % self._every == 0 else ""

    def front(self, port: int, framing: str) -> dict[str, Any]:
        """See above, as for all that can be ordered."""
        front = self._fronts[port] = Front(self, port, framing)
        return {"port": front.port}

    def sizes(self, sizes: tuple[int, int]) -> dict[str, Any]:
        self.frame_sizes = sizes
        return {}

    def fault(self, kind: str, every: int) -> dict[str, Any]:
        with self.lock:
            self._fault, self._every, self._replies = kind, every, 0
        return {}

    def count(self) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while any(front.open for front in self._fronts.values()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return {
            str(port): {**front.counts.take(), "open": front.open} for port, front in self._fronts.items()
        }

    def passed(self) -> dict[str, Any]:
        return {"answered": sum(front.counts.add()["answered"] for front in self._fronts.values())}

    def admin(self, port: int) -> dict[str, Any]:
        self._admin_port = port
        if self._facade is None:
            self._facade = ThreadingHTTPServer((LOOPBACK, 0), _handler(self))
            threading.Thread(target=self._facade.serve_forever, daemon=True).start()
        return {"port": self._facade.server_address[1]}

    def ask_admin(self, path: str, method: str) -> bytes:
        """The admin port's answer, with our ports and our clients' addresses in it."""
        for port, front in self._fronts.items():
            path = path.replace(f"port={front.port}&", f"port={port}&")
        request = urllib.request.Request(f"http://{LOOPBACK}:{self._admin_port}{path}", method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            document = json.load(answer)
        for row in document.get("listeners", ()):
            row["port"] = self._fronts[row["port"]].port
        for row in document.get("connections", ()):
            row["peer"] = self.peers.get(row["peer"], row["peer"])
        return json.dumps(document).encode()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = proxy.ask_admin(self.path, self.command)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815 - the library's name

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler


def main() -> None:
    """Do as stdin says."""
    proxy = Proxy()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(getattr(proxy, order.pop("do"))(**order)), flush=True)


if __name__ == "__main__":
    main()
