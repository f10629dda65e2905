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

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.storage import Groups, Slopes, weighted_sums

if TYPE_CHECKING:
    from hftranslate.likelihood.cells import Cells, State

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pattern:
    """Where the entries of the sparse parts stand; it depends on the model only.

    Attributes
    ----------
    cells_of_bins, rows_of_bins, cells_of_rows
        the cells of each bin and the rows they belong to, and the cells of each row.
    inverse
        place of each of the model's parameters in the order by kind.
    additive
        places of the columns of each additive code.
    normsys, entry
        places of the ``n`` parameters of NormSys, and of each NormSys entry in a ``(n_rows, n)`` matrix.
    direct
        places of the ``f`` parameters that multiply cells directly. Their uses, sorted by parameter: ``use_slot`` and
        ``use_cell`` say where each stands, ``use_bin`` is its place in a ``(n_bins, f)`` matrix; ``cells_of_uses`` and
        ``rows_of_uses`` are the cells and rows of each parameter.
    pairs
        pairs of direct factors of one cell: slots and cells of each, the distinct places in a ``(P, P)`` matrix, and
        which of them each pair belongs to.
    """

    cells_of_bins: Groups
    rows_of_bins: Groups
    cells_of_rows: Groups
    inverse: Integers
    additive: tuple[slice | Integers, ...]
    normsys: slice
    entry: Integers
    direct: slice
    use_slot: Integers
    use_cell: Integers
    cells_of_uses: Groups
    rows_of_uses: Groups
    use_bin: Integers
    pairs: tuple[tuple[int, int, Integers], ...]
    pair_places: Integers
    pair_place_of: Integers


def find_pattern(
    n_parameters: int,
    bin_of_cell: Integers,
    row_of_cell: Integers,
    additive: Sequence[Integers],
    normsys_row: Integers,
    normsys_parameter: Integers,
    direct: Integers,
) -> Pattern:
    """The pattern of a model with the given parameters of each additive code, NormSys entries, and direct factors."""
    everywhere = np.concatenate([*additive, np.zeros(0, dtype=np.int64)])
    shared = np.isin(everywhere, normsys_parameter)
    only_normsys = np.setdiff1d(normsys_parameter, everywhere)
    slot, cell = np.nonzero(direct < n_parameters)
    order, first = np.unique(
        np.concatenate([everywhere[~shared], everywhere[shared], only_normsys, np.unique(direct[slot, cell])]),
        return_index=True,
    )
    order = order[np.argsort(first)]  # distinct, in the order of the kinds
    order = np.concatenate([order, np.setdiff1d(np.arange(n_parameters), order)]).astype(np.int64)
    inverse = np.argsort(order)
    first_normsys = len(np.unique(everywhere[~shared]))
    n_normsys = len(np.unique(normsys_parameter))
    first_direct = len(np.unique(everywhere)) + len(only_normsys)

    by_parameter = np.argsort(direct[slot, cell], kind="stable")
    slot, cell = slot[by_parameter], cell[by_parameter]
    factors, starts, place = np.unique(direct[slot, cell], return_index=True, return_inverse=True)
    pairs, places = [], []
    for k, m in combinations(range(len(direct)), 2):
        both = np.flatnonzero((direct[k] < n_parameters) & (direct[m] < n_parameters))
        if both.size:
            pairs.append((k, m, both))
            places.append(inverse[direct[k, both]] * n_parameters + inverse[direct[m, both]])
    distinct, place_of = np.unique(np.concatenate([*places, np.zeros(0, np.int64)]), return_inverse=True)
    cells_by_row = np.argsort(row_of_cell, kind="stable")
    n_cells, n_rows = len(bin_of_cell), int(row_of_cell.max()) + 1
    bin_starts = np.flatnonzero(np.diff(bin_of_cell, prepend=-1))
    row_starts = np.searchsorted(row_of_cell[cells_by_row], np.arange(n_rows))
    return Pattern(
        cells_of_bins=Groups.of(None, bin_starts, n_cells),
        rows_of_bins=Groups.of(row_of_cell, bin_starts, n_rows),
        cells_of_rows=Groups.of(cells_by_row, row_starts, n_cells),
        inverse=inverse,
        additive=tuple(_as_slice(inverse[columns]) for columns in additive),
        normsys=slice(first_normsys, first_normsys + n_normsys),
        entry=normsys_row * n_normsys + inverse[normsys_parameter] - first_normsys,
        direct=slice(first_direct, first_direct + len(factors)),
        use_slot=slot,
        use_cell=cell,
        cells_of_uses=Groups.of(cell, starts, n_cells),
        rows_of_uses=Groups.of(row_of_cell[cell], starts, n_rows),
        use_bin=bin_of_cell[cell] * len(factors) + place,
        pairs=tuple(pairs),
        pair_places=distinct.astype(np.int64),
        pair_place_of=place_of,
    )


def _as_slice(places: Integers) -> slice | Integers:
    """Consecutive places as a slice, which is much faster to address."""
    if places.size and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        return slice(int(places[0]), int(places[0]) + len(places))
    return places


@dataclass(frozen=True, slots=True, eq=False)
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


def _parts(cells: "Cells", state: "State") -> _Parts:
    p = cells.pattern
    n_normsys = p.normsys.stop - p.normsys.start
    ratio = state.factors[1] / state.factors[0]
    # a parameter may enter a row twice: as HistoSys of a multiplicative code and as NormSys
    logs: Floats = np.bincount(p.entry, ratio, cells.n_rows * n_normsys).astype(np.float64, copy=False)
    logs = logs.reshape(cells.n_rows, n_normsys)
    use_others = products_of_others(state.slots)[p.use_slot, p.use_cell]
    return _Parts(
        shifts=cells.additive.shifts.slopes(state.curves[2]),
        lift=cells.lift(state),
        ratio=ratio,
        logs=logs,
        uses=(state.additive * state.scale)[p.use_cell] * use_others,
        use_others=use_others,
    )


def jacobian(cells: "Cells", state: "State") -> Floats:
    """``d nu_bin / d theta``, shape ``(n_bins, P)``."""
    return _jacobian(cells, state, _parts(cells, state))[:, cells.pattern.inverse]


def _jacobian(cells: "Cells", state: "State", parts: _Parts) -> Floats:
    p = cells.pattern
    result = np.zeros((cells.n_bins, cells.n_parameters))
    if cells.additive.parameter.size:
        by_shift = weighted_sums(parts.shifts, p.cells_of_bins, parts.lift)
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            result[:, places] += by_shift[:, columns]
    if p.entry.size:
        result[:, p.normsys] += weighted_sums(parts.logs, p.rows_of_bins, state.nu)
    if p.use_cell.size:
        n_direct = p.direct.stop - p.direct.start
        by_bin: Floats = np.bincount(p.use_bin, parts.uses, cells.n_bins * n_direct).astype(np.float64)
        result[:, p.direct] += by_bin.reshape(cells.n_bins, n_direct)
    return result


def second_order(cells: "Cells", state: "State", weights: Floats, curvature: Floats) -> tuple[Floats, Floats]:
    """Gradient ``(P,)`` and Hessian ``(P, P)`` of a function of the bins.

    Parameters
    ----------
    weights, curvature
        its first derivatives by the bins and the diagonal of its second ones, ``(n_bins,)`` each.
    """
    w = weights[cells.bin]
    parts = _parts(cells, state)
    slopes = _jacobian(cells, state, parts)
    mixed = np.zeros((cells.n_parameters, cells.n_parameters))  # blocks of two kinds, on one side of the diagonal
    _mixed_terms(cells, state, w, parts, mixed)
    hessian: Floats = slopes.T @ (slopes * curvature[:, None])
    hessian += mixed
    hessian += mixed.T
    _additive_terms(cells, state, w, parts, hessian)
    _normsys_terms(cells, state, w, parts, hessian)
    inverse = cells.pattern.inverse
    return (weights @ slopes)[inverse], hessian[inverse[:, None], inverse]


def _additive_terms(cells: "Cells", state: "State", w: Floats, parts: _Parts, hessian: Floats) -> None:
    p = cells.pattern
    if not cells.additive.parameter.size:
        return
    bend = cells.additive.shifts.pull(w * parts.lift)[1] * state.curves[3]
    for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
        np.einsum("ii->i", hessian)[places] += bend[columns]


def _normsys_terms(cells: "Cells", state: "State", w: Floats, parts: _Parts, hessian: Floats) -> None:
    p, m = cells.pattern, cells.multiplicative
    if not p.entry.size:
        return
    row_weights: Floats = np.bincount(cells.row, w * state.nu, cells.n_rows).astype(np.float64)
    hessian[p.normsys, p.normsys] += parts.logs.T @ (parts.logs * row_weights[:, None])
    bend = row_weights[m.row] * (state.factors[2] / state.factors[0] - parts.ratio * parts.ratio)
    np.einsum("ii->i", hessian)[:] += np.bincount(p.inverse[m.parameter], bend, cells.n_parameters)


def _mixed_terms(cells: "Cells", state: "State", w: Floats, parts: _Parts, mixed: Floats) -> None:
    p = cells.pattern
    has_shifts = cells.additive.parameter.size > 0
    if p.entry.size and has_shifts:
        lift = (w * parts.lift)[p.cells_of_rows.index]
        block = weighted_sums(parts.shifts, p.cells_of_rows, lift).T @ parts.logs
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            _block(mixed, places, p.normsys, block[columns])
    if not p.use_cell.size:
        return
    without_direct = state.scale if state.alive is None else state.scale * state.alive
    if has_shifts:
        use_weights = (w * without_direct)[p.use_cell] * parts.use_others
        by_shift = weighted_sums(parts.shifts, p.cells_of_uses, use_weights)
        for places, columns in zip(p.additive, cells.additive.code_columns, strict=True):
            _block(mixed, p.direct, places, by_shift[:, columns])
    if p.entry.size:
        use_weights = w[p.use_cell] * parts.uses
        mixed[p.direct, p.normsys] += weighted_sums(parts.logs, p.rows_of_uses, use_weights)
    if p.pairs:
        base = w * state.additive * state.scale
        terms = [_pair_terms(base, state.slots, *pair) for pair in p.pairs]
        mixed.ravel()[p.pair_places] += np.bincount(p.pair_place_of, np.concatenate(terms), len(p.pair_places))


def _pair_terms(base: Floats, slots: Floats, k: int, m: int, cells: Integers) -> Floats:
    """``d2 nu / d t_k d t_m`` of cells: the product of everything but these two direct factors."""
    rest = base[cells]
    for other in range(len(slots)):
        if other not in (k, m):
            rest = rest * slots[other, cells]
    return rest


def _block(matrix: Floats, rows: slice | Integers, columns: slice | Integers, block: Floats) -> None:
    """Add a block at places that are slices or, with several additive codes, indices."""
    if isinstance(rows, slice) or isinstance(columns, slice):
        matrix[rows, columns] += block
    else:
        matrix[rows[:, None], columns] += block


def products_of_others(slots: Floats) -> Floats:
    """For each direct factor the product of the other ones of its cell, ``(n_slots, n_cells)``, without dividing."""
    result = np.ones_like(slots)
    for k in range(1, len(slots)):
        result[k] = result[k - 1] * slots[k - 1]
    if len(slots) > 1:
        after = slots[-1]
        for k in range(len(slots) - 2, -1, -1):
            result[k] *= after
            after = after * slots[k]
    return result
