"""One evaluation is the same whichever way it takes and up to whichever order: small models take shorter ways."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftranslate.likelihood import cells
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.interpolation import relative_yield
from hftranslate.workspace import HistoSys, NormSys
from tests.likelihood.builders import channel, workspace
from tests.strategies import likelihoods
from validation.benchmarks.uneven import KINDS, models


def assert_same(model, other, data, theta):
    value, gradient, hessian = model.expansion(theta, data)
    found = other.expansion(theta, data)
    assert found[0] == pytest.approx(value, rel=1e-11, abs=1e-11)
    for one, two in zip(found[1:], (gradient, hessian), strict=True):
        size = max(1.0, float(np.abs(two).max(initial=0.0)))
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-11 * size)
    jacobian = model.jacobian(theta)
    size = max(1.0, float(np.abs(jacobian).max(initial=0.0)))
    np.testing.assert_allclose(other.jacobian(theta), jacobian, rtol=1e-10, atol=1e-12 * size)
    assert model.excess_nll(theta, data) == value  # as no value depends on what else is asked for
    assert model.excess_and_gradient(theta, data)[0] == value
    slopes = model.excess_and_gradient(theta, data)[1]
    np.testing.assert_allclose(
        slopes, gradient, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(gradient).max(initial=0)))
    )


def by_long_ways(model):
    """The same model as if it were too large for short ways."""
    with patch.multiple(cells, _TOGETHER=-1, _TERMS=-1):
        other = replace(model, cells=replace(model.cells))
    assert model.cells.terms is not None
    assert other.cells.terms is None
    assert other.cells.inner is None
    return other


def points(model, data, seed):
    p, rng = model.parameters, np.random.default_rng(seed)
    unit = np.where(p.width > 0.0, p.width, 0.3)
    for scale in (0.3, 2.0):
        theta = p.init + scale * unit * rng.normal(size=len(p))
        if np.isfinite(model.excess_nll(theta, data)):
            yield theta


@settings(max_examples=40, deadline=None)
@given(likelihoods(), st.integers(0, 2**32 - 1))
def test_generated_workspaces(likelihood, seed):
    model, data = likelihood
    other = by_long_ways(model)
    for theta in points(model, data, seed):
        assert_same(model, other, data, theta)


@pytest.mark.parametrize("kind", KINDS)
def test_uneven_models(kind):
    for seed, (_, _, model, data) in enumerate(models(kind, 5, 3)):
        other = by_long_ways(model)
        for theta in points(model, data, seed):
            assert_same(model, other, data, theta)


@given(st.floats(-3.0, 3.0), st.floats(-3.0, 3.0))
def test_interpolations_evaluated_together_are_those_of_the_codes(one, two):
    """Where neither, one or both of two parameters are beyond +-1; a variation to nothing, too."""
    modifiers = (
        HistoSys(name="a", lo_data=(8.0,), hi_data=(13.0,)),
        NormSys(name="a", lo=0.9, hi=1.2),
        HistoSys(name="b", lo_data=(9.0,), hi_data=(10.5,)),
        NormSys(name="b", lo=0.0, hi=1.5),
    )
    model, _ = compile_model(workspace(channel("c", [10.0], ("background", [10.0], *modifiers)), poi=""))
    assert model.cells.inner is not None

    def relative(alpha, code, lo, hi):
        return relative_yield(np.array([alpha]), code, lo, hi)[0][0]

    additive = relative(one, "code4p", 0.8, 1.3) + relative(two, "code4p", 0.9, 1.05) - 1.0
    expected = 10.0 * additive * relative(one, "code4", 0.9, 1.2) * relative(two, "code4", 0.0, 1.5)
    found = model.rates(model.parameters.vector(a=one, b=two))
    np.testing.assert_allclose(found, [expected], rtol=1e-11, atol=1e-13)
