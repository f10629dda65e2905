"""Hessians of the rank of the bins, judged by dense algebra and by the exact Hessian."""

import numpy as np
import pytest

from hftranslate.inference.low_rank import LowRank, following, solved
from hftranslate.inference.newton import newton, roughly
from hftranslate.inference.problem import Problem
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.sizes import unwarned
from hftranslate.workspace import ROOT, ConstraintTerm, Function, HistoSys, NormFactor, NormSys
from tests.cases import compiled
from tests.inference.problems import problem_of
from tests.likelihood.builders import channel, workspace
from validation.benchmarks.synthetic import synthetic_workspace

WIDTH = np.array([1.0, 0.0, 0.3, 2.0, 0.0, 1.0])


@pytest.fixture
def low_rank():
    rng = np.random.default_rng(2)
    return LowRank.of(rng.normal(size=(3, 6)), np.array([0.5, 2.0, 0.0]), np.full(6, 1.7), WIDTH)


def dense(low_rank):
    variance = low_rank.variance
    diagonal = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0.0)
    return low_rank.root.T @ low_rank.root + np.diag(diagonal)


def test_inverse(low_rank):
    """As long as the bins tell loose parameters apart."""
    np.testing.assert_array_equal(low_rank.loose, WIDTH == 0.0)
    expected = np.linalg.inv(dense(low_rank))
    inverse = low_rank.inverse()
    v = np.random.default_rng(3).normal(size=(4, 6))
    np.testing.assert_allclose(inverse.times(v), v @ expected, rtol=1e-6)
    np.testing.assert_allclose(inverse.times(v[0]), v[0] @ expected, rtol=1e-6)
    np.testing.assert_allclose(inverse.columns(np.array([4, 0])), expected[[4, 0]], rtol=1e-6, atol=1e-8)


def test_inverse_where_some_are_held(low_rank):
    """A parameter with a constraint, and one without."""
    held = np.array([False, True, False, True, False, False])
    free, expected = np.flatnonzero(~held), np.zeros((6, 6))
    expected[np.ix_(free, free)] = np.linalg.inv(dense(low_rank)[np.ix_(free, free)])
    v = np.random.default_rng(4).normal(size=6)
    np.testing.assert_allclose(low_rank.inverse(held).times(v), v @ expected, rtol=1e-6)


def test_square(low_rank):
    v = np.random.default_rng(5).normal(size=6)
    assert low_rank.square(v) == pytest.approx(v @ dense(low_rank) @ v, rel=1e-12)


def test_the_least_curvature_is_a_part_of_that_of_the_constraint():
    bent = LowRank.of(np.zeros((1, 6)), np.ones(1), np.full(6, -40.0), WIDTH)
    np.testing.assert_allclose(bent.variance, 2.0 * WIDTH**2)


def test_loose_parameters_that_do_the_same_share_a_step():
    same = LowRank.of(np.ones((2, 2)), np.ones(2), np.ones(2), np.zeros(2))
    np.testing.assert_allclose(same.inverse().times(np.array([1.0, 1.0])), [0.25, 0.25], rtol=1e-6)


def test_what_follows(low_rank):
    rows, columns = np.array([0, 1, 3, 5]), np.array([2, 4])
    matrix = dense(low_rank)
    expected = np.linalg.solve(matrix[np.ix_(rows, rows)], matrix[np.ix_(rows, columns)]).T
    np.testing.assert_allclose(following(low_rank, rows, columns), expected, rtol=1e-6)
    np.testing.assert_allclose(following(matrix, rows, columns), expected, rtol=1e-9)
    assert following(-matrix, rows, columns) is None


def few_bins(interpolation="code4"):
    """Two bins and six parameters, each of which acts on yields in a way of its own."""
    modifiers = [
        HistoSys(name="h", lo_data=(45.0, 28.0), hi_data=(57.0, 33.0)),
        HistoSys(name="k", lo_data=(52.0, 29.0), hi_data=(49.0, 34.0)),
        NormSys(name="n", lo=0.8, hi=1.15, interpolation=interpolation),
        NormSys(name="m", lo=0.95, hi=1.2, interpolation=interpolation),
        NormFactor(name="f"),
    ]
    space = workspace(
        channel("SR", [62.0, 33.0], ("signal", [10.0, 3.0], NormFactor(name="mu")), ("b", [50.0, 30.0], *modifiers))
    )
    return problem_of(*compile_model(space))


def test_what_each_parameter_adds_alone_is_the_diagonal_of_the_exact_hessian():
    problem = few_bins()
    assert not problem.few_bins  # so few parameters take exact second derivatives
    x = problem.model.parameters.vector(mu=0.9, h=0.3, k=-0.4, n=0.2, m=0.3, f=0.95)
    value, gradient, hessian = problem.expand(x)
    rough = problem.rough(x)
    assert rough[0] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(rough[1], gradient, rtol=1e-12)
    tight = ~rough[2].loose
    np.testing.assert_allclose(np.diagonal(dense(rough[2]))[tight], np.diagonal(hessian)[tight], rtol=1e-12)
    state, diagonal = problem.model.state(x), problem.model.constraints.derivatives(x, problem.data.auxdata)[1]
    expected = LowRank.of(
        problem.low_rank(x, state, diagonal)[0], 1.0 / state.bins, diagonal, problem.model.parameters.width
    )
    np.testing.assert_allclose(dense(expected), problem.convex(x), rtol=1e-12)


@pytest.mark.parametrize("name", ["sbottom_RegionC", "1Lbb_C1N2_Wh_hbb_900_100"])
def test_both_ways_lead_to_the_same_minimum(shared, name):
    problem = problem_of(*compiled(name))
    assert problem.few_bins
    box = tuple(problem.bounds.T)
    ours = roughly(problem, problem.start, box, tolerance=1e-8, max_iterations=100)
    exact = newton(problem, problem.start, *box, tolerance=1e-10, max_iterations=100)
    assert ours.reason == exact.reason == "converged"
    assert ours.value == pytest.approx(exact.value, abs=1e-10)
    np.testing.assert_allclose(ours.x, exact.x, atol=1e-5)


def toy(name, seed):
    """A published model with data drawn at its initial values, far from the start as they are."""
    model, _ = compiled(name)
    observed, auxdata = model.sample(model.parameters.init, 1, np.random.default_rng(seed))
    return problem_of(model, model.data(observed[0], auxdata[0]))


def ends_at_a_minimum(problem):
    """Whether our steps reach a place that the exact Hessian takes for a minimum, too."""
    box = tuple(problem.bounds.T)
    ours = roughly(problem, problem.start, box, tolerance=1e-8, max_iterations=100)
    exact = newton(problem, ours.x, *box, tolerance=1e-12, max_iterations=100)
    return (
        ours.reason == exact.reason == "converged"
        and ours.value == pytest.approx(exact.value, abs=1e-10)
        and np.allclose(ours.x, exact.x, rtol=0.0, atol=1e-6)
    )


@pytest.mark.parametrize("seed", [1, 2])
@unwarned
def test_steps_that_overshoot_are_shortened(shared, seed):
    """The first one ends higher than it began, or outside of the domain."""
    problem = toy("sbottom_RegionC", seed)
    value, gradient, hessian = problem.rough(problem.start)
    assert not problem.value(problem.inside(problem.start - hessian.inverse().times(gradient))) < value
    assert ends_at_a_minimum(problem)


@pytest.mark.parametrize("seed", [22, 39])
def test_what_is_learned_on_the_way_may_raise_the_expected_distance(shared, seed):
    """Along some direction the NLL bends far less than without what bins do together."""
    assert ends_at_a_minimum(toy("sbottom_RegionC", seed))


def test_a_way_that_does_not_end_says_so():
    problem = few_bins()
    box = tuple(problem.bounds.T)
    first = roughly(problem, problem.start, box, tolerance=1e-8, max_iterations=0)
    assert first.reason == "iterations"
    assert first.value == pytest.approx(problem.value(problem.start))
    nothing = problem.model.parameters.vector(mu=0.0, f=0.0)
    outside = roughly(problem, nothing, box, tolerance=1e-8, max_iterations=9)
    assert outside.reason == "iterations"
    np.testing.assert_array_equal(outside.x, nothing)


@pytest.mark.parametrize(("n_bins", "few"), [(10, True), (28, True), (40, False), (100, False)])
def test_a_rank_of_half_of_the_parameters_is_no_less_work(n_bins, few):
    """With some sixty parameters: a matrix of the bins is inverted in place of one that is factored."""
    model, data = compile_model(synthetic_workspace(1, n_bins, 3, 60, density=1.0))
    index = np.flatnonzero(~model.parameters.fixed)
    assert 56 < len(index) < 80
    problem = Problem(
        model=model, data=data, theta=model.parameters.init, index=index, bounds=model.parameters.bounds[index]
    )
    assert problem.few_bins == few


def many_terms():
    """Sixty systematics of three bins and two, every third one with a LogNormal term, and a Function."""
    rng = np.random.default_rng(3)

    def effects():
        low, high = 1.0 - rng.uniform(0.01, 0.15, 60), 1.0 + rng.uniform(0.01, 0.15, 60)
        return [NormSys(name=f"s{i}", lo=low[i], hi=high[i]) for i in range(60) if rng.random() < 0.6]

    factor = NormFactor(name="f")
    return problem_of(
        *compile_model(
            workspace(
                channel(
                    "SR",
                    [52.0, 11.0, 31.0],
                    ("s", [5.0, 4.0, 3.0], NormFactor(name="mu"), *effects()),
                    ("b", [50.0, 8.0, 25.0], factor, *effects()),
                ),
                channel("CR", [100.0, 70.0], ("b", [100.0, 30.0], factor, *effects()), ("c", [10.0, 40.0], *effects())),
                terms=[
                    ConstraintTerm(name=f"s{i}", kind="lognormal", relative_uncertainty=float(rng.uniform(0.05, 0.4)))
                    for i in range(0, 60, 3)
                ],
                functions=[Function(name="f", expression="xx*(2-yy)", dependents="xx[1,0,10],yy[1,0.5,1.5]")],
                conventions=ROOT,
            )
        )
    )


def test_terms_and_functions_take_the_same_ways():
    problem = many_terms()
    assert problem.few_bins
    x = problem.start + 0.05
    value, gradient, _ = problem.rough(x)
    exact = problem.expand(x)
    assert value == pytest.approx(exact[0], rel=1e-12)
    np.testing.assert_allclose(gradient, exact[1], rtol=1e-9, atol=1e-9)
    box = tuple(problem.bounds.T)
    ours = roughly(problem, problem.start, box, tolerance=1e-8, max_iterations=100)
    slow = newton(problem, problem.start, *box, tolerance=1e-10, max_iterations=100)
    assert ours.reason == slow.reason == "converged"
    assert ours.value == pytest.approx(slow.value, abs=1e-9)


def test_systems_of_which_some_are_singular_or_no_numbers():
    """Each is solved as if it stood alone: exactly, by the shortest solution, or not at all."""
    matrices = np.array([[[2.0, 1.0], [1.0, 3.0]], [[1.0, 1.0], [1.0, 1.0]], [[np.nan, 0.0], [0.0, 1.0]]])
    v = np.array([[1.0, 2.0], [2.0, 2.0], [1.0, 1.0]])[..., None]
    found = solved(matrices, v)[..., 0]
    np.testing.assert_allclose(found[:2], [[0.2, 0.6], [1.0, 1.0]], rtol=1e-12)
    assert np.isnan(found[2]).all()
