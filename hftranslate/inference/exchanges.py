"""Where factors that do nearly the same have changed places: two free ones, or two constrained ones of one bin.

What one free factor lacks another one can make up for: a signal for a background of the same shape. On the way between
the ends of such a pair the NLL may bend down, so that there is a minimum at either end, one of the factors at the end
of its range. No systematic is at fault, and no profile along one shows the other end.

To first order the way is a straight line: as one factor moves, all other parameters follow as the expected information
has it. A new fit starts where the factor that moves comes to the end of its range.

Two constrained factors of a bin, of which it takes the product, may share what the bin lacks, or one of them may have
it alone. As one grows and the other one shrinks, so that their product stays, only their constraints change, if all
cells have both; where these fall again on this way, after they rose, a new fit starts, and where an empty bin is left
to one of them alone.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.model import Model
from hftranslate.likelihood.scipy_parts import dpotrf, dpotrs
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

#: Free factors from which a model has too many to look at every pair.
_TOO_MANY = 7
#: Correlation from which two factors can change places: where one is at the end of its range, and anywhere.
_ALIKE, _ALL_BUT_ONE = 0.5, 0.9
#: How far above a minimum a start may lie, in NLL, for a fit from there to be worth its time.
HIGHEST = 5.0
#: The least way of the factor that moves, as a part of its initial value (one at least) or uncertainty, what is less.
_LEAST = 0.3
#: How far constrained factors are from where they began, at least, to share what a bin lacks.
_PULLED = 0.1
#: By what one of them grows and the other one shrinks, evenly in logarithms; the one in the middle.
_STEP = 0.25
_TURNS = np.exp(_STEP * np.arange(-12, 13))
_HERE = len(_TURNS) // 2
_NOBODY = np.zeros((0, 4), dtype=np.int64)
#: The fall of the NLL that shows another valley, and at how many such places of a fit, at most, one looks.
_FALL, _PLACES = 1e-3, 16


def factors_of(model: Model, index: Integers) -> Integers:
    """The places of the free factors among free parameters; none if there is no pair of them, or too many."""
    found = np.flatnonzero(model.parameters.width[index] == 0.0)
    return found if 1 < len(found) < _TOO_MANY else found[:0]


@record
class Exchanges:
    """Pairs of free factors that can change places, at the minima of one fit or of many.

    Attributes
    ----------
    moving
        the places of free factors among the free parameters, ``(n_factors,)``.
    lines
        how much all parameters move with each of them, ``(n_fits, n_factors, n_free)``.
    least, correlation
        the least way of each, and its expected correlation with each other one, ``(n_fits, n_factors)`` and
        ``(n_fits, n_factors, n_factors)``.
    """

    moving: Integers
    lines: Floats
    least: Floats
    correlation: Floats

    @classmethod
    def of(cls, model: Model, index: Integers, factors: Integers, columns: Floats) -> "Exchanges":
        """Those of ``factors`` among the free parameters ``index``.

        Parameters
        ----------
        columns
            of the expected covariance for each factor, ``(n_fits, n_factors, n_free)``; zero where it is held.
        """
        variance = np.einsum("nii->ni", columns[:, :, factors])
        inverse = np.where(variance > 0.0, 1.0 / np.where(variance > 0.0, variance, 1.0), 0.0)
        deviation = np.sqrt(inverse)
        size = np.maximum(np.abs(model.parameters.init[index[factors]]), 1.0)
        return cls(
            moving=factors,
            lines=columns * inverse[..., None],
            least=_LEAST * np.minimum(np.sqrt(np.maximum(variance, 0.0)), size),
            correlation=columns[:, :, factors] * deviation[:, :, None] * deviation[:, None, :],
        )

    def starts(self, x: Floats, bounds: Floats) -> tuple[Integers, Floats]:
        """Where fits may begin that ended at ``x (n_fits, n_free)`` within ``bounds (n_free, 2)``.

        Returns
        -------
        tuple
            which fit each is for, and the points, ``(n,)`` and ``(n, n_free)``.
        """
        rho = self.correlation * ~np.eye(len(self.moving), dtype=np.bool_)
        if not (np.abs(rho) > _ALIKE).any():
            return np.zeros(0, dtype=np.int64), np.zeros((0, x.shape[1]))
        at, (low, high) = x[:, self.moving], bounds[self.moving].T
        inside = (low < at) & (at < high)
        anywhere = np.any((np.abs(rho) > _ALL_BUT_ONE) & inside[:, None], axis=2)
        owners, points = [], []
        for way, end in ((-1.0, low), (1.0, high)):
            inward = ((at <= low)[:, None] & (way * rho > _ALIKE)) | ((at >= high)[:, None] & (way * rho < -_ALIKE))
            far = inside & np.isfinite(end) & (np.abs(end - at) > self.least)
            fit, factor = np.nonzero(far & (anywhere | np.any(inward, axis=2)))
            step = (end - at)[fit, factor, None] * self.lines[fit, factor]
            owners.append(fit)
            points.append(np.clip(x[fit] + step, *bounds.T))
        return np.concatenate(owners), np.concatenate(points)


def columns_of(information: Floats, factors: Integers) -> Floats:
    """Columns of the covariance for some factors, from the information ``(n_free, n_free)``; zero without one."""
    units = np.zeros((len(information), len(factors)))
    factor, failed = dpotrf(information) if np.isfinite(information).all() else (information, 1)
    units[factors, np.arange(len(factors))] = 1.0
    columns: Floats = units.T if failed else dpotrs(factor, units)[0].T
    return np.zeros_like(columns) if failed else columns


def shared_otherwise(
    model: Model, free: Booleans, thetas: Floats, observed: Floats, auxdata: Floats
) -> tuple[Integers, Floats, Floats]:
    """Where constrained factors of one cell, both far from where they began, may share otherwise what a bin lacks.

    As one grows and the other one shrinks only their constraints change, if no cell has but one of them; if nothing is
    observed in the bin, one of them may have all.

    Parameters
    ----------
    free
        which parameters are, in all fits or in each, ``(..., n_parameters)``.
    thetas, observed, auxdata
        all parameters at minima, ``(n_fits, n_parameters)``, and the data.

    Returns
    -------
    tuple
        which minimum each place is of, all parameters there, and how much higher the NLL may be for a fit from there to
        be worth its time: ``(n,)``, ``(n, n_parameters)`` and ``(n,)``.
    """
    p, fit = model.parameters, np.zeros(0, dtype=np.int64)
    may_be = np.zeros(model.cells.n_parameters + 1, dtype=np.bool_)
    may_be[: len(p)] = p.width > _PULLED
    if np.add.reduce(may_be.take(model.cells.direct), axis=0, dtype=np.int64).max(initial=0) > 1:
        pulled = free & may_be[: len(p)] & (np.abs(thetas - p.init) > _PULLED)
        fit, one, other, empty = _of_one_cell(model, pulled, observed == 0.0)
    if not len(fit):
        return fit, thetas[:0], np.zeros(0)
    some, fit_of = np.unique(fit, return_inverse=True)
    low, high = p.bounds.T
    turned = np.where(pulled[some, None], thetas[some, None] * _TURNS[:, None], thetas[some, None])
    turned = np.clip(turned, low, high)
    slopes = turned * model.constraints.derivatives(turned, auxdata[some, None])[0]
    row, place, rise = _falls_again(slopes[fit_of, :, one] - slopes[fit_of, ::-1, other])
    owner, points, most = [fit[row]], [thetas[fit[row]]], [np.full(len(row), HIGHEST)]
    each = np.arange(len(row))
    points[0][each, one[row]], points[0][each, other[row]] = (
        turned[fit_of[row], at, factor[row]] for at, factor in ((place, one), (2 * _HERE - place, other))
    )
    order = [rise]  # the lowest places first, and of empty bins those of which the least is left
    for full, nothing in ((one[empty], other[empty]), (other[empty], one[empty])):
        at, each = thetas[fit[empty]], np.arange(int(empty.sum()))
        order.append(np.abs(at[each, nothing]))
        at[each, full], at[each, nothing] = p.init[full], low[nothing]
        owner.append(fit[empty])
        points.append(at)
        most.append(np.zeros(len(at)))
    found = np.concatenate(owner)
    kept = _first_of_each(found, np.concatenate(order))
    return found[kept], np.concatenate(points)[kept], np.concatenate(most)[kept]


def _of_one_cell(model: Model, chosen: Booleans, empty: Booleans) -> tuple[Integers, Integers, Integers, Booleans]:
    """Which fits have which pairs of chosen parameters that multiply the same cell; whether one is of an empty bin."""
    direct, rows = model.cells.direct, [_NOBODY]
    if np.count_nonzero(chosen) > 1 and len(direct) > 1:
        among = np.zeros((len(chosen), model.cells.n_parameters + 1), dtype=np.bool_)
        among[:, : chosen.shape[1]] = chosen
        among = among.take(direct, axis=1)
        for i, j in combinations(range(len(direct)), 2):
            both = among[:, i] & among[:, j]
            if both.any():
                fit, cell = (both & (direct[i] != direct[j])).nonzero()
                pair = np.sort([direct[i, cell], direct[j, cell]], axis=0)
                rows.append(np.stack([fit, *pair, empty[fit, model.cells.bin[cell]]], axis=1))
    found = np.unique(np.concatenate(rows), axis=0) if len(rows) > 1 else _NOBODY
    fit, one, other, is_empty = found.T
    return fit, one, other, is_empty.astype(np.bool_)


def _falls_again(slopes: Floats) -> tuple[Integers, Integers, Floats]:
    """Which ways of these slopes ``(n, n_turns)`` fall again after they rose, and the lowest place there with its rise.

    If it is not much higher.
    """
    rise = np.zeros(slopes.shape)
    np.cumsum(0.5 * _STEP * (slopes[:, 1:] + slopes[:, :-1]), axis=1, out=rise[:, 1:])
    rise -= rise[:, _HERE, None]
    rows, places = [], []
    for way in (slice(_HERE, None), slice(_HERE, None, -1)):
        out = rise[:, way]
        low = np.where(out < np.maximum.accumulate(out, axis=1) - _FALL, out, np.inf)
        place = np.argmin(low, axis=1)
        found = np.flatnonzero(low[np.arange(len(low)), place] < HIGHEST)
        rows.append(found)
        places.append(np.arange(len(_TURNS))[way][place[found]])
    row, at = np.concatenate(rows), np.concatenate(places)
    return row, at, rise[row, at]


def _first_of_each(owner: Integers, order: Floats) -> Integers:
    """The first places of each owner, in an order."""
    ranked = np.lexsort((order, owner))
    starts = np.searchsorted(owner[ranked], owner[ranked])
    kept: Integers = ranked[np.arange(len(ranked)) - starts < _PLACES]
    return kept
