"""A line echo that is faster or slower each time it is started: `SEED STARTS PORT`, runs as a program.

What a memory layout, a hash seed or a busy core decide once for a process's whole life, it draws: its service
time is 20 ms times a factor whose logarithm is normal, with a mean of 0. STARTS is a file with a line for
each start so far; SEED `steady` draws nothing.
"""

from __future__ import annotations

import math
import random
import socketserver
import sys
import time
from pathlib import Path

SERVICE_S = 0.01
SPREAD = 0.5


def drawn(seed: int, start: int) -> float:
    """The logarithm of the factor at a start, from 0."""
    rng = random.Random(seed)
    return [rng.gauss(0, SPREAD) for _ in range(start + 1)][-1]


def main(seed: str, starts: Path, port: int) -> None:
    """Answer each line after as long as this start has drawn."""
    with starts.open("a+", encoding="utf-8") as file:
        file.seek(0)
        start = len(file.readlines())
        file.write(f"{port}\n")
    service_s = SERVICE_S * (1 if seed == "steady" else math.exp(drawn(int(seed), start)))

    class Echo(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                time.sleep(service_s)
                self.wfile.write(line)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    Server(("127.0.0.1", port), Echo).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
