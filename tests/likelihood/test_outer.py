"""Outer products of slopes, whether parameters act on all bins or on few."""

import numpy as np
import pytest

from hftranslate.likelihood.outer import outer_products


@pytest.mark.parametrize(("n_shared", "n_own"), [(30, 0), (30, 20), (30, 2000), (800, 200), (0, 2000)])
def test_are_those_of_einsum(n_shared: int, n_own: int) -> None:
    """Small and large, all dense, mostly sparse, and with the columns in any order."""
    rng = np.random.default_rng(5)
    n_bins = 700
    slopes = np.zeros((n_bins, n_shared + n_own))
    order = rng.permutation(n_shared + n_own)
    slopes[:, order[:n_shared]] = rng.normal(size=(n_bins, n_shared))
    slopes[rng.integers(n_bins, size=n_own), order[n_shared:]] = rng.normal(size=n_own)
    for weights in (rng.normal(size=n_bins), rng.uniform(size=n_bins)):
        expected = np.einsum("bi,b,bj->ij", slopes, weights, slopes, optimize=True)
        np.testing.assert_allclose(outer_products(slopes, weights), expected, rtol=1e-12, atol=1e-11)
