"""Exit 0 if this container's worker is connected to its master: an established connection to port 5557.

A worker listens nowhere, so its standing connection is what there is to ask for; a worker that died has none.
"""

from __future__ import annotations

import sys
from pathlib import Path

MASTER_PORT = 5557
ESTABLISHED = "01"
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def connected(table: str) -> bool:
    """Whether a kernel table (the text of /proc/net/tcp) has an established connection to a master."""
    rows = (line.split() for line in table.splitlines()[1:])
    return any(int(row[2].rpartition(":")[2], 16) == MASTER_PORT and row[3] == ESTABLISHED for row in rows)


def main() -> int:
    """Probe, and say in one line what is wrong."""
    if any(connected(table.read_text()) for table in TABLES if table.exists()):
        return 0
    print(f"worker: no connection to a master's port {MASTER_PORT}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
