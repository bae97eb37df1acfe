"""Documents of earlier versions, as this one has them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lockstep.runs.records import CLIENT_TIMES, PLAIN_TARGET, SCHEMA, SERVER_TIMES, Mode

_PERMITS = {"free": None, "lock": 1, "semaphore": 1, "ticket": 1, "queue": 1, "iterative": 1}
_WITHOUT_THREADS = ("queue", "iterative")


def from_schema_3(document: dict[str, Any]) -> dict[str, Any]:
    """The document as schema 4 has it. What is damaged stays as it is, for whoever looks at every field."""
    cells = document.get("cells")
    if not isinstance(cells, list):
        return document
    names = [cell["mode"] for cell in cells if isinstance(cell, dict) and isinstance(cell.get("mode"), str)]
    return {
        **document,
        "cells": [_cell(cell) if isinstance(cell, dict) else cell for cell in cells],
        "modes": {name: asdict(mode_named(name)) for name in dict.fromkeys(names)},
        "schema": SCHEMA,
    }


def with_targets(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its one service, if that was no Lockstep server, among its targets, by its mode."""
    service = document.get("target")
    if not isinstance(service, dict):
        return document
    rest = {name: value for name, value in document.items() if name != "target"}
    if not service:
        return rest
    record = {
        "url": f"tcp://{service.get('address')}",
        **{name: service.get(name) for name in ("framing", "reply")},
    }
    return {**rest, "targets": {PLAIN_TARGET: record}}


def mode_named(name: str) -> Mode:
    """What a listener of the name `MODE[=N][/SCOPE]` did; of any other name nothing is known."""
    what, _, scope = name.partition("/")
    kind, _, count = what.partition("=")
    if kind not in _PERMITS:
        return Mode()
    permits = int(count) if count.isdecimal() else _PERMITS[kind]
    return Mode(permits, scope or "connection", kind not in _WITHOUT_THREADS)


def _cell(cell: dict[str, Any]) -> dict[str, Any]:
    moved = _with_times(cell, CLIENT_TIMES)
    server = cell.get("server")
    if isinstance(server, dict):
        by_message = mode_named(str(cell.get("mode"))).by_message
        holders = server.get("answered" if by_message else "accepted", 0)
        moved["server"] = {**_with_times(server, SERVER_TIMES), "holders": holders}
    return moved


def _with_times(record: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    fields = {f"{name}_us": name for name in names}
    times = {fields[field]: value for field, value in record.items() if field in fields and value is not None}
    return {**{field: value for field, value in record.items() if field not in fields}, "times": times}
