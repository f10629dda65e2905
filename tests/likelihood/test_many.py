"""First derivatives at many points at once: those of one point, for models of every kind."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.strategies import likelihoods
from validation.benchmarks.uneven import KINDS, models


def assert_one_by_one(model, data, thetas):
    many = model.linearised(thetas, data.observed, data.auxdata)
    root = many.jacobian / np.sqrt(np.maximum(many.rates, 1e-9))[..., None]
    matrices = np.swapaxes(root, 1, 2) @ root + np.maximum(many.constraints, 0.0)[:, None] * np.eye(len(thetas[0]))
    inside = np.isfinite(many.value)
    np.testing.assert_allclose(many.value, [model.excess_nll(t, data) for t in thetas], rtol=1e-9, atol=1e-9)
    for theta, gradient, matrix in zip(thetas[inside], many.gradient[inside], matrices[inside], strict=True):
        expected = model.excess_and_gradient(theta, data)[1]
        size = max(1.0, float(np.abs(expected).max(initial=0.0)))
        np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-8 * size)
        convex = model.convex_hessian(theta, data)
        np.testing.assert_allclose(
            matrix, convex, rtol=1e-7, atol=1e-9 * max(1.0, float(np.abs(convex).max(initial=0.0)))
        )


@settings(max_examples=40, deadline=None)
@given(likelihoods(), st.integers(0, 2**32 - 1))
def test_generated_workspaces(likelihood, seed):
    model, data = likelihood
    p = model.parameters
    unit = np.where(p.width > 0.0, p.width, 0.3)
    drawn = p.init + unit * np.random.default_rng(seed).normal(size=(5, len(p)))
    inner = p.bounds.T + np.array([[1e-3], [-1e-3]]) * unit  # at kinks derivatives differ
    thetas = np.where(p.fixed, p.init + 1e-3 * unit, np.clip(drawn, *inner))
    thetas = thetas[[np.all(model.rates(t) > 1e-6) for t in thetas]]  # the scores take no yield below 1e-9 for itself
    assume(len(thetas))
    with np.errstate(all="ignore"):
        assert_one_by_one(model, data, thetas)


@pytest.mark.parametrize("kind", KINDS)
def test_uneven_models(kind):
    """Every interpolation code, Functions, cells clipped at zero."""
    rng = np.random.default_rng(3)
    for _, _, model, data in models(kind, 11, 2):
        p = model.parameters
        unit = np.where(p.width > 0.0, p.width, 0.3)
        thetas = np.clip(p.init + 1.5 * unit * rng.normal(size=(8, len(p))), *p.bounds.T)
        thetas = np.where(p.fixed, p.init, thetas)
        with np.errstate(all="ignore"):
            thetas = thetas[[np.all(model.rates(t) > 1e-6) for t in thetas]]
            assert_one_by_one(model, data, thetas)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"functions", "products", "terms"}))
def test_factors_where_few_parameters_move(kind):
    """Those that stand still are computed once, and are the same numbers as at each point alone."""
    for _, _, model, _ in models(kind, 11, 2):
        p, factors = model.parameters, model.cells.multiplicative.factors
        for i in np.flatnonzero(np.bincount(model.cells.multiplicative.parameter, minlength=len(p))):
            thetas = np.repeat(p.init[:, None], 5, axis=1)
            thetas[i] += [-2.5, -1.0, 0.0, 0.3, 1.7]
            for order in (0, 2):
                found = factors(thetas, order)
                alone = [factors(theta, order) for theta in thetas.T]
                for part, expected in zip(found, zip(*alone, strict=True), strict=True):
                    np.testing.assert_array_equal(part, np.column_stack(expected))
