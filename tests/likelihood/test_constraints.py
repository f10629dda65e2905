"""Constraint terms: closed forms, ROOT's truncated normalisation, Asimov expectations."""

from dataclasses import replace
from math import inf, log, pi, sqrt

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma as gamma_function
from scipy.stats import gamma as gamma_distribution
from scipy.stats import norm

from hftranslate.likelihood.constraints import Constraints
from tests.likelihood.differences import difference

NONE = np.zeros(0)
NOWHERE = np.zeros(0, dtype=np.int64)
EMPTY = Constraints(
    n_parameters=1,
    gauss_parameter=NOWHERE,
    gauss_aux=NOWHERE,
    width=NONE,
    low=NONE,
    high=NONE,
    poisson_parameter=NOWHERE,
    poisson_aux=NOWHERE,
    scale=NONE,
    gamma_parameter=NOWHERE,
    gamma_aux=NOWHERE,
    gamma_scale=NONE,
)
FIRST = np.array([0])


def gaussian(width, low=None, high=None):
    limits = {} if low is None else {"low": np.array([low]), "high": np.array([high])}
    return replace(EMPTY, gauss_parameter=FIRST, gauss_aux=FIRST, width=np.array([width]), **limits)


def poisson(scale):
    return replace(EMPTY, poisson_parameter=FIRST, poisson_aux=FIRST, scale=np.array([scale]))


def gamma(r):
    return replace(EMPTY, gamma_parameter=FIRST, gamma_aux=FIRST, gamma_scale=np.array([r * r]))


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


@pytest.mark.parametrize("r", [0.2, 0.4, 1.5])
@pytest.mark.parametrize("beta", [0.03, 0.4, 1.0, 7.0])
def test_gamma(r, beta):
    """ROOT's: the density of beta with shape nom + 1 and scale r^2, normalised over nom in [0, 10]."""
    nom = min(1.0 / r**2, 10.0)

    def density(y):
        return gamma_distribution.pdf(beta, y + 1.0, scale=r * r)

    norm_of_range = quad(density, 0.0, 10.0, epsabs=0.0, epsrel=1e-12)[0]
    assert total(gamma(r), beta, nom) == pytest.approx(-log(density(nom)) + log(norm_of_range), rel=1e-10, abs=1e-10)


def test_gamma_outside_its_range():
    terms = gamma(0.4)
    assert total(terms, 0.0, 6.25) == inf
    assert total(terms, -1.0, 6.25) == inf


@pytest.mark.parametrize("r", [0.2, 0.4])
def test_derivatives_of_gamma(r):
    terms, aux = gamma(r), np.array([min(1.0 / r**2, 10.0)])
    for beta in (0.2, 1.0, 3.0):
        theta = np.array([beta])
        first, second = terms.derivatives(theta, aux)
        slope = difference(lambda t: terms.excess(t, aux), theta, 0)
        bend = difference(lambda t: terms.derivatives(t, aux)[0][0], theta, 0)
        np.testing.assert_allclose(first, slope, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(second, bend, rtol=1e-6, atol=1e-7)
        response = difference(lambda x: terms.derivatives(theta, x)[0][0], aux, 0)  # noqa: B023
        np.testing.assert_allclose(terms.response(theta, 1)[0], response, rtol=1e-6)


def test_observables_of_gamma():
    terms = gamma(0.5)
    assert terms.expected(np.array([1.2]), 1)[0] == pytest.approx(4.8)
    assert terms.expected(np.array([9.0]), 1)[0] == 10.0  # not beyond the range of the observable
    drawn = terms.sample(np.array([1.2]), 1, 20_000, np.random.default_rng(1))[:, 0]
    y = np.linspace(0.0, 10.0, 2001)
    weights = 4.8**y / gamma_function(y + 1.0)
    mean = (weights @ y) / weights.sum()
    assert drawn.mean() == pytest.approx(mean, abs=5.0 * drawn.std() / np.sqrt(20_000))
    assert 0.0 <= drawn.min() < drawn.max() <= 10.0


def test_terms_of_one_parameter_add_up_at_many_points_as_at_one():
    twice = np.array([0, 2, 0])
    terms = replace(
        EMPTY, n_parameters=3, gauss_parameter=twice, gauss_aux=np.arange(3), width=np.array([0.5, 2.0, 1.25])
    )
    thetas, aux = np.array([[0.3, 7.0, -1.0], [-0.2, 0.0, 0.4]]), np.array([0.1, 0.2, -0.6])
    gradients, diagonals = terms.derivatives(thetas, aux)
    for theta, gradient, diagonal in zip(thetas, gradients, diagonals, strict=True):
        by_hand = (theta[0] - 0.1) / 0.25 + (theta[0] + 0.6) / 1.5625
        assert gradient == pytest.approx([by_hand, 0.0, (theta[2] - 0.2) / 4.0], rel=1e-14)
        assert diagonal == pytest.approx([4.0 + 0.64, 0.0, 0.25], rel=1e-14)
        np.testing.assert_allclose(terms.derivatives(theta, aux)[0], gradient, rtol=1e-14)
