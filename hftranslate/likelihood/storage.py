"""How the additive shifts are stored: dense where most entries are present, sparse where few are.

Both forms answer the same questions: the shift of every cell, its transpose applied to a vector, and the slopes of all
cells, whose weighted sums over groups of cells make the Jacobian and the Hessian.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.records import record

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: Slopes ``(n_cells, n_columns)``: an array, or a sparse one in rows.
Slopes: TypeAlias = "Floats | csr_array[Any]"

_SMALL = 1_000_000  # entries of a dense matrix up to which nothing else is worth its overhead
_SELECTION = 12  # entries of a dense selection per selected row up to which its product is faster than adding rows
_DENSE = 0.25  # fraction of entries present above which a larger one is dense, too


@record
class DenseShifts:
    """``matrix`` is ``[S | A]``, shape ``(n_cells, 2 n_columns)``."""

    matrix: Floats

    def shift(self, alpha: Floats, g: Floats) -> Floats:
        """``S alpha + A g``, ``(n_cells, ...)`` for ``(n_columns, ...)``."""
        result: Floats = self.matrix.dot(np.concatenate((alpha, g)))
        return result

    def pull(self, v: Floats) -> tuple[Floats, Floats]:
        """``v S`` and ``v A``, ``(n_columns, ...)`` each for ``(n_cells, ...)``."""
        both: Floats = self.matrix.T.dot(v)
        n = len(both) // 2
        return both[:n], both[n:]

    def entries(self, most: int) -> tuple[Integers, Integers, Floats, Floats] | None:
        """Rows and columns of the entries that are present, and those of ``S`` and ``A``, if they are no more."""
        s, a = np.hsplit(self.matrix, 2)
        present = (s != 0.0) | (a != 0.0)
        if np.count_nonzero(present) > most:
            return None
        rows, columns = np.nonzero(present)
        return rows, columns, s[rows, columns], a[rows, columns]

    def columns(self, chosen: Integers) -> tuple[Floats, Floats]:
        """Columns of ``S`` and ``A``, ``(n_cells, n_chosen)`` each."""
        n = self.matrix.shape[1] // 2
        return self.matrix[:, chosen], self.matrix[:, n + chosen]

    def slopes(self, dg: Floats) -> Slopes:
        """``S + A diag(dg)``."""
        n = len(dg)
        return self.matrix[:, :n] + self.matrix[:, n:] * dg


@record
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
        """``S alpha + A g``, ``(n_cells, ...)`` for ``(n_columns, ...)``."""
        result: Floats = self._array(self.s) @ alpha + self._array(self.a) @ g
        return result

    def pull(self, v: Floats) -> tuple[Floats, Floats]:
        """``v S`` and ``v A``, ``(n_columns, ...)`` each for ``(n_cells, ...)``."""
        s, a = (self._array(part).T @ v for part in (self.s, self.a))
        return s, a

    def entries(self, most: int) -> tuple[Integers, Integers, Floats, Floats] | None:
        """Those of :class:`DenseShifts`."""
        if len(self.indices) > most:
            return None
        return np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices, self.s, self.a

    def columns(self, chosen: Integers) -> tuple[Floats, Floats]:
        """Columns of ``S`` and ``A``, ``(n_cells, n_chosen)`` each."""
        s, a = (self._array(part)[:, chosen].toarray() for part in (self.s, self.a))
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


@record
class Groups:
    """Which rows of a matrix make up each group; a row may stand in several groups, and several times in one.

    ``index`` lists the rows group by group (``None``: all rows in order), ``starts`` where each group begins, and
    ``shape`` are the numbers of groups and of rows. Where the matrix that selects rows would be small, ``places`` are
    the places of the listed rows in it: multiplying with it is faster than adding up rows.
    """

    index: Integers | None
    starts: Integers
    shape: tuple[int, int]
    places: Integers | None

    @classmethod
    def of(cls, index: Integers | None, starts: Integers, n_rows: int) -> "Groups":
        """From rows listed group by group."""
        rows = np.arange(n_rows) if index is None else index
        sizes = np.diff(np.append(starts, len(rows)))
        small = len(starts) * n_rows <= min(_SELECTION * len(rows), _SMALL)
        places = np.repeat(np.arange(len(starts)), sizes) * n_rows + rows if small else None
        return cls(index=index, starts=starts, shape=(len(starts), n_rows), places=places)


def weighted_sums(matrix: Slopes, groups: Groups, weights: Floats) -> Floats:
    """Sums over groups of rows: for each group ``sum_i weights[i] * matrix[index[i]]``, ``(n_groups, n_columns)``."""
    if isinstance(matrix, np.ndarray):
        result: Floats
        if groups.places is not None:
            result = (
                np.bincount(groups.places, weights, groups.shape[0] * groups.shape[1]).reshape(groups.shape) @ matrix
            )
            return result
        if len(weights) * matrix.shape[1] <= _SMALL:
            rows = matrix if groups.index is None else matrix[groups.index]
            result = np.add.reduceat(rows * weights[:, None], groups.starts, axis=0)
            return result
    from scipy.sparse import csr_array

    place = np.arange(matrix.shape[0]) if groups.index is None else groups.index
    selection = csr_array((weights, place, np.append(groups.starts, len(weights))), shape=groups.shape)
    summed: Any = selection @ matrix
    dense: Floats = summed if isinstance(summed, np.ndarray) else summed.toarray()
    return dense
