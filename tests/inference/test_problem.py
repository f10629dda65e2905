"""The likelihood as a function of its free parameters."""

import numpy as np
import pytest

from hftranslate.inference.descent import descend
from tests.inference.problems import held, problem_of
from tests.inference.test_minima import mirrored
from tests.likelihood.builders import hello_world


def test_what_is_free_and_what_is_not():
    whole = problem_of(*hello_world(), mu=0.7)
    model, data = whole.model, whole.data
    part = held(whole, mu=0.7)
    x = np.array([1.1, 0.9])
    theta = np.array([0.7, 1.1, 0.9])
    np.testing.assert_array_equal(part.full(x), theta)
    np.testing.assert_array_equal(part.full(np.array([x, 2.0 * x])), [theta, [0.7, 2.2, 1.8]])
    assert part.value(x) == model.excess_nll(theta, data)
    np.testing.assert_allclose(part.values(np.array([x])), [part.value(x)], rtol=1e-12)
    np.testing.assert_array_equal(part.gradient(x), model.excess_and_gradient(theta, data)[1][1:])
    value, gradient, hessian = part.expand(x)
    assert value == pytest.approx(part.value(x))
    np.testing.assert_allclose(gradient, part.gradient(x), rtol=1e-12)
    np.testing.assert_allclose(hessian, model.hessian(theta, data)[1:, 1:], rtol=1e-12)
    np.testing.assert_array_equal(part.convex(x), model.convex_hessian(theta, data)[1:, 1:])


def test_bounds_and_sizes():
    problem = problem_of(*hello_world(), mu=2.0)
    np.testing.assert_array_equal(problem.inside(np.array([-1.0, 1.0, 1e9])), [0.0, 1.0, problem.bounds[2, 1]])
    unit = problem.unit(0.1)
    assert unit[0] == pytest.approx(0.2)  # a tenth of where it starts
    np.testing.assert_allclose(unit[1:], problem.model.parameters.width[1:])


def test_distance_to_the_minimum():
    """Of one parameter, to second order; infinite outside the domain; without what a bound holds."""
    problem = held(problem_of(*hello_world()), mu=0.0)
    tau, n, b = (50.0 / 3.0) ** 2, 51.0, 50.0
    # (b gamma - n log gamma) + (tau gamma - tau log gamma) is lowest at:
    best = np.array([(n + tau) / (b + tau), (48.0 + (52.0 / 7.0) ** 2) / (52.0 + (52.0 / 7.0) ** 2)])
    assert problem.edm(best) < 1e-20
    moved = best + np.array([1e-3, 0.0])
    assert problem.edm(moved) == pytest.approx(problem.value(moved) - problem.value(best), rel=1e-2)
    assert problem.edm(np.array([np.nan, 1.0])) == np.inf
    whole = problem_of(*hello_world(), mu=0.0)
    down = whole.gradient(whole.full(np.array([0.0, *best])))[0] > 0.0
    assert down
    assert whole.edm(np.array([0.0, *best])) < 1e-20


def test_from_where_the_function_falls_straight_to_a_minimum():
    """Two valleys are mirror images: points of each belong to their own, none from far above to any."""
    problem = problem_of(*mirrored(0.0, 0.01))
    minima = [descend(problem, np.array([x]), tolerance=1e-8, max_iterations=200) for x in (-0.9, 0.9)]
    points = np.array([end.x for end in minima])
    x = np.concatenate([np.linspace(-1.5, -0.2, 20), np.linspace(0.2, 1.5, 20)])[:, None]
    falls = problem.falls_straight(x, problem.values(x), points, np.array([end.value for end in minima]))
    np.testing.assert_array_equal(falls, (x > 0.0) == (points[:, 0] > 0.0))
    far = np.full(40, minima[0].value + 1e3)
    assert not problem.falls_straight(x, far, points, np.array([end.value for end in minima])).any()
