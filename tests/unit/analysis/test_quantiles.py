"""Quantiles and tails, against SciPy's."""

from __future__ import annotations

import pytest
from scipy.special import fdtrc, stdtrit

from lockstep.analysis.intervals import fishers_tail, students_quantile

FREEDOMS = (1, 1.37, 2, 3, 4.5, 9, 29, 250, 10_000)


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("probability", [0.5, 0.6, 0.9, 0.975, 0.995, 0.99999, 1 - 1e-9])
def test_students_quantile_is_scipys(freedom: float, probability: float) -> None:
    assert students_quantile(freedom, probability) == pytest.approx(
        stdtrit(freedom, probability), rel=1e-7, abs=1e-12
    )


@pytest.mark.parametrize("freedom", FREEDOMS)
@pytest.mark.parametrize("within", FREEDOMS)
@pytest.mark.parametrize("ratio", [0.0, 1e-3, 0.5, 1, 2.5, 40, 1e6])
def test_fishers_tail_is_scipys(freedom: float, within: float, ratio: float) -> None:
    assert fishers_tail(ratio, freedom, within) == pytest.approx(
        fdtrc(freedom, within, ratio), rel=1e-7, abs=1e-12
    )
