"""Matrices that are diagonal but for a border, judged by dense algebra."""

import numpy as np
import pytest

from hftranslate.inference import bordered
from hftranslate.inference.newton import newton
from hftranslate.likelihood.compile import compile_model
from tests.inference.problems import problem_of
from validation.benchmarks.synthetic import synthetic_workspace

N, BORDER = 500, 60


def arrow(seed=1, shift=0.0):
    """Positive definite without a shift, its rows in random order; and which of them are diagonal among themselves."""
    rng = np.random.default_rng(seed)
    matrix = np.diag(rng.uniform(1.0, 3.0, N) - shift)
    edge = 0.1 * rng.normal(size=(N, BORDER)) * (rng.uniform(size=(N, BORDER)) < 0.3)
    matrix[:, :BORDER] += edge
    matrix[:BORDER] += edge.T
    matrix[:BORDER, :BORDER] += 10.0 * np.eye(BORDER)
    order = rng.permutation(N)
    return matrix[np.ix_(order, order)], order >= BORDER


def test_solution():
    matrix, inside = arrow()
    found = bordered.factored(matrix, inside)
    v = np.random.default_rng(3).normal(size=N)
    np.testing.assert_allclose(found.solve(v), np.linalg.solve(matrix, v), rtol=1e-10, atol=1e-12)


def test_the_diagonal_block_is_found():
    matrix, inside = arrow()
    found = bordered.is_bordered(matrix)
    assert found.sum() >= inside.sum()
    block = matrix[np.ix_(found, found)]
    np.testing.assert_array_equal(block, np.diag(np.diagonal(block)))


def test_others_are_left_to_dense_algebra():
    matrix, _ = arrow()
    assert bordered.is_bordered(matrix[:400, :400]) is None  # few
    assert bordered.is_bordered(matrix @ matrix) is None  # all meet


@pytest.mark.parametrize("place", [True, False], ids=["inside", "border"])
def test_indefinite(place):
    matrix, inside = arrow()
    i = np.flatnonzero(inside == place)[3]
    matrix[i, i] -= 2.0 * np.linalg.eigvalsh(matrix)[-1]
    assert np.linalg.eigvalsh(matrix)[0] < 0.0
    assert bordered.factored(matrix, inside) is None


def test_steps_in_a_model_with_a_factor_for_each_bin(monkeypatch):
    """They lead where those of a dense factor lead."""
    model, data = compile_model(synthetic_workspace(42, 10, 3, 20, density=0.1, staterrors=True))
    problem = problem_of(model, data)
    assert bordered.is_bordered(problem.expand(problem.start)[2]).sum() >= data.observed.size
    low, high = problem.bounds.T
    ends = []
    for few in (bordered._FEW, len(problem.start)):
        monkeypatch.setattr(bordered, "_FEW", few)
        ends.append(newton(problem, problem.start, low, high, tolerance=1e-10, max_iterations=50))
    assert [end.reason for end in ends] == ["converged"] * 2
    assert ends[0].value == pytest.approx(ends[1].value, abs=1e-9)
    np.testing.assert_allclose(ends[0].x, ends[1].x, atol=1e-6)
