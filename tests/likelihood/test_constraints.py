"""Constraint terms: closed forms, ROOT's truncated normalisation, Asimov expectations."""

from math import inf, log, pi, sqrt

import numpy as np
import pytest
from scipy.stats import norm

from hftranslate.likelihood.constraints import Constraints
from tests.likelihood.differences import difference


def gaussian(width, low=None, high=None):
    truncated = low is not None
    return Constraints(
        n_parameters=1,
        gauss_parameter=np.array([0]),
        gauss_aux=np.array([0]),
        width=np.array([width]),
        low=np.array([low] if truncated else []),
        high=np.array([high] if truncated else []),
        poisson_parameter=np.zeros(0, dtype=np.int64),
        poisson_aux=np.zeros(0, dtype=np.int64),
        scale=np.zeros(0),
    )


def poisson(scale):
    return Constraints(
        n_parameters=1,
        gauss_parameter=np.zeros(0, dtype=np.int64),
        gauss_aux=np.zeros(0, dtype=np.int64),
        width=np.zeros(0),
        low=np.zeros(0),
        high=np.zeros(0),
        poisson_parameter=np.array([0]),
        poisson_aux=np.array([0]),
        scale=np.array([scale]),
    )


def total(terms, theta, aux):
    theta, aux = np.array([theta]), np.array([aux])
    return terms.excess(theta, aux) + terms.saturated(aux)


@pytest.mark.parametrize("width", [1.0, 0.017, 100.0])
@pytest.mark.parametrize("theta", [-3.0, 0.0, 0.7])
def test_gaussian(width, theta):
    expected = (0.4 - theta) ** 2 / (2 * width**2) + log(width * sqrt(2 * pi))
    assert total(gaussian(width), theta, 0.4) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("scale", "aux", "theta"), [(277.7, 277.7, 0.8), (9.0, 9.0, 1.0), (4.0, 3.0, 2.5), (2.5, 0.0, 1.3)]
)
def test_poisson(scale, aux, theta):
    """Continuous in the auxiliary data, as pyhf and ROOT have it: t tau - x ln(t tau) + ln Gamma(x + 1)."""
    from math import lgamma

    mean = theta * scale
    expected = mean - aux * log(mean) + lgamma(aux + 1)
    assert total(poisson(scale), theta, aux) == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_poisson_mean_must_be_positive():
    assert total(poisson(4.0), -0.1, 4.0) == inf
    assert total(poisson(4.0), 0.0, 4.0) == inf
    assert total(poisson(4.0), 0.0, 0.0) == 0.0
    first, second = poisson(4.0).derivatives(np.array([0.0]), np.array([0.0]))
    assert (first[0], second[0]) == (4.0, 0.0)


@pytest.mark.parametrize(
    ("width", "low", "high", "theta"),
    [
        (1.0, -10.0, 10.0, 4.0),
        (0.5, 0.0, 10.0, 1.0),
        (0.6, 0.0, 10.0, 0.05),
        (0.5, 0.0, 6.0, 5.9),
        (100.0, -10.0, 10.0, -3.0),
    ],
)
def test_truncated_gaussian_is_a_density_over_its_range(width, low, high, theta):
    terms = gaussian(width, low, high)
    plain = gaussian(width)
    inside = norm.cdf(high, theta, width) - norm.cdf(low, theta, width)
    assert total(terms, theta, 1.0) - total(plain, theta, 1.0) == pytest.approx(log(inside), rel=1e-10, abs=1e-14)
    x = np.linspace(low, high, 1001)
    density = np.exp([-total(terms, theta, v) for v in x])
    integral = np.sum((density[1:] + density[:-1]) / 2.0) * (x[1] - x[0])
    assert integral == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("theta", [-8.0, -0.5, 0.0, 0.01, 1.0, 4.0, 9.99, 10.0, 12.0])
@pytest.mark.parametrize("terms", [gaussian(0.6, 0.0, 10.0), gaussian(3.0, 0.0, 10.0), gaussian(0.05, 0.0, 10.0)])
def test_derivatives_of_the_truncated_gaussian(terms, theta):
    at, aux = np.array([theta]), np.array([1.0])
    first, second = terms.derivatives(at, aux)
    numeric = difference(lambda t: terms.excess(t, aux), at, 0)
    assert numeric == pytest.approx(first[0], rel=1e-6, abs=1e-5)
    numeric = difference(lambda t: terms.derivatives(t, aux)[0][0], at, 0)
    assert numeric == pytest.approx(second[0], rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("theta", [0.02, 0.3, 1.0, 7.0])
def test_derivatives_of_the_poisson_term(theta):
    terms, at, aux = poisson(9.0), np.array([theta]), np.array([8.0])
    first, second = terms.derivatives(at, aux)
    assert difference(lambda t: terms.excess(t, aux), at, 0, 1e-6) == pytest.approx(first[0], rel=1e-7)
    assert difference(lambda t: terms.derivatives(t, aux)[0][0], at, 0, 1e-6) == pytest.approx(second[0], rel=1e-6)


@pytest.mark.parametrize("theta", [-1e6, -1e3, -50.0, 60.0, 1e3, 1e6])
@pytest.mark.parametrize("width", [0.01, 1.0, 100.0])
def test_far_from_the_range_nothing_overflows(theta, width):
    terms = gaussian(width, 0.0, 10.0)
    at, aux = np.array([theta]), np.array([1.0])
    with np.errstate(all="raise", under="ignore"):
        value = terms.excess(at, aux)
        first, second = terms.derivatives(at, aux)
    assert np.isfinite([value, first[0], second[0]]).all()
    # far outside, what is left is an exponential that falls from the nearest end of the range, of scale
    # width^2 / distance: the NLL of the global observable rises linearly with the distance
    nearest = 0.0 if theta < 0.0 else 10.0
    distance = abs(theta - nearest)
    if distance > 100.0 * width:
        assert first[0] == pytest.approx((nearest - 1.0) / width**2, rel=1e-4, abs=2.0 / distance)


def test_asimov_expectation():
    assert gaussian(0.5).expected(np.array([1.3]), 1) == pytest.approx([1.3])
    assert poisson(9.0).expected(np.array([1.3]), 1) == pytest.approx([11.7])


def test_saturated_value_is_the_least():
    aux = np.array([7.3])
    for terms, best in ((gaussian(0.7), 7.3), (poisson(9.0), 7.3 / 9.0)):
        assert terms.excess(np.array([best]), aux) == pytest.approx(0.0, abs=1e-13)
        assert terms.derivatives(np.array([best]), aux)[0][0] == pytest.approx(0.0, abs=1e-13)
        for other in (0.9 * best, 1.1 * best):
            assert terms.excess(np.array([other]), aux) > 0.0
