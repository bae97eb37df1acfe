"""Our generator with a plan of one cell: all connections are open before anybody's first message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.generators import PAYLOAD_BYTES
from bench.processes import Place, Running, ToolError, python, running
from bench.run_summary import RunSummary, read_summary

WARMUP_S = 1.0
# Exit codes with which the run was saved: 3 says that some of its figures cannot be trusted.
SAVED = (0, 3)


@contextmanager
def plan_load(
    port: int, connections: int, seconds: float, out: Path, place: Place, flags: Sequence[str] = ()
) -> Iterator[Running]:
    """Locust with our locustfile against a port of loopback; one process unless the flags say otherwise."""
    command = python("-m", "locust", "-f", "loadtest/locustfile.py", "--headless")
    command += ["--run", "comparison plan", "--modes", "target", "--levels", str(connections)]
    command += ["--repeats", "1", "--seconds", f"{seconds:g}", "--warmup", f"{WARMUP_S:g}"]
    command += ["--scenario", "persistent", "--framing", "length", "--reply", "echo"]
    command += ["--payload", str(PAYLOAD_BYTES), "--host", f"tcp://127.0.0.1:{port}", "--out", str(out)]
    with running("ours", [*command, *flags], place) as process:
        yield process


def ended(process: Running, out: Path, timeout_s: float) -> RunSummary:
    """What the run says once it has ended by itself. ToolError if it does not, or could not be made."""
    code = process.wait(timeout_s)
    if code not in SAVED:
        raise ToolError(f"{process.name} ended with {code}: {process.last_words()}")
    return read_summary(out)
