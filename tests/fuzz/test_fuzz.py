"""Whatever is said to a server, in whatever pieces, it goes on, and nothing is left of who said it.

FUZZ_SECONDS (5), FUZZ_SESSIONS (0: no more than come in that time) and FUZZ_SEED (by the clock) say how long
and with what; `make fuzz` does so for a minute and 100,000 sessions. A case that fails is kept in corpus/.
"""

from __future__ import annotations

import os
import random
import time

import pytest

from tests.fuzz.cases import Case, another, kept_cases
from tests.fuzz.player import FLAGS, MODES, Player
from tests.support.clients import wait_until
from tests.support.server import ServerProcess

SECONDS = float(os.environ.get("FUZZ_SECONDS", "5"))
SESSIONS = int(os.environ.get("FUZZ_SESSIONS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", time.time_ns()))

_WARM_UP = 500
_GROWTH_KIB = 16_384


def test_every_kept_case_is_answered_in_every_mode() -> None:
    with ServerProcess(*MODES, flags=FLAGS) as server:
        player = Player(server)
        for case in kept_cases():
            for mode in MODES:
                player.play(case, mode)
        player.check_server()


def test_after_any_fuzz_the_server_serves_its_books_are_exact_and_nothing_is_left_of_it() -> None:
    dice, kept = random.Random(SEED), kept_cases()
    with ServerProcess(*MODES, flags=FLAGS) as server:
        player = Player(server)
        for _ in range(_WARM_UP):
            play(player, another(dice, kept), dice.choice(MODES))
        player.check_server()
        resources, memory_kib = player.resources(), player.memory_kib()
        end_s = time.monotonic() + SECONDS
        while time.monotonic() < end_s or player.sessions.total() < SESSIONS:
            play(player, another(dice, kept), dice.choice(MODES))
        player.check_server()
        wait_until(lambda: player.resources() <= resources)
        assert player.memory_kib() < memory_kib + _GROWTH_KIB
        print(f"fuzz: {player.sessions.total()} sessions, seed {SEED}; ", end="")
        print(f"memory {memory_kib} KiB before and {player.memory_kib()} KiB after")


def play(player: Player, case: Case, mode: str) -> None:
    try:
        player.play(case, mode)
    except (AssertionError, OSError) as error:
        pytest.fail(f"FUZZ_SEED={SEED}, kept as {case.keep()}: {error}")
