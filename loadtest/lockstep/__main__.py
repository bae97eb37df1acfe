"""`lockstep compare | report | diff | ...`: the entry point."""

from __future__ import annotations

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `-m` looks into the working folder first, where anything may lie: what we need is beside this package.
    sys.path[0] = __file__.rsplit("/", 2)[0]

from lockstep.stopping import ending_in_a_line


def main() -> None:
    """The entry point: whatever ends it is told in one line, a signal too."""
    with ending_in_a_line():
        # What the commands bring in takes a while: whoever stops it meanwhile is to see no trace.
        from lockstep.commands.program import run_program

        code = run_program()
    sys.exit(code)


if __name__ == "__main__":
    main()
