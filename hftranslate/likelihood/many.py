"""First derivatives at many parameter points at once, for searches that look at many places."""

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import Cells
from hftranslate.likelihood.interpolation import CURVES, factor_exponential, factor_linear
from hftranslate.likelihood.pattern import products_of_others

Floats = NDArray[np.float64]


def jacobians(cells: Cells, thetas: Floats) -> tuple[Floats, Floats]:
    """Yields of the bins ``(n_points, n_bins)`` and their derivatives ``(n_points, n_bins, n_parameters)``."""
    n, n_cells = len(thetas), len(cells.nominal)
    by_cell = np.zeros((n, n_cells, cells.n_parameters + 1))  # the last one stands for no parameter
    additive, slopes = _additive(cells, thetas)
    scale, logs = _factors(cells, thetas)
    extended = np.concatenate([thetas, np.ones((n, 1))], axis=1)
    slots = np.moveaxis(extended[:, cells.direct], 1, 0)  # (n_slots, n_points, n_cells)
    product = np.multiply.reduce(slots, axis=0)
    nu = additive * scale * product
    slopes *= (scale * product)[..., None]
    for columns in cells.additive.code_columns:  # within a code every parameter has one column
        by_cell[..., cells.additive.parameter[columns]] += slopes[..., columns]
    by_cell[..., :-1] += nu[..., None] * logs[:, cells.row]
    each = np.arange(n_cells)
    for index, others in zip(cells.direct, products_of_others(slots), strict=True):
        by_cell[:, each, index] += additive * scale * others
    return (
        np.add.reduceat(nu, cells.bin_starts, axis=1),
        np.add.reduceat(by_cell[..., :-1], cells.bin_starts, axis=1),
    )


def _additive(cells: Cells, thetas: Floats) -> tuple[Floats, Floats]:
    """The additive part ``(n_points, n_cells)`` and its derivatives ``(n_points, n_cells, n_columns)``."""
    a = cells.additive
    alpha = thetas[:, a.parameter]
    g, dg = np.empty_like(alpha), np.empty_like(alpha)
    for code, columns in zip(a.codes, a.code_columns, strict=True):
        g[:, columns], dg[:, columns], _ = CURVES[code](alpha[:, columns])
    value = cells.nominal + a.shifts.shift_many(alpha, g)
    slopes = a.shifts.slopes_many(dg)
    if cells.clipped is not None:
        dead = cells.clipped & (value <= 0.0)
        value, slopes = np.where(dead, 0.0, value), np.where(dead[..., None], 0.0, slopes)
    return value, slopes


def _factors(cells: Cells, thetas: Floats) -> tuple[Floats, Floats]:
    """Row factors of the cells ``(n_points, n_cells)``; their logarithmic derivatives ``(n_points, n_rows, n)``."""
    m, n = cells.multiplicative, len(thetas)
    if not m.rows.size:
        return np.ones((n, len(cells.nominal))), np.zeros((n, cells.n_rows, cells.n_parameters))
    alpha = thetas[:, m.parameter]
    value, slope = alpha * m.table[0, 0], alpha * m.table[0, 1]
    for coefficients in m.table[1:-1]:
        value, slope = (value + coefficients[0]) * alpha, (slope + coefficients[1]) * alpha
    value, slope = value + m.table[-1, 0], slope + m.table[-1, 1]
    outside = np.nonzero((np.abs(alpha) >= 1.0) | ~m.polynomial)
    entry = outside[1]
    value[outside], slope[outside], _ = factor_exponential(alpha[outside], m.log_lo[entry], m.log_hi[entry])
    for code, entry in m.linear:
        value[:, entry], slope[:, entry], _ = factor_linear(alpha[:, entry], code, m.lo[entry], m.hi[entry])
    rows = np.ones((n, cells.n_rows))
    rows[:, m.rows] = np.multiply.reduceat(value, m.starts, axis=1)
    ratio = slope / np.where(value == 0.0, np.finfo(np.float64).tiny, value)
    if cells.floor_factors:
        dead = rows <= 0.0
        rows = np.where(dead, np.finfo(np.float64).tiny, rows)
        ratio = np.where(dead[:, m.row], 0.0, ratio)
    # a parameter may enter a row twice: as HistoSys of a multiplicative code and as NormSys
    sums = np.zeros((cells.n_rows * cells.n_parameters, n))
    np.add.at(sums, m.row * cells.n_parameters + m.parameter, ratio.T)
    return rows[:, cells.row], sums.T.reshape(n, cells.n_rows, cells.n_parameters)
