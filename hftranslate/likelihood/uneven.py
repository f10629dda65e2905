"""Uneven effects of some systematics at some points: what those at -1 and +1 have in common, bin by bin."""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells, State

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def uneven_effects(cells: Cells, state: State, point: Integers, parameter: Integers) -> Floats:
    """``[nu(1) + nu(-1)] / 2 - nu(0)`` of the bins for constrained parameters, the others as they are, ``(n, n_bins)``.

    Of a parameter of HistoSys and NormSys the sum of both, each with the other as it is.

    Parameters
    ----------
    state
        the yields at many points.
    point, parameter
        at which of the points ``(n,)`` each parameter ``(n,)`` is asked for.
    """
    a, m, p = cells.additive, cells.multiplicative, cells.pattern
    effects = np.zeros((len(parameter), len(cells.nominal)))
    for columns in a.code_columns:  # within a code every parameter has one column
        place = np.full(cells.n_parameters, -1)
        place[a.parameter[columns]] = np.arange(columns.start, columns.stop)
        has = np.flatnonzero(place[parameter] >= 0)
        if has.size:
            effects[has] += (a.shifts.columns(place[parameter[has]])[1] * cells.lift(state)[:, point[has]]).T
    if m.row.size:
        count = np.diff(p.entry_starts)[parameter]
        mover = np.repeat(np.arange(len(parameter)), count)
        begin = np.repeat(p.entry_starts[parameter] - np.cumsum(count) + count, count)
        entry = p.entries[np.arange(len(mover)) + begin]
        mean = (0.5 * (m.lo + m.hi)[entry] - 1.0) / state.factors[0][entry, point[mover]]
        by_row = np.bincount(mover * cells.n_rows + m.row[entry], mean, len(count) * cells.n_rows)
        effects += by_row.reshape(len(count), cells.n_rows)[:, cells.row] * state.nu.T[point]
    by_bin: Floats = np.add.reduceat(effects, cells.bin_starts, axis=1)
    return by_bin
