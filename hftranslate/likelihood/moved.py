"""The yields where one systematic alone moves away from a point whose yields are known: far less than a new point.

A parameter acts on its own columns of additive shifts and its own NormSys entries; all else stays as it was.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells, State
from hftranslate.likelihood.interpolation import CURVES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def moved_bins(cells: Cells, state: State, point: Integers, parameter: Integers, values: Floats) -> Floats:
    """Expected events of the bins with one parameter at other values, ``(n_bins, n, n_values)``.

    A cell that is clipped at zero is taken to be just there.

    Parameters
    ----------
    state
        the yields at many points.
    point, parameter, values
        which of the points ``(n,)`` each parameter ``(n,)`` leaves for which values ``(n, n_values)``.
    """
    additive = state.additive[:, point, None] + _shifts(cells, state, point, parameter, values)
    if cells.clipped is not None:
        additive = np.where(cells.clipped[:, None, None], np.maximum(additive, 0.0), additive)
    additive = additive * (state.scale * state.product)[:, point, None]
    if cells.multiplicative.row.size:
        additive = additive * _ratios(cells, state, point, parameter, values)[cells.row]
    bins: Floats = np.add.reduceat(additive, cells.bin_starts, axis=0)
    return bins


def _shifts(cells: Cells, state: State, point: Integers, parameter: Integers, values: Floats) -> Any:
    """What is added to the additive part of each cell, ``(n_cells, n, n_values)``, or zero."""
    a = cells.additive
    total: Any = 0.0
    for code, columns in zip(a.codes, a.code_columns, strict=True):
        place = np.full(cells.n_parameters, -1)
        place[a.parameter[columns]] = np.arange(columns.start, columns.stop)
        column = place[parameter]
        has = np.flatnonzero(column >= 0)
        if not has.size:
            continue
        before = state.curves[0][column[has], point[has]], state.curves[1][column[has], point[has]]
        g = CURVES[code](values[has], 0)[0]
        straight, bent = a.shifts.columns(column[has])
        shifts = np.zeros((len(cells.nominal), *values.shape))
        shifts[:, has] = straight[..., None] * (values[has] - before[0][:, None])
        shifts[:, has] += bent[..., None] * (g - before[1][:, None])
        total = total + shifts
    return total


def _ratios(cells: Cells, state: State, point: Integers, parameter: Integers, values: Floats) -> Floats:
    """By what the factor of each row is multiplied, ``(n_rows, n, n_values)``."""
    m, p = cells.multiplicative, cells.pattern
    first, count = p.entry_starts[parameter], np.diff(p.entry_starts)[parameter]
    mover = np.repeat(np.arange(len(parameter)), count)
    entry = p.entries[np.arange(len(mover)) + np.repeat(first - np.cumsum(count) + count, count)]
    ratio = m.factors_of(entry, values[mover], order=0)[0] / state.factors[0][entry, point[mover], None]
    place = mover * cells.n_rows + m.row[entry]
    result = np.ones((len(parameter) * cells.n_rows, values.shape[1]))
    starts = np.flatnonzero(np.diff(place, prepend=-1))  # a parameter may enter a row twice
    if starts.size:
        ratio = ratio if len(starts) == len(place) else np.multiply.reduceat(ratio, starts)
        result[place[starts]] = np.maximum(ratio, 0.0) if cells.floor_factors else ratio
    return np.swapaxes(result.reshape(len(parameter), cells.n_rows, values.shape[1]), 0, 1)
