"""Where the entries of a model's sparse derivatives stand."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.storage import Groups
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Bins of a group, where channels have fewer.
_GROUP = 64


@record
class Pattern:
    """Where the entries of the sparse parts stand; it depends on the model only.

    Attributes
    ----------
    cells_of_bins, rows_of_bins, cells_of_rows
        the cells of each bin and the rows they belong to, and the cells of each row.
    bin_groups
        where groups of bins begin on which the same parameters act but for those of single bins: as many as a few
        dozen bins of whole channels, or a channel with more.
    inverse, moved
        place of each of the model's parameters in the order by kind; from which one on it is the same in both.
    additive
        places of the columns of each additive code.
    normsys, entry
        places of the ``n`` parameters of NormSys, and of each NormSys entry in a ``(n_rows, n)`` matrix.
    entries, entry_starts
        the NormSys entries by parameter, and by row within each; where those of each parameter begin, and the last end.
    direct
        places of the parameters that multiply cells directly. Their uses, sorted by parameter: ``use_slot`` and
        ``use_cell`` say where each stands; ``use_places`` are the distinct places in a ``(n_bins, P)`` matrix, and
        ``use_place_of`` which of them each belongs to; ``cells_of_uses`` and ``rows_of_uses`` are the cells and rows of
        each parameter.
    pairs
        pairs of direct factors of one cell: slots and cells of each, the distinct places in a ``(P, P)`` matrix, and
        which of them each pair belongs to.
    """

    cells_of_bins: Groups
    rows_of_bins: Groups
    cells_of_rows: Groups
    bin_groups: Integers
    inverse: Integers
    moved: int
    additive: tuple[slice | Integers, ...]
    normsys: slice
    entry: Integers
    entries: Integers
    entry_starts: Integers
    direct: slice
    use_slot: Integers
    use_cell: Integers
    cells_of_uses: Groups
    rows_of_uses: Groups
    use_places: Integers
    use_place_of: Integers
    pairs: tuple[tuple[int, int, Integers], ...]
    pair_places: Integers
    pair_place_of: Integers


def _distinct(parameters: Integers) -> Integers:
    """Each parameter once, in order. ``np.unique`` loads masked arrays, which takes as long as compiling a model."""
    return np.flatnonzero(np.bincount(parameters))


@record
class Terms:
    """The terms that the derivatives of the bins by the parameters are sums of, one by one.

    Attributes
    ----------
    cell, column, slope, bend
        the entries of ``S`` and ``A`` that are not zero, by which parameters shift cells.
    factor_cell, factor_entry
        the NormSys entries that act on cells.
    place
        of each of these, and then of each use of a direct factor, in a ``(n_bins, P)`` matrix in the model's order.
    """

    cell: Integers
    column: Integers
    slope: Floats
    bend: Floats
    factor_cell: Integers
    factor_entry: Integers
    place: Integers


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
    only_normsys = _distinct(normsys_parameter[~np.isin(normsys_parameter, everywhere)])
    slot, cell = np.nonzero(direct < n_parameters)
    order, first = np.unique(
        np.concatenate([everywhere[~shared], everywhere[shared], only_normsys, _distinct(direct[slot, cell])]),
        return_index=True,
    )
    order = order[np.argsort(first)]  # distinct, in the order of the kinds
    order = np.concatenate([order, np.flatnonzero(~np.isin(np.arange(n_parameters), order))]).astype(np.int64)
    inverse = np.argsort(order)
    first_normsys = len(_distinct(everywhere[~shared]))
    n_normsys = len(_distinct(normsys_parameter))
    first_direct = len(_distinct(everywhere)) + len(only_normsys)

    by_parameter = np.argsort(direct[slot, cell], kind="stable")
    slot, cell = slot[by_parameter], cell[by_parameter]
    factors, starts, place = np.unique(direct[slot, cell], return_index=True, return_inverse=True)
    places_of_uses = bin_of_cell[cell] * n_parameters + first_direct + place
    use_places, use_place_of = np.unique(places_of_uses, return_inverse=True)
    pairs, places = _pairs(direct, inverse)
    distinct, place_of = np.unique(places, return_inverse=True)
    cells_by_row = np.argsort(row_of_cell, kind="stable")
    n_cells, n_rows = len(bin_of_cell), int(row_of_cell.max()) + 1
    bin_starts = np.flatnonzero(np.diff(bin_of_cell, prepend=-1))
    row_starts = np.searchsorted(row_of_cell[cells_by_row], np.arange(n_rows))
    return Pattern(
        cells_of_bins=Groups.of(None, bin_starts, n_cells),
        rows_of_bins=Groups.of(row_of_cell, bin_starts, n_rows),
        cells_of_rows=Groups.of(cells_by_row, row_starts, n_cells),
        bin_groups=_groups(row_of_cell[bin_starts]),
        inverse=inverse,
        moved=int(np.flatnonzero(inverse != np.arange(n_parameters)).max(initial=-1)) + 1,
        additive=tuple(_as_slice(inverse[columns]) for columns in additive),
        normsys=slice(first_normsys, first_normsys + n_normsys),
        entries=np.argsort(normsys_parameter, kind="stable"),
        entry_starts=np.append(0, np.cumsum(np.bincount(normsys_parameter, minlength=n_parameters))),
        entry=normsys_row * n_normsys + inverse[normsys_parameter] - first_normsys,
        direct=slice(first_direct, first_direct + len(factors)),
        use_slot=slot,
        use_cell=cell,
        cells_of_uses=Groups.of(cell, starts, n_cells),
        rows_of_uses=Groups.of(row_of_cell[cell], starts, n_rows),
        use_places=use_places,
        use_place_of=use_place_of,
        pairs=pairs,
        pair_places=distinct.astype(np.int64),
        pair_place_of=place_of,
    )


def _pairs(direct: Integers, inverse: Integers) -> tuple[tuple[tuple[int, int, Integers], ...], Integers]:
    """Slots that stand together in cells, with these, and the places of such pairs in the Hessian."""
    n, pairs, places = len(inverse), [], [np.zeros(0, np.int64)]
    for k, m in combinations(range(len(direct)), 2):
        both = np.flatnonzero((direct[k] < n) & (direct[m] < n))
        if both.size:
            pairs.append((k, m, both))
            places.append(inverse[direct[k, both]] * n + inverse[direct[m, both]])
    return tuple(pairs), np.concatenate(places)


def _groups(first_rows: Integers) -> Integers:
    """Where groups of bins begin, each of whole channels: whose bins have the same row first."""
    channels = np.flatnonzero(np.diff(first_rows, prepend=-1))
    last = np.searchsorted(channels, np.arange(0, len(first_rows), _GROUP), side="right") - 1
    return channels[_distinct(last)]


def _as_slice(places: Integers) -> slice | Integers:
    """Consecutive places as a slice, which is much faster to address."""
    if places.size and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
        return slice(int(places[0]), int(places[0]) + len(places))
    return places


def products_of_others(slots: Floats) -> Floats:
    """For each direct factor the product of the other ones of its cell, ``(n_slots, n_cells)``, without dividing."""
    result = np.empty_like(slots)
    if len(slots) == 1:
        result.fill(1.0)
    elif len(slots) > 1:
        result[1] = before = slots[0]
        for k in range(2, len(slots)):
            result[k] = before = before * slots[k - 1]
        after = slots[-1]
        for k in range(len(slots) - 2, 0, -1):
            result[k] *= after
            after = after * slots[k]
        result[0] = after
    return result
