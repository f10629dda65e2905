"""Where factors that do nearly the same have changed places: two free ones, or two constrained ones of one bin.

What one free factor lacks another one can make up for: a signal for a background of the same shape. On the way between
the ends of such a pair the NLL may bend down, so that there is a minimum at either end, one of the factors at the end
of its range. No systematic is at fault, and no profile along one shows the other end.

To first order the way is a straight line: as one factor moves, all other parameters follow as the expected information
has it. A new fit starts where the factor that moves comes to the end of its range.

Two constrained factors of a bin, of which it takes the product, may share what the bin lacks, or one of them may have
it alone. As one grows and the other one shrinks, so that their product stays, only their constraints change; where the
NLL falls again on this way, after it rose, a new fit starts.
"""

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
#: By what one of them grows and the other one shrinks: from nothing left of the first to nothing left of the second.
_TURNS = np.concatenate([[0.0], np.exp(np.linspace(-3.0, 3.0, 25)), [np.inf]])
_HERE = len(_TURNS) // 2
_NOBODY = np.zeros(0, dtype=np.int64)
#: The fall of the NLL that shows another valley.
_FALL = 1e-3


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


def sharing(model: Model, free: Booleans, thetas: Floats) -> tuple[Integers, Integers]:
    """Pairs of constrained factors of one cell that are both far from where they began.

    Parameters
    ----------
    free
        which parameters are, in all fits or in each, ``(..., n_parameters)``.
    thetas
        all parameters at minima, ``(n_fits, n_parameters)``.

    Returns
    -------
    tuple
        which minimum each pair is of, and both factors, ``(n,)`` and ``(n, 2)``.
    """
    p = model.parameters
    pulled = free & (p.width > _PULLED) & (np.abs(thetas - p.init) > _PULLED)
    if np.count_nonzero(pulled) < 2:
        return _NOBODY, _NOBODY.reshape(0, 2)
    some = (pulled.sum(axis=1) > 1).nonzero()[0].tolist()
    pairs = [(fit, *pair) for fit in some for pair in _of_one_cell(model.cells.direct, pulled[fit])]
    owner, *both = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    return owner, np.stack(both, axis=1)


def _of_one_cell(direct: Integers, chosen: Booleans) -> list[tuple[int, int]]:
    """Pairs of chosen parameters that multiply the same cell."""
    found: set[tuple[int, int]] = set()
    is_chosen = np.zeros(max(len(chosen), direct.max(initial=0) + 1), dtype=np.bool_)
    is_chosen[: len(chosen)] = chosen
    for i, one in enumerate(direct):
        for other in direct[i + 1 :]:
            both = is_chosen[one] & is_chosen[other] & (one != other)
            found.update(zip(one[both].tolist(), other[both].tolist(), strict=True))
    return sorted(found)


def shared_otherwise(x: Floats, pairs: Integers, init: Floats, bounds: Floats) -> Floats:
    """Points where one factor of a pair has more and the other one less of their product, ``(n, n_turns, n_free)``.

    At either end one of them is at the end of its range, and the other one where it began.

    Parameters
    ----------
    x, pairs
        minima ``(n, n_free)`` and the places of both factors ``(n, 2)``.
    init, bounds
        where the parameters began, ``(n_free,)``, and their ranges, ``(n_free, 2)``.
    """
    points = np.repeat(x[:, None], len(_TURNS), axis=1)
    each = np.arange(len(x))
    for factor, way in zip(pairs.T, (1, -1), strict=True):
        points[each, :, factor] *= _TURNS[::way]
        points[each, _TURNS[::way] == np.inf, factor] = init[factor]
    return np.clip(points, *bounds.T)


def falls_again(rise: Floats) -> tuple[Integers, Integers]:
    """Which ways ``(n, n_turns)`` fall again after they rose, and the lowest place there, if it is not much higher."""
    rows, places = [], []
    for way in (slice(_HERE, None), slice(_HERE, None, -1)):
        out = rise[:, way]
        low = np.where(out < np.maximum.accumulate(out, axis=1) - _FALL, out, np.inf)
        place = np.argmin(low, axis=1)
        found = np.flatnonzero(low.min(axis=1, initial=np.inf) < HIGHEST)
        rows.append(found)
        places.append(np.arange(len(_TURNS))[way][place[found]])
    return np.concatenate(rows), np.concatenate(places)
