"""`lockstep-server`: flags and environment become settings, the server runs until SIGTERM or SIGINT."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` looks into the working folder first, where anything may lie: what we need is beside this package.
    sys.path[0] = __file__.rsplit("/", 2)[0]

import json
import logging
import os
import signal
from collections.abc import Mapping, Sequence

from lockstep_server.flags import parse_settings
from lockstep_server.limits import raise_open_files_limit
from lockstep_server.runtime import Server
from lockstep_server.settings import SettingsError
from lockstep_server.threads import limit_stacks

log = logging.getLogger("lockstep.server")

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run until told to stop. Returns the exit code: 0 after a drain, 2 if the settings cannot work.

    Told a second time, the process ends by that signal.
    """
    # Blocked before any thread starts, so that all threads inherit it and only sigwait takes them. A handler
    # would not do: a signal that strikes another thread does not wake a main thread that waits for a lock.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        settings = parse_settings(arguments, environment)
        console = _log_to_stderr(settings.log_level)
        raise_open_files_limit()
        limit_stacks()
        server = Server(settings)
        server.start()
    except SettingsError as error:
        print(f"lockstep-server: {error}", file=sys.stderr)
        return 2
    print(json.dumps(server.ready), flush=True)
    log.info("ready: %s", ", ".join(f"{it.spec.name} on {it.port}" for it in server.listeners))
    signal.sigwait(_STOP_SIGNALS)
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # a second one ends the server at once
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    log.info("stopping: sessions may go on for %g s", settings.drain_ns / 1e9)
    server.drain()
    log.info("stopped")
    # From here on nobody else logs: a daemon thread that dies while it writes would take stderr's lock along.
    console.acquire()
    return 0


def _log_to_stderr(level: str) -> logging.Handler:
    logging.logThreads = (
        False  # the format names none, and to look it up would leave an entry for each thread
    )
    console = logging.StreamHandler()
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(message)s", handlers=[console]
    )
    return console


def command() -> None:
    """The entry point, `lockstep-server`."""
    sys.exit(main(sys.argv[1:], os.environ))


if __name__ == "__main__":
    command()
