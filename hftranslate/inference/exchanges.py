"""Where free factors that do nearly the same have changed places.

What one free factor lacks another one can make up for: a signal for a background of the same shape. On the way between
the ends of such a pair the NLL may bend down, so that there is a minimum at either end, one of the factors at the end
of its range. No systematic is at fault, and no profile along one shows the other end.

To first order the way is a straight line: as one factor moves, all other parameters follow as the expected information
has it. A new fit starts where the factor that moves comes to the end of its range.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.model import Model
from hftranslate.likelihood.scipy_parts import dpotrf, dpotrs

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Free factors from which a model has too many to look at every pair.
_TOO_MANY = 7
#: Correlation from which two factors can change places: where one is at the end of its range, and anywhere.
_ALIKE, _ALL_BUT_ONE = 0.5, 0.9
#: How far above a minimum a start may lie, in NLL, for a fit from there to be worth its time.
HIGHEST = 5.0
#: The least way of the factor that moves, as a part of its initial value (one at least) or uncertainty, what is less.
_LEAST = 0.3


def factors_of(model: Model, index: Integers) -> Integers:
    """The places of the free factors among free parameters; none if there is no pair of them, or too many."""
    found = np.flatnonzero(model.parameters.width[index] == 0.0)
    return found if 1 < len(found) < _TOO_MANY else found[:0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """Pairs of free factors that can change places.

    Attributes
    ----------
    moving, following
        the places of each pair among the free parameters, ``(n_pairs,)``.
    lines
        how much all of them move with the first one, ``(n_pairs, n_free)``.
    least, correlation
        the least way of the first one, and its expected correlation with the second, ``(n_pairs,)``.
    """

    moving: Integers
    following: Integers
    lines: Floats
    least: Floats
    correlation: Floats

    @classmethod
    def of(cls, model: Model, index: Integers, information: Floats) -> "Exchanges":
        """Those of the free parameters ``index``, with their expected information ``(n_free, n_free)``."""
        factors = factors_of(model, index)
        factor, failed = dpotrf(information) if len(factors) and np.isfinite(information).all() else (information, 1)
        if failed:
            return cls.along(model, index, np.zeros((0, len(index))))
        units = np.zeros((len(index), len(factors)))
        units[factors, np.arange(len(factors))] = 1.0
        return cls.along(model, index, dpotrs(factor, units)[0].T)

    @classmethod
    def along(cls, model: Model, index: Integers, columns: Floats) -> "Exchanges":
        """Those for which columns of the inverse of the expected information are known, ``(n_factors, n_free)``."""
        factors = factors_of(model, index)
        if not (len(columns) == len(factors) and np.isfinite(columns).all()):
            factors, columns = factors[:0], columns[:0]
        variance = columns[np.arange(len(factors)), factors]
        correlation = columns[:, factors] / np.sqrt(variance * variance[:, None])
        size = np.maximum(np.abs(model.parameters.init[index[factors]]), 1.0)
        a, b = np.nonzero((np.abs(correlation) > _ALIKE) & ~np.eye(len(factors), dtype=np.bool_))
        return cls(
            moving=factors[a],
            following=factors[b],
            lines=columns[a] / variance[a][:, None],
            least=_LEAST * np.minimum(np.sqrt(variance), size)[a],
            correlation=correlation[a, b],
        )

    def starts(self, x: Floats, bounds: Floats) -> Iterator[Floats]:
        """Where fits may begin that ended at ``x``, ``(n_free,)`` within ``bounds``."""
        low, high = bounds.T
        pairs = zip(self.moving, self.following, self.lines, self.least, self.correlation, strict=True)
        for a, b, line, least, rho in pairs:
            if not low[a] < x[a] < high[a]:
                continue
            for way, end in ((-1.0, low[a]), (1.0, high[a])):
                inward = (x[b] <= low[b] and way * rho > 0.0) or (x[b] >= high[b] and way * rho < 0.0)
                anywhere = low[b] < x[b] < high[b] and abs(rho) > _ALL_BUT_ONE
                if (inward or anywhere) and np.isfinite(end) and abs(end - x[a]) > least:
                    yield np.clip(x + (end - x[a]) * line, low, high)
