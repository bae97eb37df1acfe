"""The rows of /connections: which fields there are, and their JSON in pieces.

Hundreds of thousands may be asked for while the server is under load. So the ledger's lock is held for a
copy only, and rows are made and encoded a batch at a time: the JSON encoder keeps the GIL as long as it runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

from lockstep_server.listener import Listener
from lockstep_server.records import ConnectionRecord

Row = dict[str, Any]

_BATCH = 500

_ATTRIBUTES = {
    "id": "id",
    "peer": "peer",
    "arrival_ns": "arrival_ns",
    "admission_ns": "admission_ns",
    "release_ns": "release_ns",
    "close_ns": "close_ns",
    "cause": "cause",
    "messages": "answered",
    "bytes_received": "bytes_received",
    "bytes_sent": "bytes_sent",
    "wait_ns": "wait_ns",
    "hold_ns": "hold_ns",
}

FIELDS = ("id", "port", "name", *list(_ATTRIBUTES)[1:])


def connections_json(
    listeners: Sequence[Listener], since_ns: int, limit: int, fields: Sequence[str] = FIELDS
) -> bytes:
    """The body of GET /connections: newest first over all the listeners given. fields: out of FIELDS."""
    rows: list[Iterator[tuple[int, Row]]] = []
    found = dropped = 0
    for listener in listeners:
        records, missing = listener.ledger.connections(since_ns, limit)
        rows.append(_rows(listener, records, fields))
        found += len(records)
        dropped += missing
    newest_first = merge(*rows, key=itemgetter(0), reverse=True)
    pieces = _pieces(row for _, row in islice(newest_first, limit))
    head = {"now_ns": time.monotonic_ns(), "dropped": dropped + max(0, found - limit)}
    return json.dumps(head)[:-1].encode() + b', "connections": [' + b", ".join(pieces) + b"]}\n"


def _rows(
    listener: Listener, records: Iterable[ConnectionRecord], fields: Sequence[str]
) -> Iterator[tuple[int, Row]]:
    """Each record's arrival, and its row."""
    shared = {field: value for field, value in _shared(listener).items() if field in fields}
    getters = [(field, attrgetter(_ATTRIBUTES[field])) for field in fields if field in _ATTRIBUTES]
    for record in records:
        yield record.arrival_ns, shared | {field: get(record) for field, get in getters}


def _shared(listener: Listener) -> Row:
    return {"port": listener.port, "name": listener.spec.name}


def _pieces(rows: Iterator[Row]) -> Iterator[bytes]:
    while batch := list(islice(rows, _BATCH)):
        yield json.dumps(batch)[1:-1].encode()
