"""Yields where one parameter alone moves: those of the whole model there."""

import numpy as np
import pytest

from hftranslate.likelihood.moved import moved_bins
from validation.benchmarks.uneven import KINDS, models


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"functions"}))
def test_every_systematic_alone(kind):
    """From several points at once, where no cell is clipped, for all interpolation codes."""
    rng = np.random.default_rng(3)
    compared = 0
    for _, _, model, _ in models(kind, 11, 6):
        p, cells = model.parameters, model.cells
        systematics = np.unique(np.concatenate([cells.additive.parameter, cells.multiplicative.parameter]))
        thetas = np.where(p.fixed, p.init, p.init + 0.1 * p.width * rng.normal(size=(4, len(p))))
        state = cells.evaluate(np.ascontiguousarray(thetas.T))
        point, parameter = (a.ravel() for a in np.meshgrid(np.arange(4), systematics))
        values = 1.5 * rng.normal(size=(len(point), 3))
        moved = moved_bins(cells, state, point, parameter, values)
        assert moved.shape == (cells.n_bins, len(point), 3)
        for i, (one, k) in enumerate(zip(point, parameter, strict=True)):
            if state.alive is not None and not (state.alive[:, one] > 0.0).all():
                continue
            theirs = thetas[one] + np.zeros((3, 1))
            theirs[:, k] = values[i]
            np.testing.assert_allclose(moved[:, i].T, model.rates_of_many(theirs), rtol=1e-10, atol=1e-10)
            compared += 1
    assert compared
