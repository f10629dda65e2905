"""Distributions of test statistics, and their asymptotic form."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from hftranslate import plots
from hftranslate.errors import InputError
from hftranslate.inference.hypotest import asymptotic_pvalues
from hftranslate.plots.distributions import asymptotic_distribution


@pytest.mark.parametrize("test_stat", ["q", "qtilde"])
@pytest.mark.parametrize("q", [0.3, 2.0, 9.0])
def test_the_distribution_gives_the_p_values_of_the_tests(test_stat: str, q: float) -> None:
    asimov = 3.0
    clsb, clb = asymptotic_pvalues(q, asimov, test_stat)  # type: ignore[arg-type]
    for p, shift in ((clsb, 0.0), (clb, np.sqrt(asimov))):
        assert 1.0 - asymptotic_distribution([q], shift, asimov, test_stat)[0] == pytest.approx(p, rel=1e-9)


def test_the_distribution_is_that_of_a_gaussian_estimator() -> None:
    """q-tilde of muhat ~ N(mu', sigma), by integration over muhat."""
    mu, sigma, true = 1.0, 0.6, 0.3

    def q_of(muhat: float) -> float:
        best = max(muhat, 0.0)
        if best > mu:
            return 0.0
        return (mu - muhat) ** 2 / sigma**2 - ((muhat - best) / sigma) ** 2

    for q in (0.5, 2.0, 4.0):
        below = quad(lambda m: float(q_of(m) <= q) * norm.pdf(m, true, sigma), -5.0, 5.0, limit=2000)[0]  # noqa: B023
        found = asymptotic_distribution([q], (mu - true) / sigma, (mu / sigma) ** 2, "qtilde")[0]
        assert found == pytest.approx(below, abs=2e-3)


def test_histograms() -> None:
    rng = np.random.default_rng(2)
    with_signal, without = rng.normal(size=4000) ** 2, rng.normal(2.0, 1.0, size=3000) ** 2
    figure = plots.toys([*with_signal, np.nan], without, 3.5, asimov=4.0, bins=25)
    axes = figure.axes[0]
    texts = [t.get_text() for t in axes.get_legend().get_texts()]
    assert texts == [
        "background only, 3000 toys",
        "signal + background, 4000 toys",
        "observed, 3.5",
        "background only, asymptotic",
        "signal + background, asymptotic",
    ]
    background, filled, signal = axes.patches[:3]
    values, edges, _ = background.get_data()
    assert len(values) == 25
    inside = np.mean((without >= edges[0]) & (without <= edges[-1]))
    assert np.sum(values * np.diff(edges)) == pytest.approx(inside)
    np.testing.assert_array_equal(filled.get_data()[0], values)
    assert signal.get_data()[0][0] > values[0]
    observed = axes.lines[0]
    assert set(observed.get_xdata()) == {3.5}  # type: ignore[arg-type]
    assert axes.get_yscale() == "log"
    assert axes.get_xlabel() == r"$\tilde{q}_\mu$"
    plain = plots.toys(with_signal, without, 3.5, test_stat="q").axes[0]
    assert plain.get_xlabel() == r"$q_\mu$"
    assert len(plain.patches) == 4  # no asymptotic curves


def test_asymptotic_curves_hold_the_point_mass_at_zero() -> None:
    axes = plots.toys([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], 1.0, asimov=4.0).axes[0]
    signal = axes.patches[-1]
    values, edges, _ = signal.get_data()
    assert values[0] * edges[1] == pytest.approx(norm.cdf(np.sqrt(edges[1])))


def test_without_toys() -> None:
    with pytest.raises(InputError, match="no pseudo-experiments"):
        plots.toys([np.nan], [1.0], 1.0)


def test_no_half_of_the_picture_is_empty() -> None:
    rng = np.random.default_rng(8)
    with_signal, without = rng.chisquare(1, 5000), rng.noncentral_chisquare(1, 6.0, 5000)
    without[0] = 500.0  # far from all others
    axes = plots.toys(with_signal, without, 4.0, asimov=6.0).axes[0]
    left, right = axes.get_xlim()
    middle = 0.5 * (left + right)
    assert np.mean(without > middle) > 0.01
    low, high = axes.get_ylim()
    values = np.concatenate([p.get_data().values for p in axes.patches])
    drawn = np.log(values.max() / low) / np.log(high / low)
    assert 0.7 < drawn < 0.9
    box = axes.get_legend().get_window_extent()
    assert axes.transAxes.inverted().transform(box)[0][1] > drawn - 0.03  # the legend covers nothing
