"""The shipped scenarios as a table: what is known of each before its load."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is known of a scenario before its load; what its users do is a function in worker/scenarios.py.

    keeps_connection: whether connections stay open, so that an iteration is a message, not a session.
    messages: how many one iteration sends, None where the plan says how many.
    in_turn: whether a user has one message under way at any time, so that counting users counts messages.
    endless: whether one iteration lasts as long as the cell: nothing can be due, and no turn be taken.
    waits: whether a user waits for its peer in each iteration; else it has to let others run.
    sends, answered: whether the client speaks, and whether what it says is replied to.
    server: flags and their values of a Lockstep server that is started for it.
    of_a_file: whether what its users do stands in a user's own file, so that nobody chooses it by name.
    heeds: which of MESSAGE_SETTINGS make a difference to its users.
    """

    keeps_connection: bool = False
    messages: int | None = 1
    in_turn: bool = True
    endless: bool = False
    waits: bool = True
    sends: bool = True
    answered: bool = True
    server: Mapping[str, str] = field(default_factory=dict)
    of_a_file: bool = False
    heeds: tuple[str, ...] = ("payload_bytes",)

    @property
    def room_for_heartbeats(self) -> bool:
        """Whether there are moments between messages on a connection that stays."""
        return self.keeps_connection and not self.endless and not self.of_a_file


MESSAGE_SETTINGS = ("messages", "payload_bytes", "depth")
"""What is set of messages, by the names of a Traffic's fields: no scenario heeds all of it."""
SCENARIOS = {
    "session": Scenario(messages=None, heeds=("messages", "payload_bytes")),
    "greeting": Scenario(heeds=()),
    "persistent": Scenario(keeps_connection=True),
    "pipelined": Scenario(
        keeps_connection=True, in_turn=False, endless=True, heeds=("payload_bytes", "depth")
    ),
    "send-only": Scenario(
        keeps_connection=True, in_turn=False, waits=False, answered=False, server={"reply": "none"}
    ),
    "receive-only": Scenario(
        keeps_connection=True, endless=True, sends=False, server={"push": "10ms"}, heeds=()
    ),
    # When its users open connections is theirs to say, and whether they rest: only messages are counted on.
    "file": Scenario(keeps_connection=True, in_turn=False, of_a_file=True, heeds=()),
}
OF_A_FILE = "file"
HEARTBEAT = "heartbeat"
"""What messages are called that only ask whether the peer is there."""
SHIPPED_SCENARIOS = tuple(name for name, scenario in SCENARIOS.items() if not scenario.of_a_file)


def keeps_connection(scenario: str) -> bool:
    """Whether a scenario's connections stay open; those of one that is not known are taken not to."""
    return scenario in SCENARIOS and SCENARIOS[scenario].keeps_connection


def heeds(scenario: str, setting: str, beside: str = "") -> bool:
    """Whether a setting makes a difference to a scenario's users; to those of one that is not known it does.

    beside: whom they have beside them, who send payloads of the same size.
    """
    if setting not in MESSAGE_SETTINGS or scenario not in SCENARIOS:
        return True
    return setting in SCENARIOS[scenario].heeds or (setting == "payload_bytes" and bool(beside))


def answered(scenario: str) -> bool:
    """Whether a scenario's messages are replied to; those of one that is not known are taken to be."""
    return scenario not in SCENARIOS or SCENARIOS[scenario].answered


def sends(scenario: str) -> bool:
    """Whether a scenario's users say anything; those of one that is not known are taken to."""
    return scenario not in SCENARIOS or SCENARIOS[scenario].sends
