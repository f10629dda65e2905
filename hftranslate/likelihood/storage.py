"""How the additive shifts are stored: dense where most entries are present, sparse where few are.

Both forms answer the same questions: the shift of every cell, its transpose applied to a vector, and the slopes of all
cells, whose weighted sums over groups of cells make the Jacobian and the Hessian.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Slopes ``(n_cells, n_columns)``: an array, or a sparse one in rows.
Slopes: TypeAlias = "Floats | csr_array[Any]"

_SMALL = 1_000_000  # entries of a dense matrix up to which nothing else is worth its overhead
_DENSE = 0.25  # fraction of entries present above which a larger one is dense, too


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenseShifts:
    """``matrix`` is ``[S | A]``, shape ``(n_cells, 2 n_columns)``."""

    matrix: Floats

    def shift(self, alpha: Floats, g: Floats) -> Floats:
        """``S alpha + A g``, ``(n_cells,)``."""
        result: Floats = self.matrix @ np.concatenate((alpha, g))
        return result

    def shift_many(self, alpha: Floats, g: Floats) -> Floats:
        """The same for ``(n_points, n_columns)``, ``(n_points, n_cells)``."""
        result: Floats = np.concatenate((alpha, g), axis=1) @ self.matrix.T
        return result

    def pull(self, v: Floats) -> tuple[Floats, Floats]:
        """``v S`` and ``v A``, ``(n_columns,)`` each."""
        both: Floats = v @ self.matrix
        n = len(both) // 2
        return both[:n], both[n:]

    def slopes(self, dg: Floats) -> Slopes:
        """``S + A diag(dg)``."""
        n = len(dg)
        return self.matrix[:, :n] + self.matrix[:, n:] * dg


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseShifts:
    """The entries ``s`` and ``a`` of ``S`` and ``A`` row by row, at columns ``indices``; rows begin at ``indptr``."""

    shape: tuple[int, int]
    indptr: Integers
    indices: Integers
    s: Floats
    a: Floats

    def _array(self, data: Floats) -> "csr_array[Any]":
        from scipy.sparse import csr_array

        return csr_array((data, self.indices, self.indptr), shape=self.shape)

    def shift(self, alpha: Floats, g: Floats) -> Floats:
        """``S alpha + A g``, ``(n_cells,)``."""
        result: Floats = self._array(self.s) @ alpha + self._array(self.a) @ g
        return result

    def shift_many(self, alpha: Floats, g: Floats) -> Floats:
        """The same for ``(n_points, n_columns)``, ``(n_points, n_cells)``."""
        result: Floats = (self._array(self.s) @ alpha.T + self._array(self.a) @ g.T).T
        return result

    def pull(self, v: Floats) -> tuple[Floats, Floats]:
        """``v S`` and ``v A``, ``(n_columns,)`` each."""
        per_entry = np.repeat(v, np.diff(self.indptr))
        s: Floats = np.bincount(self.indices, per_entry * self.s, self.shape[1]).astype(np.float64)
        a: Floats = np.bincount(self.indices, per_entry * self.a, self.shape[1]).astype(np.float64)
        return s, a

    def slopes(self, dg: Floats) -> Slopes:
        """``S + A diag(dg)``."""
        return self._array(self.s + self.a * dg[self.indices])


Shifts: TypeAlias = DenseShifts | SparseShifts


def store(n_cells: int, n_columns: int, rows: Integers, columns: Integers, s: Floats, a: Floats) -> Shifts:
    """Store entries of ``S`` and ``A`` at (row, column), each place given at most once, in the smaller way."""
    size = n_cells * n_columns
    if size <= _SMALL or len(rows) > _DENSE * size:
        matrix = np.zeros((n_cells, 2 * n_columns))
        matrix[rows, columns] = s
        matrix[rows, n_columns + columns] = a
        return DenseShifts(matrix=matrix)
    order = np.lexsort((columns, rows))
    counts = np.bincount(rows, minlength=n_cells)
    return SparseShifts(
        shape=(n_cells, n_columns),
        indptr=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        indices=columns[order],
        s=s[order],
        a=a[order],
    )


def weighted_sums(matrix: Slopes, index: Integers | None, weights: Floats, starts: Integers) -> Floats:
    """Sums of rows over groups: for the group that begins at ``starts[g]``, ``sum_i weights[i] * matrix[index[i]]``.

    ``index`` of ``None`` stands for all rows in order. Returns ``(n_groups, n_columns)``.
    """
    if isinstance(matrix, np.ndarray) and len(weights) * matrix.shape[1] <= _SMALL:
        rows = matrix if index is None else matrix[index]
        result: Floats = np.add.reduceat(rows * weights[:, None], starts, axis=0)
        return result
    from scipy.sparse import csr_array

    place = np.arange(matrix.shape[0]) if index is None else index
    groups = csr_array((weights, place, np.append(starts, len(weights))), shape=(len(starts), matrix.shape[0]))
    summed: Any = groups @ matrix
    dense: Floats = summed if isinstance(summed, np.ndarray) else summed.toarray()
    return dense


def outer_sum(matrix: Slopes, weights: Floats) -> Floats:
    """``sum_i weights[i] * row_i^T row_i``, ``(n_columns, n_columns)``."""
    if isinstance(matrix, np.ndarray):
        result: Floats = (matrix * weights[:, None]).T @ matrix
        return result
    from scipy.sparse import diags_array

    dense: Floats = (matrix.T @ (diags_array(weights) @ matrix)).toarray()
    return dense
