"""What messages without a reply do to those beside them: MQTT's pings with such messages and without."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench import services
from bench.experts import Load, lockstep_run
from bench.findings import Finding
from bench.processes import ON_SERVER_CORE
from bench.ratio import Better, Ratio, ratios_in_turn
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

        def told(loads: list[list[Load]]) -> list[Ratio]:
            beside, alone = ([load.p50_us for load in side] for side in loads)
            return [Ratio(NAME, "µs, median", beside, alone, WANTED, Better.LOWER)]

        dialogues = ("mqtt_pings_beside.toml", "mqtt_pings.toml")
        yield from ratios_in_turn([partial(measured, each) for each in dialogues], settings, told)
