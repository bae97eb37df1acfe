"""The rows of /connections: the newest first, over several listeners, with the fields that were asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from lockstep_server import listing
from lockstep_server.ledger import Ledger
from lockstep_server.listener import Listener
from lockstep_server.listing import FIELDS, connections_json
from lockstep_server.records import Cause


@dataclass
class Spec:
    name: str


@dataclass
class Books:
    """All of a listener that the listing looks at."""

    port: int
    spec: Spec
    ledger: Ledger = field(default_factory=lambda: Ledger(bound=10))


def listeners() -> list[Listener]:
    free, lock = Books(1, Spec("free")), Books(2, Spec("lock"))
    for arrival_ns in (10, 30, 50):
        record = free.ledger.arrive(f"peer:{arrival_ns}", arrival_ns)
        record.admission_ns, record.release_ns, record.answered = arrival_ns + 1, arrival_ns + 6, 2
        free.ledger.close(record, Cause.PEER, arrival_ns + 7)
    lock.ledger.arrive("peer:40", 40)
    return cast("list[Listener]", [free, lock])


def ask(since_ns: int = 0, limit: int = 100, fields: tuple[str, ...] = FIELDS) -> dict[str, Any]:
    seen: dict[str, Any] = json.loads(connections_json(listeners(), since_ns, limit, fields))
    return seen


def test_rows_have_every_field_unless_told_otherwise() -> None:
    newest, queued = ask()["connections"][:2]
    assert set(newest) == set(queued) == set(FIELDS)
    assert (newest["name"], newest["messages"], newest["cause"]) == ("free", 2, "peer")
    assert (newest["wait_ns"], newest["hold_ns"]) == (1, 5)
    assert (queued["port"], queued["admission_ns"], queued["cause"]) == (2, None, None)


def test_rows_have_only_the_fields_asked_for() -> None:
    seen = ask(fields=("arrival_ns", "name"), limit=2)
    assert seen["connections"] == [{"arrival_ns": 50, "name": "free"}, {"arrival_ns": 40, "name": "lock"}]


@pytest.mark.parametrize("batch", [1, 2, 500])
@pytest.mark.parametrize(
    ("since_ns", "limit", "arrivals", "dropped"),
    [(0, 100, [50, 40, 30, 10], 0), (0, 2, [50, 40], 2), (30, 2, [50, 40], 1), (60, 9, [], 0), (0, 0, [], 4)],
)
def test_the_newest_come_first_however_they_are_batched(
    monkeypatch: pytest.MonkeyPatch, batch: int, since_ns: int, limit: int, arrivals: list[int], dropped: int
) -> None:
    monkeypatch.setattr(listing, "_BATCH", batch)
    seen = ask(since_ns, limit)
    assert ([row["arrival_ns"] for row in seen["connections"]], seen["dropped"]) == (arrivals, dropped)
