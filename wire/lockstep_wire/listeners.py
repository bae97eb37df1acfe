"""What a `lockstep-server` offers unless it is told otherwise; both ends know it."""

from __future__ import annotations

# A mode as its listener is named -> its port.
USUAL_LISTENERS = {
    "free": 8888,
    "lock": 8889,
    "semaphore=4": 8890,
    "queue=1": 8891,
    "iterative": 8892,
    "ticket": 8893,
    "lock/message": 8894,
}
