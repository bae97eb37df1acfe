"""A process of its own that watches a server beside the load: told whom by lines, and tells by lines.

It gets a line of JSON for each cell: {"pid": 123, "port": 8888, "every_s": 0.2}; `null` ends it. It answers
with a Watched a line, times as milliseconds of the monotonic clock, and `null` after the last;
{"trouble": "..."} is why nothing more can be seen.
"""

from __future__ import annotations

import json
import os
import select
import sys
import time
from dataclasses import asdict
from typing import Any

from lockstep.watch.sampler import CannotWatchError, Sampler

# It may take one part in so many of a core, however many threads there are.
CORE_SHARE = 30
_STDIN = 0
_ROOM = 4_096


class Watch:
    """Who is watched now, if anybody is, and when the next look is due."""

    def __init__(self) -> None:
        self._sampler: Sampler | None = None
        self._every_s = self._due_s = 0.0

    @property
    def wait_s(self) -> float | None:
        """Until the next look; None where nobody is watched."""
        return None if self._sampler is None else max(self._due_s - time.monotonic(), 0.0)

    def obey(self, order: dict[str, Any] | None) -> None:
        """What there is since the last look is told before anybody else is looked at."""
        self.look()
        self._sampler = None
        if order is None:
            tell(None)
            return
        self._every_s = order["every_s"]
        self._due_s = time.monotonic() + self._every_s
        try:
            self._sampler = Sampler(order["pid"], order["port"])
        except CannotWatchError as trouble:
            tell({"trouble": str(trouble)})

    def look(self) -> None:
        """Tell what became of it, if anybody is watched."""
        if self._sampler is None:
            return
        began_s = time.process_time()
        try:
            tell(asdict(self._sampler.sample()))
        except CannotWatchError as trouble:
            self._sampler = None
            tell({"trouble": str(trouble)})
        rest_s = CORE_SHARE * (time.process_time() - began_s)
        self._due_s = max(self._due_s + self._every_s, time.monotonic() + rest_s)


def main() -> None:
    """Until nobody orders any more."""
    watch = Watch()
    unread = b""
    while True:
        if not select.select([_STDIN], [], [], watch.wait_s)[0]:
            watch.look()
            continue
        told = os.read(_STDIN, _ROOM)
        if not told:
            return
        *lines, unread = (unread + told).split(b"\n")
        for line in lines:
            watch.obey(json.loads(line))


def tell(what: dict[str, Any] | None) -> None:
    """A line."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
