r"""Hessians of the rank of the bins, and steps by them: for models with far fewer bins than parameters.

Without the second derivatives of the yields by two parameters the Hessian of a fit is ``D + R^T R``, with a diagonal
``D`` and one row of ``R`` for each bin. Its inverse takes a system of as many unknowns as there are bins, and as there
are parameters without constraint (:mod:`hftranslate.inference.together` has the formula): that of one fit here, and
those of many at once, in which some parameters are held and some bins are emptied.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.scipy_parts import dgetrf, dgetri, dposv
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
#: What solves a system for a vector ``(n,)``.
Solver: TypeAlias = Callable[[Floats], Floats]
#: Steps, the changes of the gradient along them, and the inverses of the products of both.
Memory: TypeAlias = list[tuple[Floats, Floats, Any]]

#: The least curvature along a constrained parameter, as a fraction of that of its width: uneven effects bend the NLL
#: down, and counts of zero have no curvature.
LEAST = 0.5
#: Columns that LAPACK has room to work on at once.
_BLOCK = 64
#: The curvature along parameters without constraint that no bin depends on.
NOTHING = 1e-9


@record
class LowRank:
    """``D + R^T R``.

    Attributes
    ----------
    root, variance
        ``R (n_bins, n)``, and the diagonal of ``D^-1``, ``(n,)``: zero for parameters without constraint, whose ``D``
        is zero.
    """

    root: Floats
    variance: Floats

    @classmethod
    def of(cls, jacobian: Floats, weights: Floats, diagonal: Floats, width: Floats) -> "LowRank":
        """From derivatives of yields ``(n_bins, n)``, the weight of each bin in the Hessian, and the constraints.

        ``diagonal`` is what belongs to each parameter alone, and ``width`` its prior uncertainty, zero for none.
        """
        prior = width * width
        return cls(root=jacobian * np.sqrt(weights)[:, None], variance=prior / np.maximum(diagonal * prior, LEAST))

    @property
    def loose(self) -> Booleans:
        """Which parameters have no constraint, ``(n,)``."""
        found: Booleans = self.variance == 0.0
        return found

    def square(self, v: Floats) -> float:
        """``v^T (D + R^T R) v`` for ``v (n,)``."""
        along, tight = self.root.dot(v), ~self.loose
        return float(along.dot(along) + (v[tight] / self.variance[tight]).dot(v[tight]))

    def inverse(self, held: Booleans | None = None) -> "Inverse":
        """Its inverse; that of the block of the other parameters, and zero elsewhere, where some are ``held (n,)``."""
        variance, loose = self.variance, self.loose
        if held is not None:
            free = ~held
            variance, loose = variance * free, loose & free
        places = loose.nonzero()[0]
        b = len(self.root)
        sides = np.zeros((b + len(places), len(variance)))
        np.multiply(self.root, variance, out=sides[:b])
        sides[np.arange(b, len(sides)), places] = 1.0
        matrix = small_system(sides[:b].dot(self.root.T), self.root[:, places])
        return Inverse(variance=variance, sides=sides, middle=_inverted(matrix))


@record
class Inverse:
    """The inverse of ``D + R^T R``, ``V - S^T M S``.

    ``variance`` is the diagonal of ``V = D^-1``, ``sides`` are ``R V`` and a unit vector for each parameter without
    constraint, and ``middle`` is the inverse of the small system between them, which is symmetric.
    """

    variance: Floats
    sides: Floats
    middle: Floats

    def times(self, v: Floats) -> Floats:
        """It times ``v (..., n)``."""
        result: Floats = self.variance * v
        result -= v.dot(self.sides.T).dot(self.middle).dot(self.sides)
        return result

    def columns(self, chosen: Integers) -> Floats:
        """Some of its columns, ``(n_chosen, n)``."""
        units = np.zeros((len(chosen), len(self.variance)))
        units[np.arange(len(chosen)), chosen] = 1.0
        return self.times(units)


def small_system(core: Floats, columns: Floats) -> Floats:
    """The system between ``R s`` and the parameters without constraint, ``(..., n_bins + n_loose, n_bins + n_loose)``.

    Those stand in it with the opposite sign, which makes it symmetric.

    Parameters
    ----------
    core, columns
        ``R_c D^-1 R_c^T`` and ``R_f``, ``(..., n_bins, n_bins)`` and ``(..., n_bins, n_loose)``, of one point or many.
    """
    b, k = core.shape[-1], core.shape[-1] + columns.shape[-1]
    matrix = np.zeros((*core.shape[:-2], k, k))
    matrix[..., :b, :b] = core
    matrix[..., :b, b:] = columns
    matrix[..., b:, :b] = columns.swapaxes(-1, -2)
    diagonal = np.einsum("...ii->...i", matrix)
    diagonal[..., :b] += 1.0
    diagonal[..., b:] = -NOTHING
    return matrix


#: A Hessian ``(n, n)``, or what there is of one at the rank of the bins.
Hessian: TypeAlias = Floats | LowRank


def following(hessian: Hessian, rows: Integers, columns: Integers) -> Floats | None:
    """How much the minimum over some parameters moves against others that move, ``(n_columns, n_rows)``."""
    if isinstance(hessian, LowRank):
        held = np.ones(hessian.root.shape[1], dtype=np.bool_)
        held[rows] = False
        return hessian.inverse(held).times(hessian.root[:, columns].T @ hessian.root)[:, rows]
    _, slopes, failed = dposv(hessian[rows[:, None], rows], hessian[rows[:, None], columns])
    return None if failed else np.asarray(slopes.T, dtype=np.float64)


def _inverted(matrix: Floats) -> Floats:
    factors, pivots, failed = dgetrf(matrix)
    room = _BLOCK * len(matrix)
    inverse = np.linalg.pinv(matrix) if failed else dgetri(factors, pivots, room)[0]  # as of factors that do the same
    return np.asarray(inverse, dtype=np.float64)


@record
class Metric:
    """Quadratic models ``D + R^T R``, ``R = roots J``, with some parameters held: the systems that give their steps.

    ``jacobian`` ``(n, n_bins, n_free)`` is ``J``; ``roots`` ``(n, n_bins)`` are one for bins that are emptied;
    ``diagonal`` is that of ``D``, ``loose`` are the parameters without one, and ``inverse`` is that of ``D`` for the
    others, zero for those that are ``held``. ``matrix`` ``(n, k, k)`` is the system.
    """

    jacobian: Floats
    roots: Floats
    diagonal: Floats
    held: Booleans
    loose: Integers
    inverse: Floats
    matrix: Floats

    @classmethod
    def made(
        cls,
        jacobian: Floats,
        roots: Floats,
        diagonal: Floats,
        held: Booleans,
        loose: Integers,
        room: Floats | None = None,
    ) -> "Metric":
        """From ``J``, the roots, the diagonal of ``D``, and what is held or loose; ``room`` is overwritten."""
        inverse = np.where(held, 0.0, 1.0 / diagonal)
        inverse[:, loose] = 0.0
        core = np.multiply(jacobian, inverse[:, None], out=room) @ np.swapaxes(jacobian, 1, 2)
        core *= roots[:, :, None] * roots[:, None]
        b, tied = jacobian.shape[1], held[:, loose]
        matrix = small_system(core, np.where(tied[:, None], 0.0, jacobian[:, :, loose] * roots[..., None]))
        diagonals = np.einsum("nii->ni", matrix)
        diagonals[:, b:] = np.where(tied, 1.0, -NOTHING)
        return cls(
            jacobian=jacobian, roots=roots, diagonal=diagonal, held=held, loose=loose, inverse=inverse, matrix=matrix
        )

    def emptying(self, which: Integers, held: Booleans, emptied: Booleans) -> "Metric":
        """Some of the models with other parameters held, and bins emptied."""
        roots = np.where(emptied, 1.0, self.roots[which])
        metric = self.made(self.jacobian[which], roots, self.diagonal[which], held, self.loose)
        ones = np.einsum("nii->ni", metric.matrix)[:, : roots.shape[1]]
        ones -= np.where(emptied, 1.0 - NOTHING, 0.0)
        return metric

    def solve(self, v: Floats, emptying: Floats | float = 0.0) -> Floats:
        """``(D + R^T R)^-1 v`` for ``v (n, n_free)``, which is zero for what is held.

        Bins that are emptied lose ``emptying (n, n_bins)`` by it.
        """
        return self._solution(v, emptying)[0]

    def forces(self, v: Floats) -> Floats:
        """By how much bins that are emptied resist ``v (n, n_free)``: ``v = J^T forces`` where no other one is left."""
        return self._solution(v, 0.0)[1]

    def _solution(self, v: Floats, emptying: Floats | float) -> tuple[Floats, Floats]:
        """The solution, and ``z``."""
        b = self.roots.shape[1]
        result = self.inverse * v
        rhs = np.empty(self.matrix.shape[:2])
        rhs[:, :b] = self.roots * along(self.jacobian, result) - emptying
        rhs[:, b:] = v[:, self.loose]
        z = solved(self.matrix, rhs[..., None])[..., 0]
        result -= self.inverse * back(self.jacobian, self.roots * z[:, :b])
        result[:, self.loose] = -z[:, b:]
        return result, z[:, :b]

    def columns(self, which: Integers, parameter: Integers) -> Floats:
        """Columns of the inverses of some models ``(n,)``, in order, each for one parameter, ``(n, n_free)``."""
        b, each = self.roots.shape[1], np.arange(len(which))
        own = self.inverse[which, parameter]
        rhs = np.empty((len(which), self.matrix.shape[1]))
        rhs[:, :b] = own[:, None] * self.roots[which] * self.jacobian[which, :, parameter]
        rhs[:, b:] = self.loose == parameter[:, None]
        z = solved(self.matrix[which], rhs[..., None])[..., 0]
        pulls, result = self.roots[which] * z[:, :b], np.empty((len(which), self.inverse.shape[1]))
        starts = np.flatnonzero(np.diff(which, prepend=-1))
        for first, last in zip(starts, [*starts[1:], len(which)], strict=True):  # a Jacobian for each takes long
            np.matmul(pulls[first:last], self.jacobian[which[first]], out=result[first:last])
        result *= -self.inverse[which]
        result[each, parameter] += own
        result[:, self.loose] = -z[:, b:]
        return result


def along(matrices: Floats, v: Floats) -> Floats:
    """Products of matrices ``(n, n_bins, n_free)`` and vectors ``(n, n_free)``."""
    product: Floats = (matrices @ v[..., None])[..., 0]
    return product


def back(matrices: Floats, v: Floats) -> Floats:
    """Products of the transposed matrices and vectors ``(n, n_bins)``."""
    product: Floats = (v[:, None, :] @ matrices)[:, 0]
    return product


def solved(matrices: Floats, v: Floats) -> Floats:
    """Solutions of many systems; the shortest ones where one of them is singular, as of factors that do the same.

    NaN where a matrix has no finite numbers.
    """
    try:
        return np.asarray(np.linalg.solve(matrices, v), dtype=np.float64)
    except np.linalg.LinAlgError:
        result = np.full(v.shape, np.nan)
        for i in np.flatnonzero(np.isfinite(matrices).all(axis=(1, 2))).tolist():
            with suppress(np.linalg.LinAlgError):
                result[i] = np.linalg.pinv(matrices[i]) @ v[i]
        return result


def two_loops(
    slope: Floats, memory: Memory, inverse: Solver, product: Callable[[Floats, Floats], Any] = np.dot
) -> Floats:
    """The inverse of a Hessian that L-BFGS corrects times a gradient ``(n,)``, or of many ``(n_points, n)``.

    It is that of Nocedal and Wright, "Numerical Optimization", algorithm 7.4, with what an ``inverse`` of the Hessian
    gives in place of its first matrix. Parameters for which that is zero, and which no step moves, stay. For many,
    scalar ``product`` and what is remembered of it are ``(n_points, 1)``.
    """
    parts = []
    for step, change, scale in reversed(memory):
        parts.append(scale * product(step, slope))
        slope = slope - parts[-1] * change
    solution = inverse(slope)
    for step, change, scale in memory:
        solution += (parts.pop() - scale * product(change, solution)) * step
    return solution
