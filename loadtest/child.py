"""Runs one of our programs as `python -P child.py MODULE ARGUMENTS`; `loadtest/children.py` starts it.

It is started by its path and not by a module's name, which could be somebody else's.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[1])


def main() -> None:
    """Make our packages ours, then be the program."""
    sys.path.insert(0, ROOT)
    from loadtest.ours import pin

    pin()
    sys.path.remove(ROOT)
    # What we need may lie beside us alone, where nothing was installed: there too, but after all the rest.
    sys.path.append(ROOT)
    _, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
