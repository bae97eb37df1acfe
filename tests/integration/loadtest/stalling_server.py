"""A server that echoes at once, but stands still for a while, once: `stalling_server.py AFTER_S STALL_S`.

Prints its port. AFTER_S is counted from the first message.
"""

from __future__ import annotations

import selectors
import socket
import sys
import time


def main(after_s: float, stall_s: float) -> None:
    """Serve until killed."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listening.getsockname()[1], flush=True)
    ready = selectors.DefaultSelector()
    ready.register(listening, selectors.EVENT_READ)
    stalls_at: float | None = None
    stalled = False
    while True:
        for key, _ in ready.select():
            if key.fileobj is listening:
                link, _ = listening.accept()
                ready.register(link, selectors.EVENT_READ)
                continue
            link = key.fileobj  # type: ignore[assignment]
            if data := link.recv(65536):
                link.sendall(data)
                stalls_at = stalls_at or time.monotonic() + after_s
            else:
                ready.unregister(link)
                link.close()
        if stalls_at is not None and not stalled and time.monotonic() >= stalls_at:
            stalled = True
            time.sleep(stall_s)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
