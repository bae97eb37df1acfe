"""Every test, in two processes: one computes, one mostly waits for servers, browsers and containers.

The one that computes is nice, so that what the other measures is not disturbed. Ends with 1 if either fails.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

_PYTEST = (sys.executable, "-m", "pytest")
# They measure nothing and start little; the rest may need the machine to itself.
COMPUTES = ("tests/unit", "tests/golden")


def main() -> int:
    """Show the tests that wait as they run, and after their end what the others said."""
    with tempfile.TemporaryFile() as shown:
        computing = subprocess.Popen(
            [*_PYTEST, *COMPUTES], stdout=shown, stderr=shown, preexec_fn=lambda: os.nice(10)
        )
        try:
            waited = subprocess.run([*_PYTEST, *(f"--ignore={folder}" for folder in COMPUTES)], check=False)
            computed = computing.wait()
        finally:
            computing.kill()
            computing.wait()
        shown.seek(0)
        print(shown.read().decode(errors="replace"), flush=True)
    return int(bool(waited.returncode or computed))


if __name__ == "__main__":
    sys.exit(main())
