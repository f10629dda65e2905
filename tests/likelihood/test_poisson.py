"""Poisson terms of counts of any size, against the plain formula in extended precision."""

from dataclasses import replace
from math import inf

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from mpmath import mpf

from hftranslate.likelihood import poisson
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import ConstraintTerm, NormFactor, NormSys, ShapeSys
from tests.likelihood.builders import channel, workspace
from tests.likelihood.extended import DIGITS, saturated, term
from tests.likelihood.test_constraints import poisson as constraint

#: What is left of the digits where the logarithm takes over from its series.
EXACT = 1e-12

counts = st.floats(-6.0, 15.0).map(lambda e: 10.0**e)
means = st.floats(-9.0, 16.0).map(lambda e: 10.0**e)


@st.composite
def factors(draw):
    """A scale, a count and a factor: near and far from where they agree, also at the limits of numbers."""
    scale = draw(counts)
    x = draw(st.one_of(st.just(scale), st.just(0.0), counts, st.floats(-8.0, 8.0).map(lambda p: pulled(scale, p))))
    centre = x / scale if x else 1.0
    near = st.tuples(st.floats(-9.0, 1.0), st.booleans()).map(
        lambda p: centre * (1.0 + (-1.0 if p[1] else 1.0) * min(10.0 ** p[0] / (x + 1e-9) ** 0.5, 0.999))
    )
    return scale, x, draw(st.one_of(near, st.floats(-10.0, 10.0).map(lambda e: centre * 10.0**e)))


def pulled(scale, pull):
    """A count that is a number of standard deviations away."""
    return max(scale + pull * scale**0.5, 0.0)


def close(ours, exact, relative=EXACT, absolute=1e-300):
    return abs(mpf(float(ours)) - exact) <= relative * abs(exact) + mpf(absolute)


@given(factors())
@example((1e15, 1e15, 1.0 + 2.0**-52))
@example((1e15, 1e15, 1e-10))
@example((1e15, 0.0, 1e-300))
@example((1e-6, 1e-6, 1e10))
@example((1e15, 1e15 + 3e7, 1.0))
def test_constraint_terms_keep_their_digits(case):
    """Value, gradient and Hessian of a constraint, for the numbers as they are given."""
    scale, x, t = case
    assume(t > 0.0)
    terms, theta, aux = constraint(scale), np.array([t]), np.array([x])
    with mpmath.workdps(DIGITS):
        mean, n = mpf(t) * mpf(scale), mpf(x)
        assert close(terms.excess(theta, aux), term(mean, n) - saturated(n))
        assert close(terms.saturated(aux), saturated(n), absolute=1e-15)
        first, second = terms.derivatives(theta, aux)
        assert close(first[0], mpf(scale) - n / mpf(t))
        assert close(second[0], n / mpf(t) ** 2)
    many = terms.excess_of_many(np.array([[t], [t], [-t]]), aux)
    assert many.tolist() == [terms.excess(theta, aux)] * 2 + [inf]


@given(counts, st.lists(st.tuples(means, st.one_of(st.just(0.0), counts)), min_size=1, max_size=5))
def test_terms_of_all_sizes_beside_each_other(count, others):
    """Which form a term takes does not depend on its neighbours."""
    pairs = [*others, (count, count), (count * (1.0 + 1e-7), count), (0.0, 0.0)]
    mean, x = np.array(pairs).T
    together = poisson.excess(mean, x, mean - x)
    alone = [poisson.excess(m, n, m - n)[0] for m, n in zip(mean[:, None], x[:, None], strict=True)]
    np.testing.assert_array_equal(together, alone)
    assert np.all(together >= 0.0)


def test_neither_tiny_nor_huge_numbers_overflow():
    mean = np.array([1e300, 1e-300, 1e15, 1e-300, 0.0])
    x = np.array([1e-300, 1e300, 1e-320, 1e-300, 0.0])
    found = poisson.excess(mean, x, mean - x)
    assert found[[0, 2, 3, 4]].tolist() == [1e300, 1e15, 0.0, 0.0]
    assert found[1] == inf or found[1] == pytest.approx(1e300 * 1380.5, rel=1e-3)


@given(counts)
def test_saturated_part_is_exact(x):
    with mpmath.workdps(DIGITS):
        assert close(poisson.saturated(np.array([x]))[0], saturated(mpf(x)), 1e-14, 1e-15)


def large_bin(observed, events, tau):
    """One bin of a signal that a factor scales and a background known to ``tau``."""
    return compile_model(
        workspace(
            channel(
                "SR",
                [observed],
                ("signal", [0.25 * events], NormFactor(name="mu")),
                ("background", [0.75 * events], ShapeSys(name="size", data=(0.75 * events / tau**0.5,))),
            )
        )
    )


@example(1e-6, 1e-6, 0.0, 0.0, 0.0)
@given(counts, counts, st.floats(-5.0, 5.0), st.floats(-5.0, 5.0), st.floats(-5.0, 5.0))
def test_a_bin_with_its_constraint(events, tau, of_data, of_signal, of_factor):
    """The likelihood of a model, whose expectation is rounded: as good as that allows."""
    model, data = large_bin(max(events + of_data * events**0.5, 0.0), events, tau)
    theta = np.array([max(1.0 + of_signal / events**0.5, 1e-3), max(1.0 + of_factor / tau**0.5, 1e-3)])
    if model.parameters.names[0] != "mu":
        theta = theta[::-1].copy()
    mu, gamma = (theta[model.parameters.index(n)] for n in ("mu", "size[0]"))
    scale = model.constraints.scale[0]
    value, gradient, hessian = model.expansion(theta, data)
    with mpmath.workdps(DIGITS):
        s, b, n, x = mpf(0.25 * events), mpf(0.75 * events), mpf(float(data.observed[0])), mpf(float(data.auxdata[0]))
        nu, mean = mpf(mu) * s + mpf(gamma) * b, mpf(gamma) * mpf(scale)
        exact = term(nu, n) - saturated(n) + term(mean, x) - saturated(x)
        # rounding of nu, by a few units of the last place, times the slope there
        rounding = 4 * np.finfo(float).eps * nu
        assert abs(value - exact) <= EXACT * exact + rounding * abs(1 - n / nu) + rounding**2 * n / nu**2
        slopes = (s * (1 - n / nu), b * (1 - n / nu) + mpf(scale) - x / mpf(gamma))
        for name, slope, size in (("mu", slopes[0], s), ("size[0]", slopes[1], b)):
            found = gradient[model.parameters.index(name)]
            assert abs(found - slope) <= EXACT * (abs(slope) + size * abs(1 - n / nu)) + rounding * size * n / nu**2
        i, j = model.parameters.index("mu"), model.parameters.index("size[0]")
        assert hessian[i, j] == pytest.approx(float(s * b * n / nu**2), rel=1e-12, abs=1e-300)
        assert hessian[j, j] == pytest.approx(float(b * b * n / nu**2 + x / mpf(gamma) ** 2), rel=1e-12, abs=1e-300)
        full = exact + saturated(n) + saturated(x)
        error = EXACT * (abs(full) + exact) + rounding * abs(1 - n / nu) + rounding**2 * n / nu**2
        # n + 1 in each of the two factorials is rounded by half an eps; near n = 0 the slope of ln n! is digamma(1)
        error += 2 * 0.5 * np.finfo(float).eps * abs(mpmath.digamma(1))
        assert abs(model.logpdf(theta, data) + full) <= error
    assert model.excess_of_many(np.array([theta]), data)[0] == pytest.approx(value, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("deviation", [1.0, 3e3, 3e7, 1e12])
def test_the_slope_of_an_exact_expectation_keeps_its_digits(deviation):
    """Where the expectation is no rounded number, nothing else may round it."""
    events = 2.0**50
    model, data = compile_model(
        workspace(channel("SR", [events + deviation], ("signal", [events], NormFactor(name="mu"))))
    )
    _, gradient = model.excess_and_gradient([1.0], data)
    assert gradient[0] == -deviation


def lognormal(r, size=0.1):
    return compile_model(
        workspace(
            channel(
                "SR",
                [105.0],
                ("signal", [10.0], NormFactor(name="mu")),
                ("background", [100.0], NormSys(name="jes", hi=1.0 + size, lo=1.0 - size)),
            ),
            terms=[ConstraintTerm(name="jes", kind="lognormal", relative_uncertainty=r)],
        )
    )


@pytest.mark.parametrize("r", [1e-9, 1e-7, 1e-4, 0.01, 0.3, 2.0, -0.4])
@pytest.mark.parametrize("alpha", [-4.0, -0.3, 1e-7, 0.0, 0.6, 3.0])
def test_the_effect_of_a_lognormal_term_keeps_its_digits(r, alpha):
    """``((1 + r)^alpha - 1) / r``, in which the digits of a small ``r`` cancel."""
    model, _ = lognormal(r)
    theta = model.parameters.vector(jes=alpha)
    found = model.derived.extend(theta)[-1]
    row = model.derived.jacobian(theta)[0, model.parameters.index("jes")]
    with mpmath.workdps(DIGITS):
        base = 1 + mpf(r)
        assert close(found, (base ** mpf(alpha) - 1) / mpf(r), 4e-15)
        assert close(row, mpmath.log(base) * base ** mpf(alpha) / mpf(r), 1e-14)


def test_constants_of_data_change_nothing_else():
    """The saturated part is a constant of the data: it is the NLL where every mean is its observable."""
    model, data = large_bin(1e9, 1e9, 1e12)
    at = model.parameters.init
    assert model.nll(at, data) == data.saturated_nll
    other = model.data(data.observed, data.auxdata + 1e6)
    assert replace(other, saturated_nll=0.0).saturated_nll == 0.0
    assert model.excess_nll(at, other) == pytest.approx(0.5, rel=1e-5)
