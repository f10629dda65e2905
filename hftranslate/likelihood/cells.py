r"""The expected yields of all cells (one bin of one sample each), with exact first and second derivatives.

    nu_cell = additive * row factor * direct factors

* additive: ``n + [S | A] @ [alpha | g(alpha)]`` (see :mod:`hftranslate.likelihood.interpolation`), clipped at zero in
  samples with HistoSys where ROOT's conventions hold;
* row factor: the product of the NormSys factors of the sample, common to its bins (a row is a sample of a channel;
  where a HistoSys has a multiplicative code, a bin of it);
* direct factors: parameters that multiply the cell (luminosity, norm factors, factors per bin).

Derivatives never divide by a direct factor: a signal strength of zero is the background-only fit. NormSys factors are
positive by construction and are divided by.

Everything here takes one parameter point ``(n_parameters,)`` or many, ``(n_parameters, n_points)``: what belongs to a
point then has one more axis, the last one.
"""

from dataclasses import field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.interpolation import (
    CURVES,
    code4p_table,
    continue_code4p,
    factor_exponential,
    factor_linear,
    factor_polynomial,
    places,
    polynomials,
    without_zeros,
)
from hftranslate.likelihood.pattern import Pattern, Terms, products_of_others
from hftranslate.likelihood.storage import Shifts, weighted_sums
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]
Curves: TypeAlias = tuple[Floats, ...]

#: What takes the place of a row factor that would not be positive.
_FLOOR = float(np.finfo(np.float64).tiny)
#: Fraction of the factors up to which those that do not move are computed once for many points.
_FEW = 0.5
#: Yields (cells times points), or factors, that are evaluated at once: they stay near the processor.
_CHUNK = 50_000
#: Polynomials up to which those of HistoSys and NormSys are evaluated together.
_TOGETHER = 2_000
#: A factor that changes by no more within +-1 has no zero there.
_MOST_CHANGE = 0.9
#: Terms up to which derivatives of the bins are added up one by one, which is faster than products of matrices then.
_TERMS = 20_000


@record
class Additive:
    """HistoSys: one column per (parameter, code); within the columns of one code every parameter has one.

    ``shifts`` holds ``S`` and ``A`` of every cell and column.
    """

    parameter: Integers
    codes: tuple[str, ...]
    code_columns: tuple[slice, ...]
    shifts: Shifts

    def curves(self, theta: Floats, order: int = 2) -> Curves:
        """Parameter values, ``g`` and its derivatives up to an order, one entry per column."""
        alpha = theta[self.parameter]
        if len(self.codes) == 1:
            return alpha, *CURVES[self.codes[0]](alpha, order)
        parts = [
            CURVES[code](alpha[columns], order) for code, columns in zip(self.codes, self.code_columns, strict=True)
        ]
        each = range(order + 1)
        return alpha, *(np.concatenate([p[i] for p in parts]) if parts else np.zeros_like(alpha) for i in each)


@record
class Multiplicative:
    """NormSys, and HistoSys of multiplicative codes: one entry per (row, parameter), sorted by row.

    ``rows`` are the rows that have entries and ``starts`` where each begins; ``polynomial`` marks entries of code4, and
    ``table`` is their :func:`~hftranslate.likelihood.interpolation.polynomial_table`. ``linear`` are the codes and
    indices of entries whose factors are not exponential beyond the variations, ``lo`` and ``hi`` those of all entries;
    ``smooth`` says whether all are of code4.
    """

    row: Integers
    parameter: Integers
    rows: Integers
    starts: Integers
    table: Floats
    log_lo: Floats
    log_hi: Floats
    polynomial: Booleans
    linear: tuple[tuple[str, Integers], ...]
    lo: Floats
    hi: Floats
    smooth: bool = field(init=False)

    def __post_init__(self) -> None:
        """See whether all entries are of code4."""
        object.__setattr__(self, "smooth", bool(self.polynomial.all()))

    def factors(self, theta: Floats, order: int = 2) -> tuple[Floats, ...]:
        """Value and derivatives, up to an order, of every entry's factor."""
        if theta.ndim > 1 and theta.shape[1] > 1:
            moving = np.any(theta != theta[:, :1], axis=1)[self.parameter]
            if np.count_nonzero(moving) < _FEW * len(moving):
                return self._factors_of_few(np.flatnonzero(moving), theta, order)
        return self.factors_of(slice(None), theta[self.parameter], order)

    def _factors_of_few(self, moving: Integers, theta: Floats, order: int) -> tuple[Floats, ...]:
        """:meth:`factors` at many points, where these entries alone are not the same at all of them."""
        first = self.factors_of(slice(None), theta[self.parameter, 0], order)
        result = tuple(np.repeat(part[:, None], theta.shape[1], axis=1) for part in first)
        for part, values in zip(result, self.factors_of(moving, theta[self.parameter[moving]], order), strict=True):
            part[moving] = values
        return result

    def factors_of(self, entries: Any, alpha: Floats, order: int = 2) -> tuple[Floats, ...]:
        """Those of some entries, each at values ``(n_entries, ...)`` of its parameter."""
        result = factor_polynomial(alpha, along(self.table[:, : order + 1, entries], alpha))
        size = np.abs(alpha)
        if not self.smooth or (alpha.size and not size.max() < 1.0):
            outside = size >= 1.0 if self.smooth else (size >= 1.0) | along(~self.polynomial[entries], alpha)
            self.continue_factors(result, places(outside), entries, alpha)
        for code, these in self.linear:
            place = these if isinstance(entries, slice) else np.flatnonzero(np.isin(entries, these))
            lo, hi = (along(v[entries][place], alpha) for v in (self.lo, self.hi))
            for part, values in zip(result, factor_linear(alpha[place], code, lo, hi), strict=False):
                part[place] = values
        return tuple(result)

    def continue_factors(self, parts: Floats, outside: tuple[Integers, ...], entries: Any, alpha: Floats) -> None:
        """Put exponentials in the place of polynomials where these are not the factors."""
        if not outside[0].size:
            return
        log_lo, log_hi = self.log_lo[entries][outside[0]], self.log_hi[entries][outside[0]]
        for part, values in zip(parts, factor_exponential(alpha[outside], log_lo, log_hi), strict=False):
            part[outside] = values


@record
class Inner:
    """The polynomials that interpolations are within +-1: of the columns of HistoSys, then of the NormSys entries.

    A model that has few of them evaluates them together. ``may_vanish`` says whether a factor may come near zero there.
    """

    parameter: Integers
    table: Floats
    may_vanish: bool

    @classmethod
    def of(cls, additive: Additive, multiplicative: Multiplicative) -> "Inner | None":
        """Those of a model, if it has few, and all are polynomials."""
        parameter = np.concatenate((additive.parameter, multiplicative.parameter))
        if not (multiplicative.smooth and additive.codes == ("code4p",) and len(parameter) <= _TOGETHER):
            return None
        columns, factors = code4p_table(len(additive.parameter)), multiplicative.table
        changes = np.abs(factors[:-1, 0]).sum(axis=0)  # the last coefficient is one
        return cls(
            parameter=parameter,
            table=np.concatenate((columns, factors), axis=2),
            may_vanish=bool(changes.max(initial=0.0) > _MOST_CHANGE),
        )


class State(NamedTuple):
    """All intermediate results at one parameter point, or at many; derivatives up to the order that was asked for.

    ``additive`` ``(n_cells,)`` after the clip, ``alive`` the derivative of the clip (one where it does not act;
    ``None`` where there is none), ``scale`` the row factor per cell, ``slots`` ``(n_slots, n_cells)`` the direct
    factors and ``product`` their product, ``nu`` the yields of the cells ``(n_cells,)`` and ``bins`` those of the bins
    ``(n_bins,)``.
    """

    additive: Floats
    alive: Floats | None
    curves: Curves
    factors: tuple[Floats, ...]
    scale: Floats
    slots: Floats
    product: Floats
    nu: Floats
    bins: Floats

    def at(self, point: int) -> "State":
        """Those of one point of many."""
        curves: Any = tuple(curve[..., point] for curve in self.curves)
        return State(
            additive=self.additive[:, point],
            alive=None if self.alive is None else self.alive[:, point],
            curves=curves,
            factors=tuple(factor[..., point] for factor in self.factors),
            scale=self.scale[:, point],
            slots=self.slots[..., point],
            product=self.product[:, point],
            nu=self.nu[:, point],
            bins=self.bins[:, point],
        )


@record
class Cells:
    """The compiled expectation. Cells are sorted by bin; ``bin_starts`` is where each bin begins.

    Attributes
    ----------
    row
        row of each cell, ``(n_cells,)``: a sample of a channel, or one bin of it where HistoSys are factors.
    clipped
        cells whose additive part is clipped at zero, ``(n_cells,)``; ``None`` where no cell is.
    floor_factors
        whether a row factor that would not be positive (the polynomial of code4 can be negative) is the smallest
        positive number instead, as in ROOT.
    direct
        indices of the parameters that multiply each cell, ``(n_slots, n_cells)``; ``n_parameters`` stands for one.
    acting
        indices of the parameters of each direct factor, column of HistoSys and NormSys entry, one after the other.
    inner, terms
        the polynomials of all interpolations, and what the derivatives of the bins are sums of, where that are few.
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
    pattern: Pattern
    floor_factors: bool
    acting: Integers = field(init=False)
    inner: Inner | None = field(init=False)
    terms: Terms | None = field(init=False)

    def __post_init__(self) -> None:
        """Find the polynomials, and the terms of the derivatives, where they are few."""
        acting = np.concatenate((self.direct.ravel(), self.additive.parameter, self.multiplicative.parameter))
        object.__setattr__(self, "acting", acting)
        object.__setattr__(self, "inner", Inner.of(self.additive, self.multiplicative))
        object.__setattr__(self, "terms", self._terms())

    def _terms(self) -> Terms | None:
        p, m = self.pattern, self.multiplicative
        per_row = np.bincount(m.row, minlength=self.n_rows)
        per_cell = per_row[self.row]
        n_factors = int(per_cell.sum())
        entries = self.additive.shifts.entries(_TERMS) if n_factors <= _TERMS else None
        if entries is None:
            return None
        cell, column, slope, bend = entries
        factor_cell = np.repeat(np.arange(len(self.row)), per_cell)
        first = (np.cumsum(per_row) - per_row)[self.row] - (np.cumsum(per_cell) - per_cell)
        factor_entry = np.arange(n_factors) + np.repeat(first, per_cell)
        acting = (
            (cell, self.additive.parameter[column]),
            (factor_cell, m.parameter[factor_entry]),
            (p.use_cell, self.direct[p.use_slot, p.use_cell]),
        )
        return Terms(
            cell=cell,
            column=column,
            slope=slope,
            bend=bend,
            factor_cell=factor_cell,
            factor_entry=factor_entry,
            place=np.concatenate([self.bin[c] * self.n_parameters + parameter for c, parameter in acting]),
        )

    def evaluate(self, theta: Floats, order: int = 2) -> State:
        """All yields at a parameter point, and what derivatives up to an order are made of.

        They are infinite where they leave the range of numbers.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            return self.evaluated(theta, order)

    def evaluated(self, theta: Floats, order: int) -> State:
        """:meth:`evaluate` for who sees to it that nobody is warned of numbers beyond the range."""
        curves, factors = self._interpolated(theta, order)
        additive = along(self.nominal, theta) + self.additive.shifts.shift(*curves[:2])
        alive = None
        if self.clipped is not None:
            alive = np.where(along(self.clipped, theta) & (additive <= 0.0), 0.0, 1.0)
            additive = additive * alive
        rows = np.empty((self.n_rows, *theta.shape[1:]))
        rows.fill(1.0)  # np.ones takes longer for a few
        if self.multiplicative.rows.size:
            rows[self.multiplicative.rows] = np.multiply.reduceat(factors[0], self.multiplicative.starts)
            if self.floor_factors and rows.min() <= 0.0:
                factors = _floored(rows, self.multiplicative.row, factors)
        scale = rows[self.row]
        with_one = np.empty((self.n_parameters + 1, *theta.shape[1:]))
        with_one[:-1], with_one[-1] = theta, 1.0
        slots = with_one[self.direct]
        product = np.multiply.reduce(slots, axis=0)
        nu = additive * scale * product
        bins = np.add.reduceat(nu, self.bin_starts)
        return State(
            additive=additive,
            alive=alive,
            curves=curves,
            factors=factors,
            scale=scale,
            slots=slots,
            product=product,
            nu=nu,
            bins=bins,
        )

    def _interpolated(self, theta: Floats, order: int) -> tuple[Curves, tuple[Floats, ...]]:
        """What :meth:`Additive.curves` and :meth:`Multiplicative.factors` give."""
        if self.inner is None or theta.ndim > 1:
            return self.additive.curves(theta, order), self.multiplicative.factors(theta, order)
        alpha, n = theta[self.inner.parameter], len(self.additive.parameter)
        both = polynomials(alpha, self.inner.table[:, : order + 1])
        curves, factors, size = both[:, :n], both[:, n:], np.abs(alpha)
        if self.inner.may_vanish:
            without_zeros(factors)
        if not size.max() < 1.0:
            outside = (size >= 1.0).nonzero()[0]
            k = outside.searchsorted(n)
            continue_code4p(curves, alpha[:n], (outside[:k],))
            self.multiplicative.continue_factors(factors, (outside[k:] - n,), slice(None), alpha[n:])
        return (alpha[:n], *curves), tuple(factors)

    def evaluate_many(self, thetas: Floats) -> Floats:
        """Expected events ``(n_points, n_bins)`` of many parameter points ``(n_points, n_parameters)`` at once."""
        points, rates = np.ascontiguousarray(thetas.T), np.empty((self.n_bins, len(thetas)))
        for first in range(0, len(thetas), self.at_once):
            these = slice(first, first + self.at_once)
            rates[:, these] = self.evaluate(points[:, these], order=0).bins
        return rates.T

    @property
    def at_once(self) -> int:
        """How many points to evaluate at once, for their yields and factors to stay near the processor."""
        return max(1, _CHUNK // max(len(self.nominal), len(self.multiplicative.row)))

    def is_clear(self, state: State) -> bool:
        """Whether neither a clip nor a floor acts or would act: the rates are the same under any convention of both."""
        kept = np.all(state.additive >= 0.0) if state.alive is None else np.all(state.alive)
        return bool(kept and np.all(state.scale > _FLOOR))

    def mean_effects(self, state: State) -> list[tuple[Integers, Floats]]:
        """``[nu(1) + nu(-1)] / 2 - nu(0)`` of the bins for each constrained parameter, the others as they are.

        Returns
        -------
        list
            indices of parameters and their effects ``(n_bins, n)``, for HistoSys and for NormSys: a parameter may
            stand in both.
        """
        effects = []
        n = len(self.additive.parameter)
        if n:
            mean = self.additive.shifts.slopes(np.ones(n)) - self.additive.shifts.slopes(np.zeros(n))
            effects.append((self.additive.parameter, weighted_sums(mean, self.pattern.cells_of_bins, self.lift(state))))
        m = self.multiplicative
        if m.row.size:
            parameters = np.argsort(self.pattern.inverse)[self.pattern.normsys]
            shape = (self.n_rows, len(parameters))
            per_row = np.bincount(self.pattern.entry, 0.5 * (m.lo + m.hi) - 1.0, shape[0] * shape[1]).astype(np.float64)
            per_row = per_row.reshape(shape)
            effects.append((parameters, weighted_sums(per_row, self.pattern.rows_of_bins, state.nu)))
        return effects

    def mean_effect(self, state: State, weights: Floats) -> Floats:
        """``sum_b weights_b {[nu_b(1) + nu_b(-1)] / 2 - nu_b(0)}`` of each parameter, ``(n_parameters,)``.

        The sums of what :meth:`mean_effects` has for each bin, without forming it.
        """
        w, result = weights[self.bin], np.zeros(self.n_parameters)
        if self.additive.parameter.size:
            bent = self.additive.shifts.pull(w * self.lift(state))[1]
            result += np.bincount(self.additive.parameter, bent, self.n_parameters)
        m = self.multiplicative
        if m.row.size:
            per_row = np.bincount(self.row, w * state.nu, self.n_rows)
            effects = (0.5 * (m.lo + m.hi) - 1.0) * per_row[m.row]
            result += np.bincount(m.parameter, effects, self.n_parameters)
        return result

    def own_curvature(self, state: State, weights: Floats) -> Floats:
        """``sum_b weights_b d2 nu_b / d theta2`` of each parameter alone, ``(n_parameters,)``."""
        w, result = weights[self.bin], np.zeros(self.n_parameters)
        if self.additive.parameter.size:
            bend = self.additive.shifts.pull(w * self.lift(state))[1] * state.curves[3]
            result += np.bincount(self.additive.parameter, bend, self.n_parameters)
        m = self.multiplicative
        if m.row.size:
            per_row = np.bincount(self.row, w * state.nu, self.n_rows)
            bend = per_row[m.row] * state.factors[2] / state.factors[0]
            result += np.bincount(m.parameter, bend, self.n_parameters)
        return result

    def bends(self) -> Integers:
        """Parameters whose interpolation code has a kink at zero: code0 and code1."""
        m, a = self.multiplicative, self.additive
        if m.polynomial.all() and not m.linear and "code0" not in a.codes:  # as in most models
            return np.zeros(0, dtype=np.int64)
        smooth = m.polynomial.copy()
        for code, entry in m.linear:
            smooth[entry] = code != "code0"
        shifts = [
            a.parameter[columns] for code, columns in zip(a.codes, a.code_columns, strict=True) if code == "code0"
        ]
        return np.unique(np.concatenate([m.parameter[~smooth], *shifts]))

    def distance_to_clip(self, theta: Floats) -> Floats:
        """How far the additive part of each clipped cell is from zero, in events."""
        if self.clipped is None:
            return np.zeros(0)
        additive = self.nominal + self.additive.shifts.shift(*self.additive.curves(theta)[:2])
        distance: Floats = np.abs(additive[self.clipped])
        return distance

    def lift(self, state: State) -> Floats:
        """``d nu / d shift`` per cell: all factors, and the derivative of the clip."""
        lift = state.scale * state.product
        return lift if state.alive is None else lift * state.alive

    def ratio(self, state: State) -> Floats:
        """``f' / f`` of every NormSys entry."""
        ratio: Floats = state.factors[1] / state.factors[0]
        return ratio

    def pull_back(self, state: State, weights: Floats) -> Floats:
        """``weights (n_bins,) @ jacobian``, without forming the Jacobian."""
        w = weights[self.bin]
        uses = w * state.additive * state.scale * products_of_others(state.slots)
        s, a = self.additive.shifts.pull(w * self.lift(state))
        per_row = np.bincount(self.row, w * state.nu, self.n_rows)
        effects = (uses.ravel(), s + a * state.curves[2], per_row[self.multiplicative.row] * self.ratio(state))
        sums = np.bincount(self.acting, np.concatenate(effects), self.n_parameters + 1)
        return sums[:-1].astype(np.float64, copy=False)


def along(values: Any, points: NDArray[Any]) -> Any:
    """Values of a model, the same at all points, with the last axis that many points have."""
    return values if points.ndim == 1 else values[..., None]


def _floored(rows: Floats, row_of_entry: Integers, factors: tuple[Floats, ...]) -> tuple[Floats, ...]:
    """Raise row factors that are not positive to the smallest positive number, where they stay: no derivatives."""
    dead = rows <= 0.0
    rows[dead] = _FLOOR
    flat = dead[row_of_entry]
    return factors[0], *(np.where(flat, 0.0, derivative) for derivative in factors[1:])
