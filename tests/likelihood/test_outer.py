"""Outer products of slopes, whether parameters act on all bins or on those of few channels."""

import numpy as np
import pytest

from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.outer import outer_products
from hftranslate.workspace import Channel, Measurement, NormFactor, Sample, Workspace

N_BINS = 700


@pytest.mark.parametrize(("n_shared", "n_own"), [(30, 0), (30, 20), (30, 2000), (800, 200), (0, 2000)])
@pytest.mark.parametrize("starts", [[0], [0, 1, 300], [*range(0, N_BINS, 10)]])
def test_are_those_of_einsum(n_shared: int, n_own: int, starts: list[int]) -> None:
    """Small and large, all dense, mostly sparse, and with the columns in any order."""
    rng = np.random.default_rng(5)
    slopes = np.zeros((N_BINS, n_shared + n_own))
    order = rng.permutation(n_shared + n_own)
    slopes[:, order[:n_shared]] = rng.normal(size=(N_BINS, n_shared))
    slopes[rng.integers(N_BINS, size=n_own), order[n_shared:]] = rng.normal(size=n_own)
    for weights in (rng.normal(size=N_BINS), rng.uniform(size=N_BINS)):
        expected = np.einsum("bi,b,bj->ij", slopes, weights, slopes, optimize=True)
        found = outer_products(slopes, weights, np.array(starts))
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize(
    ("sizes", "starts"),
    [
        ([3], [0]),
        ([200, 1], [0]),
        ([40, 40, 40], [0, 40]),
        ([63, 1, 70, 70], [0, 64, 134]),
        ([1] * 200, [0, 64, 128, 192]),
    ],
)
def test_groups_of_bins_are_of_whole_channels(sizes: list[int], starts: list[int]) -> None:
    mu = NormFactor(name="mu")
    channels = [
        Channel(
            name=f"c{i}",
            samples=tuple(Sample(name=s, nominal=(1.0,) * n, modifiers=(mu,)) for s in ("a", "b")),
            observed=(1.0,) * n,
        )
        for i, n in enumerate(sizes)
    ]
    model, _ = compile_model(Workspace(channels=tuple(channels), measurements=(Measurement(name="m", pois=("mu",)),)))
    assert model.cells.pattern.bin_groups.tolist() == starts
