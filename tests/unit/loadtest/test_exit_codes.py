"""What a pipeline is told of a run: what casts more doubt comes first."""

from __future__ import annotations

import pytest

from loadtest.exit_codes import exit_code


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (set(), 0),
        ({"failed"}, 1),
        ({"degraded"}, 3),
        ({"degraded", "failed"}, 3),
        ({"interrupted", "failed"}, 130),
        ({"interrupted", "degraded"}, 130),
        ({"refused", "interrupted", "degraded", "failed"}, 2),
    ],
)
def test_one_code_says_how_a_run_ended(ended: set[str], code: int) -> None:
    names = ("refused", "interrupted", "degraded", "failed")
    assert exit_code(**{name: name in ended for name in names}) == code
