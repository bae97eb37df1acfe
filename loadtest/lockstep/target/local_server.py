"""A server of our own for a comparison without Docker: started as a process, stopped at the end."""

from __future__ import annotations

import json
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

from lockstep.children import Program, end_with_parent, start
from lockstep.errors import HarnessError, PlanError

# Starting takes a fifth of a second; a machine that is busy with something else may take its time.
READY_S = 30.0
STOP_TIMEOUT_S = 10.0


@contextmanager
def local_server(
    modes: Sequence[str],
    extra: Sequence[str],
    setting: str = "modes",
    ready_s: float = READY_S,
    python: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Run `lockstep-server` on loopback with these modes and flags. python: an interpreter, if not this one.

    Gives its ready line, with the `pid` of its process. If it refuses: PlanError that names the flag, or
    `setting`, which the modes come from; HarnessError where it is neither, or does not get ready in time. All
    in the server's words.
    """
    listen = [argument for mode in modes for argument in ("--listen", f"{mode}:0")]
    with _log() as log:
        process = start(
            Program.SERVER,
            ["--bind", "127.0.0.1", "--admin-port", "0", *listen, *extra],
            python,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the run; the server ends after it
            preexec_fn=end_with_parent,
        )
        try:
            ready = _first_line(process, ready_s)
            if not ready:
                process.wait()
                log.seek(0)
                raise refusal_of(_last_line(log.read()), modes, extra, setting)
            yield {**json.loads(ready), "pid": process.pid}
        finally:
            _stop(process)


def _log() -> IO[str]:
    try:
        return tempfile.TemporaryFile("w+", encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            f"the server's log has no place: {error.strerror}; set TMPDIR to a folder that can be written"
        ) from error


def _first_line(process: subprocess.Popen[str], within_s: float) -> str:
    """What it says when it is ready; empty where it ended instead. HarnessError where it does neither."""
    assert process.stdout is not None
    # Reading a pipe has no bound of its own.
    too_long = threading.Timer(within_s, process.kill)
    # Whoever is stopped while it reads does not wait for it.
    too_long.daemon = True
    too_long.start()
    line = process.stdout.readline()
    if too_long.finished.is_set() and process.wait() == -signal.SIGKILL:
        raise HarnessError(
            f"the server did not get ready within {within_s:g} s: is this machine busy with something else? "
            "Try again, or start a server yourself and name it with --host and --admin"
        )
    too_long.cancel()
    return line


def _stop(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()


def refusal_of(words: str, modes: Sequence[str], extra: Sequence[str], setting: str) -> Exception:
    """What the server said, as a refusal of the setting that it comes from: PlanError where there is one.

    It knows its modes by a flag of its own, which its user here has never seen.
    """
    for mode in modes:
        reason = words.removeprefix(f"--listen {mode}:0 ")
        if reason != words:
            return PlanError(setting, f"{mode} {reason}")
    flag, _, reason = words.partition(" ")
    if flag in extra:
        return PlanError(flag.removeprefix("--"), reason)
    return HarnessError(words)


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return lines[-1].removeprefix("lockstep-server: ") if lines else "the server ended without a word"
