"""Pulses for tests of what the master makes of them."""

from __future__ import annotations

from typing import Any

from lockstep.control import Pulse
from lockstep.master.live import Received
from lockstep.record.pulse import BUCKETS, BUCKETS_PER_DECADE
from tests.factories.units import S


def pulse(worker: str = "w1", answered: int = 100, cell: int = 0, **more: Any) -> Pulse:
    """One second of a worker on one connection, whose answers took about 1 ms each."""
    responses = [0] * BUCKETS
    responses[2 * BUCKETS_PER_DECADE] = answered
    plain = {"timed": 0, "network_ns": 0, "wait_ns": 0, "service_ns": 0, "connections": 1, "failures": {}}
    named = {
        "run_id": "run",
        "cell": cell,
        "mode": "lock",
        "worker": worker,
        "span_ns": S,
        "answered": answered,
    }
    return Pulse(**{**named, "responses": responses, **plain, **more})


def came(at_s: float, told: Pulse) -> Received:
    """A pulse that came so many seconds after 0."""
    return Received(round(at_s * S), told)
