"""The weighted sum of the outer products of the slopes of the bins: most of the work of a Hessian."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Entries of the slopes up to which nothing is faster than a product of all of them.
_SMALL = 500_000
#: Fraction of the bins up to which a parameter counts as one of few bins, like the factor of a single one.
_FEW = 0.05


def outer_products(slopes: Floats, weights: Floats) -> Floats:
    """``slopes.T @ diag(weights) @ slopes``, ``(P, P)``, for slopes ``(n_bins, P)``.

    The time follows the bins that parameters act on: each channel that a model has more brings parameters of its own,
    whose products with those of the other channels are zero.
    """
    if slopes.size <= _SMALL:
        return _of_all(slopes, weights)
    n_bins, n_parameters = slopes.shape
    few = np.count_nonzero(slopes, axis=0) <= _FEW * n_bins
    if 2 * np.count_nonzero(few) < n_parameters:
        return _of_all(slopes, weights)
    from scipy.sparse import csc_array

    many, few = np.flatnonzero(~few), np.flatnonzero(few)
    dense = slopes[:, many]
    sparse: Any = csc_array(slopes[:, few])
    weighted: Any = sparse.multiply(weights[:, None]).tocsc()
    result = np.zeros((n_parameters, n_parameters))
    result[many[:, None], many] = _of_all(dense, weights)
    mixed = weighted.T @ dense
    result[few[:, None], many] = mixed
    result[many[:, None], few] = mixed.T
    products = (sparse.T @ weighted).tocoo()
    result[few[products.row], few[products.col]] = products.data
    return result


def _of_all(slopes: Floats, weights: Floats) -> Floats:
    result: Floats
    if weights.min(initial=0.0) < 0.0:
        result = slopes.T @ (slopes * weights[:, None])
    else:  # a matrix times its own transpose is half the work
        scaled = slopes * np.sqrt(weights)[:, None]
        result = scaled.T @ scaled
    return result
