"""Minima on kinks, judged by searches that need no derivatives."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from hftranslate.inference.descent import descend
from hftranslate.inference.fit import fit
from hftranslate.inference.kinks import has_pieces, maximum_in_box, steepest, through_kinks
from hftranslate.inference.minimize import FitOptions
from hftranslate.likelihood.compile import compile_model
from hftranslate.workspace import Function, HistoSys, NormFactor
from tests.inference.problems import clipped, edge, lowest_by_simplex, nowhere_lower, problem_of, random_clipped
from tests.likelihood.builders import channel, hello_world, workspace


@given(st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 9))
def test_quadratic_functions_in_a_box(seed, k, n):
    """Against SciPy's bounded least squares; also where the matrix is singular (``n < k``) and limits are infinite."""
    rng = np.random.default_rng(seed)
    root, aim = rng.normal(size=(n, k)), rng.normal(size=n)
    low, high = -rng.uniform(0.1, 2.0, k), rng.uniform(0.1, 2.0, k)
    low, high = np.where(rng.random(k) < 0.2, -np.inf, low), np.where(rng.random(k) < 0.2, 0.0, high)
    q, t = root.T @ root, root.T @ aim
    y = maximum_in_box(q, t, low, high, rng.normal(size=k))
    assert np.all((low <= y) & (y <= high))
    with np.errstate(invalid="ignore"):  # it multiplies zero by infinity on the way
        theirs = lsq_linear(root, aim, bounds=(low, high), tol=1e-13).x
    worth = [t @ v - 0.5 * v @ q @ v for v in (y, theirs)]
    assert worth[0] >= worth[1] - 1e-7 * max(1.0, abs(worth[1]))


def test_which_likelihoods_have_pieces():
    assert has_pieces(problem_of(*clipped()))
    assert has_pieces(problem_of(*edge()))  # code0 bends at zero
    assert not has_pieces(problem_of(*hello_world()))


@pytest.mark.parametrize("start", [-3.0, -1.0, -0.5, 0.0, 2.0])
def test_minimum_on_the_clip(start):
    problem = problem_of(*clipped())
    end = through_kinks(problem, np.array([start]), tolerance=1e-10, max_iterations=50)
    assert end.reason == "kink"
    assert end.x[0] == pytest.approx(-1.0, abs=1e-9)
    assert nowhere_lower(problem, end.x)


def test_no_minimum_on_the_clip():
    """As before, but with many events observed where the bin would be empty: the minimum lies beside the kink."""
    problem = problem_of(*clipped(observed=(9.0, 8.0)))
    end = through_kinks(problem, np.array([-1.0]), tolerance=1e-10, max_iterations=50)
    assert end.reason == "converged"
    assert end.x[0] > -0.9
    assert end.value == pytest.approx(lowest_by_simplex(problem), abs=1e-9)


@pytest.mark.parametrize("seed", range(16))
def test_random_kinks(seed):
    """The fit ends nowhere above what a simplex reaches, and where it says kink, nothing around is lower."""
    model, data = random_clipped(seed)
    problem = problem_of(model, data)
    found = fit(model, data)
    assert found.excess_nll <= lowest_by_simplex(problem) + 1e-7
    assert nowhere_lower(problem, found.values)
    if found.status == "kink":
        gradients = [problem.gradient(found.values + s) for s in np.random.default_rng(2).normal(size=(40, 2)) * 1e-5]
        assert np.abs(gradients).max() > 1e-3  # a smooth minimum is none on a kink


def test_steepest_way():
    """At a kink whose slopes bracket zero there is none; beside it, and on one that does not, it leads down."""
    problem = problem_of(*clipped())
    assert steepest(problem, np.array([-1.0]))[1] < 1e-12
    for x in (np.array([-1.5]), np.array([0.5])):
        step, decrease = steepest(problem, x)
        assert decrease > 1e-3
        assert problem.value(x + 1e-3 * step) < problem.value(x)
    other = problem_of(*clipped(observed=(9.0, 8.0)))
    step, decrease = steepest(other, np.array([-1.0]))
    assert (decrease > 1e-3, step[0] > 0.0) == (True, True)


def test_steepest_way_at_the_edge_and_at_bounds():
    problem = problem_of(*edge())
    end = descend(problem, problem.start, tolerance=1e-8, max_iterations=200)
    assert steepest(problem, end.x)[1] < 1e-4  # the edge forbids what the slopes would like
    model, data = hello_world()
    low = problem_of(model, model.data(np.array([40.0, 40.0]), data.auxdata))
    end = descend(low, low.start, tolerance=1e-10, max_iterations=200)
    assert end.x[0] == 0.0
    assert steepest(low, end.x)[1] < 1e-9


def test_nothing_is_known_where_derivatives_leave_the_range_of_numbers():
    """The square root of a parameter has an infinite slope at zero."""
    root = Function(name="f", expression="sqrt(x)", dependents="x[0,0,10]")
    space = workspace(
        channel("SR", [2.0], ("s", [2.0], NormFactor(name="f")), ("b", [3.0], NormFactor(name="k"))),
        poi="k",
        functions=[root],
    )
    problem = problem_of(*compile_model(space), x=0.0)
    problem = replace(problem, data=problem.model.data(np.array([0.0]), problem.data.auxdata))
    assert np.isfinite(problem.value(problem.start))
    step, decrease = steepest(problem, problem.start)
    assert np.isinf(decrease)
    assert not step.any()
    assert through_kinks(problem, problem.start, tolerance=1e-8, max_iterations=9).reason == "stuck"


def corner(observed):
    """Two systematics that add to one bin on either side: both bend at zero, where the minimum has them if it can."""
    codes = [HistoSys(name=n, lo_data=(d, 90.0), hi_data=(d, 90.0), interpolation="code0") for n, d in
             (("a", 130.0), ("b", 145.0))]  # fmt: skip
    space = workspace(channel("SR", [observed, 90.0], ("s", [100.0, 90.0], *codes, NormFactor(name="k"))), poi="k")
    return compile_model(space)


@pytest.mark.parametrize("minimizer", ["newton", "minuit", "scipy"])
def test_where_two_kinks_meet(minimizer):
    model, data = corner(70.0)
    found = fit(model, data, fixed={"k": 1.0}, options=FitOptions(minimizer=minimizer))
    assert found.status == "kink"
    np.testing.assert_allclose([found.value("a"), found.value("b")], 0.0, atol=1e-6)
    assert found.nll == pytest.approx(model.nll(model.parameters.vector(k=1.0), data), abs=1e-6)
