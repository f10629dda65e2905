"""The asymptotic formulae against what they stand for: a best fit that is normal around the truth."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hftranslate.inference.asymptotics import (
    BANDS,
    TestStat,
    asymptotic_cls,
    asymptotic_pvalues,
    discovery_pvalue,
    expected_pvalues,
    significance_of,
    tail,
)

Floats = NDArray[np.float64]
STATISTICS: tuple[TestStat, ...] = ("qtilde", "q", "ttilde", "t")
#: Best fits in units of their uncertainty, from far below to far above everything tested here.
GRID = np.linspace(-12.0, 18.0, 600_001)


def by_definition(test_stat: TestStat, mu: float, muhat: Floats) -> Floats:
    """The statistic of a parabolic NLL (CCGV Eqs. 17, 40, 54 and 62) of unit width."""
    t = (mu - muhat) ** 2
    if test_stat.endswith("tilde"):
        t = np.where(muhat < 0.0, mu**2 - 2.0 * mu * muhat, t)
    return np.where(muhat > mu, 0.0, t) if test_stat.startswith("q") else t


def probability(truth: float, where: NDArray[np.bool_]) -> float:
    """Of best fits on part of the grid."""
    density = np.exp(-0.5 * (GRID - truth) ** 2) / np.sqrt(2.0 * np.pi)
    return float(np.sum(density[where]) * (GRID[1] - GRID[0]))


@given(
    test_stat=st.sampled_from(STATISTICS),
    mu=st.floats(min_value=0.2, max_value=5.0),
    observed=st.floats(min_value=-3.0, max_value=7.0),
)
def test_pvalues_are_tails_of_the_distribution(test_stat: TestStat, mu: float, observed: float) -> None:
    q = float(by_definition(test_stat, mu, np.array(observed)))
    clsb, clb = asymptotic_pvalues(q, mu**2, test_stat)
    if q == 0.0 and test_stat in ("q", "qtilde"):  # half of the probability sits at zero, which is not counted there
        assert (clsb, clb) == pytest.approx((0.5, tail(-mu)))
        return
    larger = by_definition(test_stat, mu, GRID) >= q
    assert clsb == pytest.approx(probability(mu, larger), abs=1e-4)
    assert clb == pytest.approx(probability(0.0, larger), abs=1e-4)


@pytest.mark.slow
@given(test_stat=st.sampled_from(STATISTICS), mu=st.floats(min_value=0.2, max_value=5.0))
def test_expectations_are_quantiles(test_stat: TestStat, mu: float) -> None:
    """Where the statistic has the background-only tail of ``Phi(k)``, by the distribution of best fits."""
    clsb, clb, cls = expected_pvalues(mu**2, test_stat)
    assert clb == pytest.approx([tail(-k) for k in BANDS])
    assert list(clsb) == sorted(clsb)
    assert cls == pytest.approx(np.array(clsb) / np.array(clb))
    statistics = by_definition(test_stat, mu, GRID)
    order = np.argsort(statistics)
    below = np.cumsum(np.exp(-0.5 * GRID[order] ** 2)) * (GRID[1] - GRID[0]) / np.sqrt(2.0 * np.pi)
    for k, p, b in zip(BANDS, clsb, clb, strict=True):
        quantile = statistics[order][np.searchsorted(below, 1.0 - b)]
        if quantile > 0.0 or test_stat.startswith("t"):
            assert p == pytest.approx(probability(mu, statistics >= quantile), abs=1e-3)
        else:  # the root of the statistic is not cut off at zero
            assert p == pytest.approx(tail(mu - k))


def test_two_sided_median_of_a_far_away_signal_is_the_asimov_value() -> None:
    """Best fits above the tested value hardly occur then, and nor do those below zero with their linear statistic."""
    clsb, _, _ = expected_pvalues(36.0, "t")
    assert clsb[2] == pytest.approx(2.0 * tail(6.0), rel=1e-6)
    assert expected_pvalues(36.0, "ttilde")[0][2] == pytest.approx(2.0 * tail(6.0), rel=1e-6)


def test_nothing_to_tell_the_hypotheses_apart() -> None:
    for test_stat in STATISTICS:
        assert expected_pvalues(0.0, test_stat)[2] == pytest.approx([1.0] * 5)
        for q in (0.0, 1e-14, 1.0, 1e4):
            assert asymptotic_cls(q, 0.0, test_stat) == pytest.approx(1.0)


@given(
    test_stat=st.sampled_from(STATISTICS),
    q=st.floats(min_value=0.0, max_value=1e5),
    q_asimov=st.floats(min_value=1e-12, max_value=1e5),
)
@example(test_stat="ttilde", q=9346.0, q_asimov=80.0)  # beyond the largest number
def test_the_ratio_of_p_values_beyond_the_range_of_numbers(test_stat: TestStat, q: float, q_asimov: float) -> None:
    """By extended precision, where both p-values are zero in double precision too."""
    with mpmath.workdps(40):
        root, root_a = mpmath.sqrt(q), mpmath.sqrt(q_asimov)
        signal, background = root, root - root_a
        if test_stat.endswith("tilde") and q > q_asimov:
            signal, background = (q + mpmath.mpf(q_asimov)) / (2 * root_a), (q - mpmath.mpf(q_asimov)) / (2 * root_a)
        above, below = (mpmath.ncdf(-x) for x in (signal, background))
        if test_stat.startswith("t"):
            above, below = above + mpmath.ncdf(-root), below + mpmath.ncdf(-root - root_a)
        expected = above / below
    digits = max(1e-9, 1e-15 * float(signal) ** 2)  # the logarithms of both are of the size of this square
    assume(digits < 1e-3)
    assert asymptotic_cls(q, q_asimov, test_stat) == pytest.approx(float(expected), rel=digits, abs=1e-280)


@pytest.mark.parametrize(("z", "p"), [(0.0, 0.5), (1.6448536269514722, 0.05), (5.0, 2.866515718791933e-07)])
def test_significance(z: float, p: float) -> None:
    assert discovery_pvalue(z * z) == pytest.approx(p, rel=1e-9)
    assert significance_of(p) == pytest.approx(z, abs=1e-9)
