"""The bounded Newton method on functions with known minima."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from hftranslate.inference.newton import _interpolated, newton

INF = np.inf


def run(function, start, low=None, high=None, tolerance=1e-12, max_iterations=200):
    """``function`` returns value, gradient and Hessian."""
    start = np.asarray(start, dtype=float)
    low = np.full(start.shape, -INF) if low is None else np.asarray(low, dtype=float)
    high = np.full(start.shape, INF) if high is None else np.asarray(high, dtype=float)
    return newton(
        Wrapped(function),
        start,
        low,
        high,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )


@dataclass
class Wrapped:
    function: Callable[[np.ndarray], tuple[float, np.ndarray, np.ndarray]]

    def expand(self, x):
        return self.function(x)

    def value(self, x):
        return self.function(x)[0]

    def value_and_gradient(self, x):
        return self.function(x)[:2]

    def convex(self, x):
        return without_negative_eigenvalues(self.function(x)[2])


def without_negative_eigenvalues(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 0.0)) @ vectors.T


def quadratic(matrix, centre):
    matrix, centre = np.asarray(matrix, dtype=float), np.asarray(centre, dtype=float)

    def function(x):
        d = x - centre
        return 0.5 * float(d @ matrix @ d), matrix @ d, matrix

    return function


def rosenbrock(x):
    a, b = x
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    hessian = np.array([[2 - 400 * (b - 3 * a * a), -400 * a], [-400 * a, 200.0]])
    return value, gradient, hessian


SKEW = [[2.0, 1.5], [1.5, 3.0]]


def test_quadratic_takes_one_step():
    result = run(quadratic(SKEW, [3.0, -1.0]), [10.0, 10.0])
    assert result.reason == "converged"
    assert result.iterations <= 2
    np.testing.assert_allclose(result.x, [3.0, -1.0], atol=1e-10)


@pytest.mark.parametrize("start", [[0.0, 0.0], [2.0, 2.0], [1.0, -5.0]])
def test_quadratic_with_an_active_bound(start):
    """With x <= 1 active, y minimises the rest: y = -1 - 1.5 (1 - 3) / 3 = 0."""
    result = run(quadratic(SKEW, [3.0, -1.0]), start, [-2.0, -5.0], [1.0, 5.0])
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-10)


def test_a_bound_is_left_again():
    result = run(quadratic(SKEW, [0.5, 0.5]), [0.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    np.testing.assert_allclose(result.x, [0.5, 0.5], atol=1e-10)


def test_all_parameters_at_bounds():
    result = run(quadratic(SKEW, [9.0, 9.0]), [0.0, 0.0], [0.0, 0.0], [1.0, 1.0])
    assert result.reason == "converged"
    np.testing.assert_array_equal(result.x, [1.0, 1.0])
    assert result.edm == 0.0


@pytest.mark.parametrize("start", [[-1.2, 1.0], [5.0, -3.0], [0.0, 0.0]])
def test_rosenbrock(start):
    result = run(rosenbrock, start)
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [1.0, 1.0], atol=1e-7)


def test_rosenbrock_with_bounds():
    """With x <= 1/2 the minimum lies at (1/2, 1/4)."""
    result = run(rosenbrock, [-1.2, 1.0], [-2.0, -2.0], [0.5, 2.0])
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [0.5, 0.25], atol=1e-7)


def test_starting_points_are_brought_inside():
    result = run(quadratic(SKEW, [0.5, 0.5]), [7.0, -7.0], [0.0, 0.0], [1.0, 1.0])
    np.testing.assert_allclose(result.x, [0.5, 0.5], atol=1e-10)


def test_direction_without_curvature():
    """A parameter that the function does not feel stays where it was."""
    result = run(quadratic([[2.0, 0.0], [0.0, 0.0]], [3.0, 0.0]), [1.0, 0.7])
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [3.0, 0.7], atol=1e-8)


def test_degenerate_valley():
    result = run(quadratic([[1.0, 1.0], [1.0, 1.0]], [1.0, 1.0]), [5.0, 0.0])
    assert result.value == pytest.approx(0.0, abs=1e-10)
    assert result.x.sum() == pytest.approx(2.0, abs=1e-5)


def test_negative_curvature_is_left():
    """A saddle between two minima: the start has negative curvature."""

    def function(x):
        value = float(x[0] ** 4 / 4 - x[0] ** 2 / 2 + x[1] ** 2)
        return value, np.array([x[0] ** 3 - x[0], 2 * x[1]]), np.diag([3 * x[0] ** 2 - 1, 2.0])

    result = run(function, [0.05, 3.0])
    assert result.reason == "converged"
    np.testing.assert_allclose(result.x, [1.0, 0.0], atol=1e-6)


def test_edge_of_the_domain_is_not_crossed():
    """x - ln x is infinite for x <= 0; a Newton step from 3 would land at -3."""

    def function(x):
        if x[0] <= 0.0:
            return INF, np.array([np.nan]), np.array([[np.nan]])
        return float(x[0] - np.log(x[0])), np.array([1 - 1 / x[0]]), np.array([[1 / x[0] ** 2]])

    result = run(function, [3.0])
    assert result.reason == "converged"
    assert result.x[0] == pytest.approx(1.0, abs=1e-8)
    assert run(function, [-1.0]).reason == "outside"


def test_linear_function_ends_at_the_edge_of_its_domain():
    """No curvature at all, and infinite below -3: what a bin without observed events does to a free signal."""

    def function(x):
        return (float(x[0]) if x[0] >= -3.0 else INF), np.array([1.0]), np.array([[0.0]])

    result = run(function, [1.0])
    assert result.reason == "stuck"
    assert result.x[0] == pytest.approx(-3.0, abs=1e-8)


def test_linear_function_ends_at_its_bound():
    result = run(lambda x: (float(x[0]), np.array([1.0]), np.array([[0.0]])), [1.0], [-3.0], [5.0])
    assert result.reason == "converged"
    assert result.x[0] == -3.0


def test_kink_is_stuck():
    def function(x):
        return float(abs(x[0])), np.array([1.0 if x[0] >= 0 else -1.0]), np.array([[0.0]])

    result = run(function, [1.3])
    assert result.reason == "stuck"
    assert result.x[0] == pytest.approx(0.0, abs=1e-4)


def test_limit_of_iterations():
    result = run(rosenbrock, [-1.2, 1.0], max_iterations=3)
    assert result.reason == "iterations"
    assert result.value < rosenbrock(np.array([-1.2, 1.0]))[0]


def test_derivatives_that_do_not_exist():
    result = run(lambda x: (1.0, np.full(1, np.nan), np.full((1, 1), np.nan)), [1.0])
    assert result.reason == "stuck"
    assert result.x[0] == 1.0


@pytest.mark.parametrize(("rise", "slope"), [(1.0, -INF), (INF, -1.0), (1e308, -1e308), (-1e308, -1e308)])
def test_a_step_is_shortened_whatever_overflows(rise, slope):
    """A slope beyond the range of numbers shortens the step like any other: the search ends."""
    assert 0.1 <= _interpolated(1.0, 0.0, rise, slope) <= 0.5


def test_a_parameter_that_is_known_to_all_digits_ends_the_fit():
    """Its distance to the minimum cannot fall below what the spacing of numbers leaves."""
    curvature, centre = np.diag([1e28, 1.0]), np.array([1.0 / 3.0, 2.0])

    def function(x):
        d = x - centre
        d[0] += 1e-17  # between two numbers
        return 0.5 * float(d @ curvature @ d), curvature @ d, curvature

    found = run(function, [0.4, 0.0], tolerance=1e-12)
    assert found.reason == "converged"
    assert found.x == pytest.approx(centre, rel=1e-14)
    assert found.iterations < 10


def test_steps_do_not_creep_away_from_a_saddle():
    """With half of the convex part the distance to it grows by a tenth with each step."""

    def function(x):
        value = 0.25 * x[0] ** 4 - 0.025 * x[0] ** 2 + 0.5 * x[1] ** 2
        return value, np.array([x[0] ** 3 - 0.05 * x[0], x[1]]), np.diag([3.0 * x[0] ** 2 - 0.05, 1.0])

    class Fisher(Wrapped):
        def convex(self, x):
            return self.function(x)[2] + np.diag([1.0, 0.0])

    start, end = np.array([1e-3, 0.1]), np.full(2, INF)
    found = newton(Fisher(function), start, -end, end, tolerance=1e-10, max_iterations=100)
    assert found.reason == "converged"
    assert found.x[0] == pytest.approx(np.sqrt(0.05), rel=1e-5)
    assert found.iterations < 25
