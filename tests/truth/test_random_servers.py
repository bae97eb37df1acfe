"""Random servers against the client, over both links: nothing booked that the server does not know of.

`TRUTH_CASES=200000 TRUTH_SEED=7 pytest tests/truth/test_random_servers.py` plays more, or others. What fails
names its case; `TRUTH_CASE=1234` plays that one alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.truth.oracle import complaints
from tests.truth.player import LINKS, Theatre, theatre
from tests.truth.random_cases import kinds, make_case
from tests.truth.story import story

CASES = int(os.environ.get("TRUTH_CASES", "20000"))
SEED = int(os.environ.get("TRUTH_SEED", "1"))
ONE = os.environ.get("TRUTH_CASE")
# So many are told of when a test fails; the rest is a number.
MOST_TOLD = 3


@pytest.fixture(scope="module")
def stage() -> Iterator[Theatre]:
    with theatre(SEED) as stage:
        yield stage


@pytest.mark.timeout(60 + CASES // 20)
@pytest.mark.parametrize("link", LINKS)
def test_whatever_a_server_does_every_message_is_booked_once_and_as_it_was(stage: Theatre, link: str) -> None:
    numbers = [int(ONE)] if ONE else range(CASES // len(LINKS))
    wrong = [(played, found) for played in stage.play(link, numbers) if (found := complaints(played))]
    told = [
        f"{story(played)}\n"
        + "\n".join(found)
        + f"\nagain: TRUTH_SEED={SEED} TRUTH_CASE={played.case.number}"
        for played, found in wrong[:MOST_TOLD]
    ]
    assert not wrong, f"{len(wrong)} of {len(numbers)} cases are told wrong:\n\n" + "\n\n".join(told)


def test_among_the_cases_is_everything_that_a_server_can_do() -> None:
    assert kinds([make_case(SEED, number) for number in range(2_000)]) == {
        *("right", "pieces", "drip", "double", "double_apart", "extra", "extra_later", "wrong", "garbage"),
        *(
            "no_header",
            "too_long",
            "half_fin",
            "half_close",
            "half_reset",
            "fin",
            "close",
            "reset",
            "right_fin",
        ),
        *("right_close", "right_reset", "silence", "half_silence", "late", "slow_drip"),
    }
