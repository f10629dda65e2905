"""Positive definite matrices that are diagonal but for a border: Hessians of models with a factor for each bin.

No two of these factors meet in a bin, so that their block is diagonal. What is left to factor is its Schur complement,
as large as the other parameters are many.
"""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.scipy_parts import dposv, dpotrs
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

#: Unknowns up to which nothing is faster than factoring all of the matrix.
_FEW = 400


@record
class Bordered:
    """A factored matrix ``[[D, B], [B^T, C]]`` with a diagonal ``D``.

    Attributes
    ----------
    inner, border
        the places of ``D`` and ``C``.
    diagonal, slopes
        ``D (n_inner,)`` and ``D^-1 B (n_inner, n_border)``.
    factor
        the Cholesky factor of ``C - B^T D^-1 B``.
    """

    inner: Integers
    border: Integers
    diagonal: Floats
    slopes: Floats
    factor: Floats

    def solve(self, v: Floats) -> Floats:
        """The inverse of the matrix times ``v (n,)``."""
        result = np.empty_like(v)
        result[self.border] = dpotrs(self.factor, v[self.border] - self.slopes.T @ v[self.inner])[0]
        result[self.inner] = v[self.inner] / self.diagonal - self.slopes @ result[self.border]
        return result


def is_bordered(matrix: Floats) -> Booleans | None:
    """Which unknowns, at least half of many, make a diagonal block of a matrix ``(n, n)``; ``None`` where none do.

    Those that meet few others are taken first.
    """
    if len(matrix) <= _FEW:
        return None
    meets = matrix != 0.0
    inner, taken = np.zeros((2, len(matrix)), dtype=np.bool_)
    for i in np.argsort(np.count_nonzero(meets, axis=1), kind="stable"):
        if not taken[i]:
            inner[i] = True
            taken |= meets[i]
    return inner if 2 * inner.sum() >= len(matrix) else None


def factored(matrix: Floats, inside: Booleans) -> Bordered | None:
    """The matrix with its diagonal block factored; ``None`` unless it is positive definite."""
    inner, border = np.flatnonzero(inside), np.flatnonzero(~inside)
    diagonal = np.diagonal(matrix)[inner]
    if not (diagonal > 0.0).all():
        return None
    edge = matrix[np.ix_(inner, border)]
    slopes = edge / diagonal[:, None]
    rest = matrix[np.ix_(border, border)] - edge.T @ slopes
    factor, _, failed = dposv(rest, np.zeros(len(border)))
    if failed:
        return None
    return Bordered(inner=inner, border=border, diagonal=diagonal, slopes=slopes, factor=factor)
