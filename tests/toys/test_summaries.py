"""Summaries of toys: the counts are those of every statistic, and what is expected differs by less than a bin."""

import numpy as np
import pytest
from scipy.stats import norm

from hftranslate.toys.hypotest import toy_test_of
from hftranslate.toys.samples import ToySample
from hftranslate.toys.summaries import WIDTH, ToySummary, toy_test_of_summaries

N = 20_000
#: Distance of the hypotheses in standard deviations.
SHIFT = 2.0
Q_OBSERVED = 3.0


@pytest.fixture(scope="module")
def sample() -> ToySample:
    """Statistics as they are distributed where the estimate is Gaussian: half of those with signal are zero."""
    rng = np.random.default_rng(7)
    signal, background = (np.maximum(rng.normal(mean, 1.0, N), 0.0) ** 2 for mean in (0.0, SHIFT))
    signal[:3] = background[0] = np.nan
    return ToySample(signal=signal, background=background)


def summaries(sample: ToySample, n_parts: int = 1) -> tuple[ToySummary, ToySummary]:
    parts = [
        [ToySummary.of(part, Q_OBSERVED) for part in np.array_split(q, n_parts)]
        for q in (sample.signal, sample.background)
    ]
    signal, background = map(ToySummary.sum, parts)
    return signal, background


def test_the_observed_p_values_are_the_same(sample: ToySample) -> None:
    exact = toy_test_of(sample, 1.0, "q", Q_OBSERVED, 0.1)
    found = toy_test_of_summaries(*summaries(sample, 7), 1.0, "q", Q_OBSERVED, 0.1)
    assert (found.clsb, found.clb, found.cls) == (exact.clsb, exact.clb, exact.cls)
    assert (found.failed_signal, found.failed_background) == (3, 1)


def test_what_is_expected_is_that_of_gaussian_estimates(sample: ToySample) -> None:
    """``CLs+b = 1 - Phi(SHIFT - k)`` and ``CLb = Phi(k)`` at k standard deviations, within the errors of the toys."""
    exact = toy_test_of(sample, 1.0, "q", Q_OBSERVED, 0.1)
    found = toy_test_of_summaries(*summaries(sample), 1.0, "q", Q_OBSERVED, 0.1)
    for k, cls, error, by_every_q in zip(
        (-2, -1, 0, 1), found.cls_exp, found.cls_exp_error, exact.cls_exp, strict=False
    ):
        formula = norm.sf(SHIFT - k) / norm.cdf(k)
        assert abs(cls - formula) < 4.0 * error
        assert abs(cls - by_every_q) < 0.5 * error
    assert found.clb_exp[:4] == pytest.approx(norm.cdf([-2, -1, 0, 1]))
    assert found.cls_exp_error[:4] == pytest.approx(exact.cls_exp_error[:4], rel=0.25)
    assert found.cls_exp[4] == pytest.approx(exact.cls_exp[4], abs=0.02)


def test_moments(sample: ToySample) -> None:
    for q, summary in zip((sample.signal, sample.background), summaries(sample, 3), strict=True):
        assert summary.moments() == pytest.approx((np.nanmean(q), np.nanstd(q)))


def test_an_estimate_beyond_the_tested_value() -> None:
    """All statistics without signal are zero: they exclude nothing."""
    zero = ToySummary.of(np.zeros(50), 0.0)
    found = toy_test_of_summaries(zero, zero, 1.0, "qtilde", 0.0, 2.0)
    assert found.cls_obs == 1.0
    assert found.cls_exp == (1.0,) * 5


def test_round_trip(sample: ToySample) -> None:
    for summary in (*summaries(sample), ToySummary.of(np.zeros(3), 1.0), ToySummary.of(np.array([1e9]), 1.0)):
        again = ToySummary.from_dict(summary.to_dict())
        assert again.to_dict() == summary.to_dict()
        assert again.counts.tolist() == summary.counts.tolist()


def test_a_quantile_lies_in_its_bin() -> None:
    rng = np.random.default_rng(1)
    q = rng.uniform(0.0, 3.0, 5000) ** 2
    summary = ToySummary.of(q, 1.0)
    for p in (0.01, 0.3, 0.9):
        assert abs(summary.exceeded(p) - np.quantile(np.sqrt(q), 1.0 - p)) < WIDTH
        assert abs(summary.fraction_above(summary.exceeded(p)) - p) < 1e-9


@pytest.mark.parametrize(
    "change",
    [{"n": 4}, {"above": 9}, {"counts": "1 -1 2"}, {"counts": "x"}, {"total": None}, {"zero": True}, {"first": 10**6}],
)
def test_what_is_none_is_refused(change: dict[str, object]) -> None:
    good = ToySummary.of(np.array([0.0, 1.0, 2.0]), 1.0).to_dict()
    with pytest.raises((ValueError, TypeError)):
        ToySummary.from_dict({**good, **change})
