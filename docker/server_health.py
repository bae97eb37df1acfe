"""Exit 0 if the server answers: once a real exchange on its free port, and every time its /health.

The exchange is done only until it has succeeded once, which is before any load: a probe among a run's
connections would be counted in the run. Its sign is a file in /tmp, which goes with the container.
"""

from __future__ import annotations

import http.client
import os
import socket
import sys
from pathlib import Path

from lockstep_wire.framing import framing_of

EXCHANGED = Path("/tmp/lockstep-exchanged")
PAYLOAD = b"health"
PATIENCE_S = 2.0


def free_port() -> int | None:
    """The port of the free listener as LOCKSTEP_LISTEN gives it, None where there is none."""
    listeners = os.environ.get("LOCKSTEP_LISTEN", "free:8888").split()
    ports = [int(port) for name, _, port in (spec.rpartition(":") for spec in listeners) if name == "free"]
    return ports[0] if ports else None


def exchange(port: int) -> None:
    """Send one message in the server's framing and read its whole reply. Raises OSError where it cannot."""
    framing = framing_of(os.environ.get("LOCKSTEP_FRAMING", "raw"))
    decoder = framing.decoder(max_frame=1 << 20)
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as sock:
        sock.sendall(framing.encode(PAYLOAD))
        while data := sock.recv(4096):
            if decoder.feed(data):
                return
    raise ConnectionError("the server closed before it had answered")


def ask_admin(port: int) -> None:
    """GET /health. Raises OSError where nobody answers, or answers anything but 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
    connection.request("GET", "/health")
    status = connection.getresponse().status
    if status != http.HTTPStatus.OK:
        raise ConnectionError(f"/health answered {status}")


def main() -> int:
    """Probe, and say in one line what is wrong."""
    try:
        port = free_port()
        if port is not None and not EXCHANGED.exists():
            exchange(port)
            EXCHANGED.touch()
        ask_admin(int(os.environ.get("LOCKSTEP_ADMIN_PORT", "9100")))
    except OSError as error:
        print(f"server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
