"""Uneven effects of single parameters: those of all at once, bin by bin."""

import numpy as np
import pytest

from hftranslate.likelihood.uneven import uneven_effects
from validation.benchmarks.uneven import KINDS, models


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"functions"}))
def test_every_systematic_alone(kind):
    """At several points at once, for all interpolation codes."""
    rng = np.random.default_rng(3)
    compared = 0
    for _, _, model, _ in models(kind, 11, 6):
        p, cells = model.parameters, model.cells
        systematics = np.unique(np.concatenate([cells.additive.parameter, cells.multiplicative.parameter]))
        thetas = np.where(p.fixed, p.init, p.init + 0.1 * p.width * rng.normal(size=(4, len(p))))
        state = cells.evaluate(np.ascontiguousarray(thetas.T))
        point, parameter = (a.ravel() for a in np.meshgrid(np.arange(4), systematics))
        found = uneven_effects(cells, state, point, parameter)
        assert found.shape == (len(point), cells.n_bins)
        for one in range(4):
            expected = np.zeros((cells.n_parameters, cells.n_bins))
            for parameters, effects in cells.mean_effects(model.state(thetas[one])):
                np.add.at(expected, parameters, effects.T)
            these = point == one
            np.testing.assert_allclose(found[these], expected[parameter[these]], rtol=1e-10, atol=1e-12)
            compared += int(np.any(found[these] != 0.0))
    assert compared
