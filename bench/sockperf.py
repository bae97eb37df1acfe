"""Sockperf, the C tool: one connection's full round trip."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which

from bench.ports import await_listening, free_port
from bench.processes import ON_LOAD_CORE, ON_SERVER_CORE, ToolError, running

REMEDY = "not installed: apt install sockperf"
BOUND_S = 30.0


def p50_us_of(output: str) -> float:
    """The median out of what `sockperf ping-pong` prints, in microseconds. ToolError where there is none."""
    found = re.search(r"percentile 50\.000 =\s*([\d.]+)", output)
    if found is None:
        lines = output.strip().splitlines()
        raise ToolError(
            f"sockperf: no median in its output: {lines[-1].strip() if lines else 'it said nothing'}"
        )
    return float(found[1])


def require() -> None:
    """ToolError where it is not installed."""
    if which("sockperf") is None:
        raise ToolError(REMEDY)


@contextmanager
def own_server() -> Iterator[int]:
    """Its own echo server; gives the port. It does not say when it listens: the client finds out."""
    require()
    port = free_port()
    command = ["sockperf", "server", "--tcp", "-i", "127.0.0.1", "-p", str(port)]
    with running("sockperf server", command, ON_SERVER_CORE) as server:
        await_listening(port, server)
        yield port


def ping_pong_us(port: int, message_bytes: int, seconds: float) -> float:
    """Median full round trip of one connection, in microseconds."""
    require()
    command = ["sockperf", "ping-pong", "--tcp", "-i", "127.0.0.1", "-p", str(port)]
    command += ["-m", str(message_bytes), "-t", str(max(1, round(seconds))), "--full-rtt"]
    with running("sockperf", command, ON_LOAD_CORE) as client:
        client.wait(seconds + BOUND_S)
        return p50_us_of(client.said())
