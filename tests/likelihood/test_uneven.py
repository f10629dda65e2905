"""Uneven effects of single parameters: by the yields where they are moved there and back."""

import numpy as np
import pytest

from hftranslate.likelihood.uneven import uneven_effects
from validation.benchmarks.uneven import KINDS, models

#: Kinds of models whose systematics are all both HistoSys and NormSys, or expressions.
OTHERS = {"functions", "many_channels", "products", "shared", "symmetric", "terms"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - OTHERS))
def test_every_systematic_alone(kind):
    """At several points at once, for all interpolation codes, where nothing is clipped; those that act in one way."""
    rng = np.random.default_rng(3)
    compared = 0
    for _, _, model, _ in models(kind, 11, 6):
        p, cells = model.parameters, model.cells
        added, multiplied = cells.additive.parameter, cells.multiplicative.parameter
        systematics = np.setxor1d(added, multiplied)
        thetas = np.where(p.fixed, p.init, p.init + 0.1 * p.width * rng.normal(size=(4, len(p))))
        state = cells.evaluate(np.ascontiguousarray(thetas.T))
        point, parameter = (a.ravel() for a in np.meshgrid(np.arange(4), systematics))
        found = uneven_effects(cells, state, point, parameter)
        assert found.shape == (len(point), cells.n_bins)
        for one, k, effect in zip(point, parameter, found, strict=True):
            moved = np.tile(thetas[one], (3, 1))
            moved[:, k] = 1.0, -1.0, 0.0
            if not all(cells.is_clear(model.state(theta)) for theta in (thetas[one], *moved)):
                continue
            up, down, nominal = model.rates_of_many(moved)
            np.testing.assert_allclose(effect, 0.5 * (up + down) - nominal, rtol=1e-10, atol=1e-9)
            compared += 1
    assert compared
