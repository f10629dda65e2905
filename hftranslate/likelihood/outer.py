"""The weighted sum of the outer products of the slopes of the bins: most of the work of a Hessian."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Entries of the slopes up to which nothing is faster than a product of all of them.
_SMALL = 500_000
#: What a multiplication in a product of a few columns costs, and putting a number of it in its place, in units of a
#: multiplication in the product of all.
_OF_FEW, _PLACED = 2, 150


def outer_products(slopes: Floats, weights: Floats, starts: Integers) -> Floats:
    """``slopes.T @ diag(weights) @ slopes``, ``(P, P)``, for slopes ``(n_bins, P)``.

    The time follows what acts on the bins: each channel that a model has more brings parameters of its own, whose
    products with those of the other channels are zero.

    Parameters
    ----------
    starts
        where groups of bins begin on which the same parameters act.
    """
    n_bins, n_parameters = slopes.shape
    if slopes.size > _SMALL:
        groups = [slice(a, b) for a, b in zip(starts, (*starts[1:], n_bins), strict=True)]
        acting = [np.flatnonzero(slopes[bins].any(axis=0)) for bins in groups]
        work = sum((_OF_FEW * (b.stop - b.start) + _PLACED) * len(p) ** 2 for b, p in zip(groups, acting, strict=True))
        if work < n_bins * n_parameters**2:
            return _of_groups(slopes, weights, zip(groups, acting, strict=True))
    return _of_all(slopes, weights)


def _of_groups(slopes: Floats, weights: Floats, groups: Iterable[tuple[slice, Integers]]) -> Floats:
    """The sum over groups of bins, each with the parameters that act on it."""
    n_parameters = slopes.shape[1]
    result = np.zeros(n_parameters * n_parameters)
    for bins, acting in groups:
        places = (n_parameters * acting[:, None] + acting).ravel()
        result[places] += _of_all(slopes[bins, acting], weights[bins]).ravel()
    return result.reshape(n_parameters, n_parameters)


def _of_all(slopes: Floats, weights: Floats) -> Floats:
    result: Floats
    if weights.min(initial=0.0) < 0.0:
        result = slopes.T @ (slopes * weights[:, None])
    else:  # a matrix times its own transpose is half the work
        scaled = slopes * np.sqrt(weights)[:, None]
        result = scaled.T @ scaled
    return result
