r"""The expected yields of all cells (one bin of one sample each), with exact first and second derivatives.

    nu_cell = additive * row factor * direct factors

* additive: ``n + [S | A] @ [alpha | g(alpha)]`` (see :mod:`hftranslate.likelihood.interpolation`), clipped at zero in
  samples with HistoSys where ROOT's conventions hold;
* row factor: the product of the NormSys factors of the sample, common to its bins;
* direct factors: parameters that multiply the cell (luminosity, norm factors, factors per bin).

Derivatives never divide by a direct factor: a signal strength of zero is the background-only fit. NormSys factors are
positive by construction and are divided by.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.interpolation import CURVES, factor_exponential, factor_polynomial

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Additive:
    """HistoSys: one column per (parameter, code). ``matrix`` is ``[S | A]``, shape ``(n_cells, 2 n_columns)``."""

    parameter: Integers
    codes: tuple[tuple[str, slice], ...]
    matrix: Floats

    def curves(self, theta: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Parameter values, ``g`` and its two derivatives, one entry per column."""
        alpha = theta[self.parameter]
        parts = [CURVES[code](alpha[columns]) for code, columns in self.codes]
        if len(parts) == 1:
            return alpha, *parts[0]
        empty: Floats = np.zeros(0)
        g, dg, ddg = (np.concatenate([p[i] for p in parts]) if parts else empty for i in range(3))
        return alpha, g, dg, ddg


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiplicative:
    """NormSys: one entry per (sample of a channel, parameter), sorted by row.

    ``rows`` are the rows that have entries and ``starts`` where each begins; ``polynomial`` marks entries of code4.
    """

    row: Integers
    parameter: Integers
    rows: Integers
    starts: Integers
    coefficients: Floats
    log_lo: Floats
    log_hi: Floats
    polynomial: Booleans

    def factors(self, theta: Floats) -> tuple[Floats, Floats, Floats]:
        """Value and two derivatives of every entry's factor."""
        alpha = theta[self.parameter]
        value, slope, curvature = factor_polynomial(alpha, self.coefficients)
        outside = np.flatnonzero((np.abs(alpha) >= 1.0) | ~self.polynomial)
        if outside.size:
            value[outside], slope[outside], curvature[outside] = factor_exponential(
                alpha[outside], self.log_lo[outside], self.log_hi[outside]
            )
        return value, slope, curvature


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class State:
    """All intermediate results at one parameter point.

    ``additive`` ``(n_cells,)`` after the clip, ``alive`` and ``bend`` the first and second derivative of the clip (one
    and zero where it does not act; ``None`` where there is none, or no second one), ``scale`` the row factor per cell,
    ``slots`` ``(n_slots, n_cells)`` the direct factors and ``product`` their product, ``nu`` the yields of the
    cells ``(n_cells,)`` and ``bins`` those of the bins ``(n_bins,)``.
    """

    additive: Floats
    alive: Floats | None
    bend: Floats | None
    curves: tuple[Floats, Floats, Floats, Floats]
    factors: tuple[Floats, Floats, Floats]
    scale: Floats
    slots: Floats
    product: Floats
    nu: Floats
    bins: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """The compiled expectation. Cells are sorted by bin; ``bin_starts`` is where each bin begins.

    Attributes
    ----------
    row
        row (sample of a channel) of each cell, ``(n_cells,)``.
    clipped
        cells whose additive part is clipped at zero, ``(n_cells,)``; ``None`` where no cell is.
    clip_width
        zero for the clip itself, ``max(a, 0)``; otherwise the events over which it is smoothed, ``(a + sqrt(a^2 +
        width^2)) / 2``, for minimisers that approach a minimum on a kink.
    direct
        indices of the parameters that multiply each cell, ``(n_slots, n_cells)``; ``n_parameters`` stands for one.
    """

    n_parameters: int
    n_bins: int
    n_rows: int
    nominal: Floats
    bin: Integers
    bin_starts: Integers
    row: Integers
    clipped: Booleans | None
    additive: Additive
    multiplicative: Multiplicative
    direct: Integers
    clip_width: float = 0.0

    def evaluate(self, theta: Floats) -> State:
        """All yields at a parameter point ``(n_parameters,)``."""
        curves = self.additive.curves(theta)
        additive = self.nominal + self.additive.matrix @ np.concatenate(curves[:2])
        alive, bend = None, None
        if self.clipped is not None:
            additive, alive, bend = self._clip(self.clipped, additive)
        factors = self.multiplicative.factors(theta)
        rows = np.ones(self.n_rows)
        if self.multiplicative.rows.size:
            rows[self.multiplicative.rows] = np.multiply.reduceat(factors[0], self.multiplicative.starts)
        scale = rows[self.row]
        slots = np.append(theta, 1.0)[self.direct]
        product = np.multiply.reduce(slots, axis=0)
        nu = additive * scale * product
        bins = np.add.reduceat(nu, self.bin_starts)
        return State(
            additive=additive,
            alive=alive,
            bend=bend,
            curves=curves,
            factors=factors,
            scale=scale,
            slots=slots,
            product=product,
            nu=nu,
            bins=bins,
        )

    def _clip(self, clipped: Booleans, a: Floats) -> tuple[Floats, Floats, Floats | None]:
        if self.clip_width == 0.0:
            alive = np.where(clipped & (a <= 0.0), 0.0, 1.0)
            return a * alive, alive, None
        root = np.sqrt(a * a + self.clip_width**2)
        return (
            np.where(clipped, 0.5 * (a + root), a),
            np.where(clipped, 0.5 * (1.0 + a / root), 1.0),
            np.where(clipped, 0.5 * self.clip_width**2 / root**3, 0.0),
        )

    def pull_back(self, theta: Floats, state: State, weights: Floats) -> Floats:
        """``weights (n_bins,) @ jacobian``, without forming the Jacobian."""
        w = weights[self.bin]
        gradient = np.zeros(self.n_parameters)
        if self.additive.parameter.size:
            v = w * self._lift(state, state.product)
            both = v @ self.additive.matrix
            n = self.additive.parameter.size
            gradient += np.bincount(self.additive.parameter, both[:n] + both[n:] * state.curves[2], self.n_parameters)
        m = self.multiplicative
        if m.row.size:
            per_row = np.bincount(self.row, w * state.nu, self.n_rows)
            value, slope, _ = state.factors
            gradient += np.bincount(m.parameter, per_row[m.row] * (slope / value), self.n_parameters)
        base = w * state.additive * state.scale
        for k, others in enumerate(_products_of_others(state.slots)):
            gradient += np.bincount(self.direct[k], base * others, self.n_parameters + 1)[:-1]
        return gradient

    def _lift(self, state: State, product: Floats) -> Floats:
        """``d nu / d shift`` per cell: all factors, and the derivative of the clip."""
        return state.scale * product if state.alive is None else state.scale * product * state.alive

    def jacobian(self, theta: Floats, state: State) -> Floats:
        """``d nu_bin / d theta``, shape ``(n_bins, n_parameters)``."""
        columns = self._cell_jacobian(state)
        return np.add.reduceat(columns, self.bin_starts, axis=0)

    def _additive_slopes(self, state: State) -> Floats:
        """``d additive / d theta`` per cell before the clip, ``(n_cells, n_parameters)``."""
        n = self.additive.parameter.size
        slopes = np.zeros((len(self.nominal), self.n_parameters))
        shift = self.additive.matrix[:, :n] + self.additive.matrix[:, n:] * state.curves[2]
        for _, columns in self.additive.codes:  # within one code every parameter has one column
            slopes[:, self.additive.parameter[columns]] += shift[:, columns]
        return slopes

    def _row_log_slopes(self, state: State) -> Floats:
        """``d ln(row factor) / d theta``, ``(n_rows, n_parameters)``."""
        m = self.multiplicative
        slopes = np.zeros((self.n_rows, self.n_parameters))
        value, slope, _ = state.factors
        slopes[m.row, m.parameter] = slope / value
        return slopes

    def _cell_jacobian(self, state: State) -> Floats:
        cells = np.arange(len(self.nominal))
        columns = self._additive_slopes(state) * self._lift(state, state.product)[:, None]
        columns += self._row_log_slopes(state)[self.row] * state.nu[:, None]
        base = state.additive * state.scale
        wide = np.zeros((len(cells), self.n_parameters + 1))
        for k, others in enumerate(_products_of_others(state.slots)):
            np.add.at(wide, (cells, self.direct[k]), base * others)
        return columns + wide[:, :-1]

    def second_order(self, theta: Floats, state: State, weights: Floats, curvature: Floats) -> tuple[Floats, Floats]:
        """Gradient and Hessian of a function of the bins with the derivatives ``weights`` and ``diag(curvature)``.

        Hessian = J^T diag(curvature) J + sum_cells weight * d2 nu_cell. With ``nu = a m``, where ``a`` is the additive
        part and ``m`` the product of all factors, ``L = d ln m`` and ``D = m da``:

            d2 nu = m a'' (diagonal) + D L^T + L D^T + nu (L L^T + diag(dL)).

        A cell with a direct factor of exactly zero is linear in that factor; its terms come from the remaining ones.
        """
        n = self.n_parameters
        zeros = (state.slots == 0.0).sum(axis=0)
        slots = np.where(state.slots == 0.0, 1.0, state.slots)
        product = np.multiply.reduce(slots, axis=0)
        nu = state.additive * state.scale * product
        cells = np.arange(len(nu))
        logs, bends = np.zeros((len(nu), n + 1)), np.zeros((len(nu), n + 1))
        for k, index in enumerate(self.direct):
            live = state.slots[k] != 0.0
            np.add.at(logs, (cells, index), np.where(live, 1.0 / slots[k], 0.0))
            np.add.at(bends, (cells, index), np.where(live, -1.0 / slots[k] ** 2, 0.0))
        m = self.multiplicative
        value, slope, curve = state.factors
        row_bends = np.zeros((self.n_rows, n))
        row_bends[m.row, m.parameter] = curve / value - (slope / value) ** 2
        L = logs[:, :-1] + self._row_log_slopes(state)[self.row]
        shifts = self._additive_slopes(state)
        lift = self._lift(state, product)
        D = shifts * lift[:, None]
        slopes = D + nu[:, None] * L  # of the cell with its zero factors left out

        J = np.where((zeros == 0)[:, None], slopes, 0.0)
        w = np.where(zeros == 0, weights[self.bin], 0.0)
        wL = w[:, None] * L
        mixed = wL.T @ D
        hessian = mixed + mixed.T + (wL * nu[:, None]).T @ L
        diagonal = (w * nu) @ (bends[:, :-1] + row_bends[self.row])
        count = self.additive.parameter.size
        if count:
            bend = ((w * lift) @ self.additive.matrix[:, count:]) * state.curves[3]
            diagonal += np.bincount(self.additive.parameter, bend, n)
        hessian[np.diag_indices(n)] += diagonal
        if state.bend is not None:
            hessian += (shifts * (w * state.scale * product * state.bend)[:, None]).T @ shifts
        for c in np.flatnonzero(zeros):
            self._zero_cell(int(c), state, nu[c], slopes[c], weights[self.bin[c]], J, hessian)
        bins = np.add.reduceat(J, self.bin_starts, axis=0)
        hessian += bins.T @ (bins * curvature[:, None])
        return weights @ bins, hessian

    def _zero_cell(
        self, c: int, state: State, nu: float, slopes: Floats, weight: float, J: Floats, hessian: Floats
    ) -> None:
        """A cell with direct factors of zero: ``nu = z1 z2 ... * rest``."""
        which = self.direct[np.flatnonzero(state.slots[:, c] == 0.0), c]
        if len(which) == 1:
            J[c, which[0]] = nu
            hessian[which[0]] += weight * slopes
            hessian[:, which[0]] += weight * slopes
        elif len(which) == 2:
            hessian[which[0], which[1]] += weight * nu
            hessian[which[1], which[0]] += weight * nu


def _products_of_others(slots: Floats) -> list[Floats]:
    """For each direct factor the product of the other ones, without dividing."""
    before = [np.ones(slots.shape[1])]
    for factor in slots[:-1]:
        before.append(before[-1] * factor)
    after = np.ones(slots.shape[1])
    result = []
    for k in range(len(slots) - 1, -1, -1):
        result.append(before[k] * after)
        after = after * slots[k]
    return result[::-1]
