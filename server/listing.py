"""The rows of /connections: which fields there are, and their JSON in pieces.

Hundreds of thousands may be asked for while the server is under load. So the ledger's lock is held for a
copy only, and rows are made and encoded a batch at a time: the JSON encoder keeps the GIL as long as it runs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any

from server.listener import Listener
from server.records import ConnectionRecord

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
    found: list[tuple[ConnectionRecord, Listener]] = []
    dropped = 0
    for listener in listeners:
        records, missing = listener.ledger.connections(since_ns, limit)
        found += [(record, listener) for record in records]
        dropped += missing
    found.sort(key=lambda pair: pair[0].arrival_ns, reverse=True)
    head = {"now_ns": time.monotonic_ns(), "dropped": dropped + max(0, len(found) - limit)}
    pieces = _pieces(_rows(found[:limit], fields))
    return json.dumps(head)[:-1].encode() + b', "connections": [' + b", ".join(pieces) + b"]}\n"


def _rows(found: Sequence[tuple[ConnectionRecord, Listener]], fields: Sequence[str]) -> Iterator[Row]:
    getters: dict[str, Callable[[ConnectionRecord], Any]] = {
        field: attrgetter(_ATTRIBUTES[field]) for field in fields if field in _ATTRIBUTES
    }
    shared = {
        listener: {field: value for field, value in _shared(listener).items() if field in fields}
        for listener in {listener for _, listener in found}
    }
    for record, listener in found:
        yield shared[listener] | {field: get(record) for field, get in getters.items()}


def _shared(listener: Listener) -> Row:
    return {"port": listener.port, "name": listener.spec.name}


def _pieces(rows: Iterator[Row]) -> Iterator[bytes]:
    while batch := list(islice(rows, _BATCH)):
        yield json.dumps(batch)[1:-1].encode()
