"""Charts drawn by a process of its own, which warms up while the report is still being made of the run.

The renderer is a JavaScript engine that takes a third of a second to start, and draws one chart after
another, holding the interpreter as it does.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType

import vl_convert

from lockstep.children import Program, start
from lockstep.errors import ResultsError

_NOTHING = '{"data": {"values": []}, "mark": "point"}'


class Renderer:
    """A context in which charts can be drawn, once."""

    def __enter__(self) -> Renderer:
        self._process = start(Program.RENDERER, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def draw(self, specifications: Sequence[str]) -> list[str]:
        """Vega-Lite specifications, one line each -> SVG. ResultsError where they cannot be drawn."""
        answer, _ = self._process.communicate("\n".join(specifications))
        if code := self._process.returncode:
            ended = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            raise ResultsError(
                f"the charts could not be drawn: their renderer ended with {ended}, give it more memory "
                "(it reserves some GB of addresses: ulimit -v)"
            )
        return [json.loads(line) for line in answer.splitlines()]


def main() -> None:
    """The process: specifications in, SVG out, both a line each in JSON."""
    vl_convert.vegalite_to_svg(_NOTHING)
    for line in sys.stdin:
        print(json.dumps(vl_convert.vegalite_to_svg(line)))


if __name__ == "__main__":
    main()
