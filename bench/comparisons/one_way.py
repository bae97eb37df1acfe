"""What messages without a reply do to those beside them: MQTT's pings with such messages and without."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench import services
from bench.experts import Load, lockstep_run
from bench.findings import Finding
from bench.processes import ON_SERVER_CORE
from bench.ratio import Better, Ratio, in_turn
from bench.settings import Settings, say

CONNECTIONS = 4
NAME = f"MQTT pings, {CONNECTIONS} connections: with / without messages of QoS 0 between them"
WANTED = 1.1


def compare(settings: Settings) -> Iterator[Finding]:
    """The same broker, in turn."""
    with services.mosquitto(ON_SERVER_CORE) as port:

        def measured(dialogue: str, turn: int) -> Load:
            load = lockstep_run(dialogue, port, CONNECTIONS, settings.seconds)
            say(f"one-way {turn + 1}: {dialogue}: {load.told()}")
            return load

        dialogues = ("mqtt_pings_beside.toml", "mqtt_pings.toml")
        beside, alone = in_turn([partial(measured, each) for each in dialogues], settings.pairs)
    medians = [[load.p50_us for load in side] for side in (beside, alone)]
    yield Ratio(NAME, "µs, median", medians[0], medians[1], WANTED, Better.LOWER)
