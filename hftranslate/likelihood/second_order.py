r"""Exact Hessian of a function of the expected yields.

For a function of the bins with first derivatives ``w`` and second derivatives ``diag(c)``,

    Hessian = J^T diag(c) J + sum_cells w_bin(cell) * d2 nu_cell,     J = d nu_bin / d theta.

A cell is ``nu = a F t_1 ... t_K`` with the additive part ``a``, the row factor ``F`` and the direct factors ``t_k``.
Its second derivatives, by kinds of parameters (``l = d ln F``, ``a'`` and ``a''`` those of the additive part):

=====================  ========================================================
additive, additive     ``a'' F t_1 ... t_K`` (diagonal)
additive, normsys      ``a' F t_1 ... t_K * l``
normsys, normsys       ``nu (l l^T + diag(F''/F - l^2))``
direct, additive       ``a' F *`` product of the other direct factors
direct, normsys        ``a F *`` product of the other direct factors ``* l``
direct, direct         ``a F *`` product of the direct factors but those two
=====================  ========================================================

Nothing here divides by a direct factor, so that factors of exactly zero need no special care.

The kinds are blocks of the matrix: inside this module parameters are ordered by kind (those of HistoSys alone, of
HistoSys and NormSys, of NormSys alone, direct ones), so that a block is a slice, and put back into the model's order at
the end.
"""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells, State
from hftranslate.likelihood.outer import outer_products
from hftranslate.likelihood.pattern import products_of_others
from hftranslate.likelihood.storage import Slopes, weighted_sums
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@record
class _Parts:
    """First derivatives by kind of parameter, from which Jacobian and Hessian are put together.

    ``shifts`` ``(n_cells, n_columns)`` of the additive part and ``lift`` ``(n_cells,)`` by which it acts on the yield;
    ``ratio`` ``f' / f`` of every NormSys entry; ``logs`` ``(n_rows, n)`` of the row factor; ``uses`` ``d nu / d t`` of
    every use of a direct factor, ``use_others`` the product of the other ones there.
    """

    shifts: Slopes
    lift: Floats
    ratio: Floats
    logs: Floats
    uses: Floats
    use_others: Floats


def _parts(cells: Cells, state: State) -> _Parts:
    p = cells.pattern
    n_normsys = p.normsys.stop - p.normsys.start
    ratio = cells.ratio(state)
    # a parameter may enter a row twice: as HistoSys of a multiplicative code and as NormSys
    logs: Floats = np.bincount(p.entry, ratio, cells.n_rows * n_normsys).astype(np.float64, copy=False)
    logs = logs.reshape(cells.n_rows, n_normsys)
    uses, use_others = _uses(cells, state)
    return _Parts(
        shifts=cells.additive.shifts.slopes(state.curves[2]),
        lift=cells.lift(state),
        ratio=ratio,
        logs=logs,
        uses=uses,
        use_others=use_others,
    )


def _uses(cells: Cells, state: State) -> tuple[Floats, Floats]:
    """``d nu / d t`` of every use of a direct factor, and the product of the other ones there."""
    p = cells.pattern
    others = products_of_others(state.slots)[p.use_slot, p.use_cell]
    return (state.additive * state.scale)[p.use_cell] * others, others


def jacobian(cells: Cells, state: State) -> Floats:
    """``d nu_bin / d theta``, shape ``(n_bins, P)``."""
    if cells.terms is None:
        return _jacobian(cells, state, _parts(cells, state))[:, cells.pattern.inverse]
    t, uses = cells.terms, _uses(cells, state)[0]
    shifts = (t.slope + t.bend * state.curves[2][t.column]) * cells.lift(state)[t.cell]
    factors = state.nu[t.factor_cell] * cells.ratio(state)[t.factor_entry]
    sums: Floats = np.bincount(
        t.place, np.concatenate((shifts, factors, uses)), cells.n_bins * cells.n_parameters
    ).astype(np.float64, copy=False)
    return sums.reshape(cells.n_bins, cells.n_parameters)


def products_of_slopes(cells: Cells, state: State, weights: Floats) -> Floats:
    """``J^T diag(weights) J``, ``(P, P)``, for weights of the bins, ``(n_bins,)``."""
    if cells.terms is not None:
        return outer_products(jacobian(cells, state), weights, cells.pattern.bin_groups)
    slopes = _jacobian(cells, state, _parts(cells, state))
    return _in_order(cells, outer_products(slopes, weights, cells.pattern.bin_groups))


def _in_order(cells: Cells, matrix: Floats) -> Floats:
    """A matrix of parameters ordered by kind in the model's order; the one given is used up."""
    inverse = cells.pattern.inverse[: cells.pattern.moved]
    if len(inverse) == len(matrix):
        return matrix[inverse].take(inverse, axis=1)
    matrix[: len(inverse)] = matrix[inverse]
    matrix[:, : len(inverse)] = matrix.take(inverse, axis=1)
    return matrix


def _jacobian(cells: Cells, state: State, parts: _Parts) -> Floats:
    p = cells.pattern
    result = np.zeros((cells.n_bins, cells.n_parameters))
    if cells.additive.parameter.size:
        by_shift = weighted_sums(parts.shifts, p.cells_of_bins, parts.lift)
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            result[:, places] += by_shift[:, columns]
    if p.entry.size:
        result[:, p.normsys] += weighted_sums(parts.logs, p.rows_of_bins, state.nu)
    if p.use_cell.size:
        result.ravel()[p.use_places] += np.bincount(p.use_place_of, parts.uses, len(p.use_places))
    return result


def second_order(cells: Cells, state: State, weights: Floats, curvature: Floats) -> tuple[Floats, Floats]:
    """Gradient ``(P,)`` and Hessian ``(P, P)`` of a function of the bins.

    Parameters
    ----------
    weights, curvature
        its first derivatives by the bins and the diagonal of its second ones, ``(n_bins,)`` each.
    """
    w = weights[cells.bin]
    parts = _parts(cells, state)
    slopes = _jacobian(cells, state, parts)
    hessian = outer_products(slopes, curvature, cells.pattern.bin_groups)
    _mixed_terms(cells, state, w, parts, hessian)
    _additive_terms(cells, state, w, parts, hessian)
    _normsys_terms(cells, state, w, parts, hessian)
    return (weights @ slopes)[cells.pattern.inverse], _in_order(cells, hessian)


def _additive_terms(cells: Cells, state: State, w: Floats, parts: _Parts, hessian: Floats) -> None:
    p = cells.pattern
    if not cells.additive.parameter.size:
        return
    bend = cells.additive.shifts.pull(w * parts.lift)[1] * state.curves[3]
    for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
        np.einsum("ii->i", hessian)[places] += bend[columns]


def _normsys_terms(cells: Cells, state: State, w: Floats, parts: _Parts, hessian: Floats) -> None:
    p, m = cells.pattern, cells.multiplicative
    if not p.entry.size:
        return
    row_weights: Floats = np.bincount(cells.row, w * state.nu, cells.n_rows).astype(np.float64)
    hessian[p.normsys, p.normsys] += parts.logs.T @ (parts.logs * row_weights[:, None])
    bend = row_weights[m.row] * (state.factors[2] / state.factors[0] - parts.ratio * parts.ratio)
    np.einsum("ii->i", hessian)[:] += np.bincount(p.inverse[m.parameter], bend, cells.n_parameters)


def _mixed_terms(cells: Cells, state: State, w: Floats, parts: _Parts, hessian: Floats) -> None:
    p = cells.pattern
    has_shifts = cells.additive.parameter.size > 0
    if p.entry.size and has_shifts:
        lift = (w * parts.lift)[p.cells_of_rows.index]
        block = weighted_sums(parts.shifts, p.cells_of_rows, lift).T @ parts.logs
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            _block(hessian, places, p.normsys, block[columns])
    if not p.use_cell.size:
        return
    without_direct = state.scale if state.alive is None else state.scale * state.alive
    if has_shifts:
        use_weights = (w * without_direct)[p.use_cell] * parts.use_others
        by_shift = weighted_sums(parts.shifts, p.cells_of_uses, use_weights)
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            _block(hessian, p.direct, places, by_shift[:, columns])
    if p.entry.size:
        use_weights = w[p.use_cell] * parts.uses
        _block(hessian, p.direct, p.normsys, weighted_sums(parts.logs, p.rows_of_uses, use_weights))
    if p.pairs:
        base = w * state.additive * state.scale
        terms = [_pair_terms(base, state.slots, *pair) for pair in p.pairs]
        sums = np.bincount(p.pair_place_of, np.concatenate(terms), len(p.pair_places))
        one, other = np.divmod(p.pair_places, len(hessian))
        hessian[one, other] += sums
        hessian[other, one] += sums


def _pair_terms(base: Floats, slots: Floats, k: int, m: int, cells: Integers) -> Floats:
    """``d2 nu / d t_k d t_m`` of cells: the product of everything but these two direct factors."""
    rest = base[cells]
    for other in range(len(slots)):
        if other not in (k, m):
            rest = rest * slots[other, cells]
    return rest


def _block(matrix: Floats, rows: slice | Integers, columns: slice | Integers, block: Floats) -> None:
    """Add a block of two kinds, on both sides of the diagonal, at places that are slices or indices."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        matrix[rows, columns] += block
        matrix[columns, rows] += block.T
    else:
        matrix[rows[:, None], columns] += block
        matrix[columns[:, None], rows] += block.T
