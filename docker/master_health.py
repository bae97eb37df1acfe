"""Exit 0 if the master greets workers (ZMTP on 5557) and, where it has a page, serves it (HTTP on 8089)."""

from __future__ import annotations

import http.client
import os
import socket
import sys

WORKERS_PORT = 5557
WEB_PORT = 8089
PATIENCE_S = 2.0
# A ZMTP peer opens every connection with this signature: 0xFF, eight bytes of length, 0x7F.
SIGNATURE_BYTES = 10
SIGNATURE_FIRST, SIGNATURE_LAST = 0xFF, 0x7F


def greet() -> None:
    """Read the master's ZMTP signature, send nothing. Raises OSError where it does not come."""
    with socket.create_connection(("127.0.0.1", WORKERS_PORT), PATIENCE_S) as sock:
        signature = sock.recv(SIGNATURE_BYTES, socket.MSG_WAITALL)
    if len(signature) < SIGNATURE_BYTES or (signature[0], signature[-1]) != (SIGNATURE_FIRST, SIGNATURE_LAST):
        raise ConnectionError(f"port {WORKERS_PORT} does not speak ZMTP: {signature!r}")


def open_page() -> None:
    """GET /. Raises OSError where nobody answers, or answers anything but 200, or the way to its login."""
    connection = http.client.HTTPConnection("127.0.0.1", WEB_PORT, timeout=PATIENCE_S)
    connection.request("GET", "/")
    status = connection.getresponse().status
    if status not in (http.HTTPStatus.OK, http.HTTPStatus.FOUND):
        raise ConnectionError(f"the web page answered {status}")


def main() -> int:
    """Probe, and say in one line what is wrong."""
    headless = os.environ.get("LOCUST_HEADLESS", "false").lower() in {"true", "yes", "1"}
    try:
        greet()
        if not headless:
            open_page()
    except OSError as error:
        print(f"master: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
