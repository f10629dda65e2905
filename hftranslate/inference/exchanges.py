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

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Free factors from which a model has too many to look at every pair.
_TOO_MANY = 7
#: Correlation from which two factors can change places: where one is at the end of its range, and anywhere.
_ALIKE, _ALL_BUT_ONE = 0.5, 0.9
#: The least way, as a part of the uncertainty of the factor that moves.
_LEAST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanges:
    """Pairs of free factors that can change places.

    Attributes
    ----------
    moving, following
        the places of each pair among the free parameters, ``(n_pairs,)``.
    lines
        how much all of them move with the first one, ``(n_pairs, n_free)``.
    sigma, correlation
        the expected uncertainty of the first one, and its correlation with the second, ``(n_pairs,)``.
    """

    moving: Integers
    following: Integers
    lines: Floats
    sigma: Floats
    correlation: Floats

    @classmethod
    def of(cls, model: Model, index: Integers, information: Floats) -> "Exchanges":
        """Those of the free parameters ``index``, with their expected information ``(n_free, n_free)``."""
        factors = np.flatnonzero(model.parameters.width[index] == 0.0)
        few = factors if 1 < len(factors) < _TOO_MANY and np.isfinite(information).all() else factors[:0]
        pairs = np.array([(a, b) for a in few for b in few if a != b], dtype=np.int64).reshape(-1, 2)
        covariance = np.linalg.pinv(information, hermitian=True) if len(pairs) else np.zeros_like(information)
        sigma = np.sqrt(np.maximum(np.diagonal(covariance), 1e-300))
        (a, b), correlation = pairs.T, covariance / sigma / sigma[:, None]
        alike = np.abs(correlation[a, b]) > _ALIKE
        a, b = a[alike], b[alike]
        lines = covariance[a] / np.diagonal(covariance)[a][:, None]
        return cls(moving=a, following=b, lines=lines, sigma=sigma[a], correlation=correlation[a, b])

    def starts(self, x: Floats, bounds: Floats) -> Iterator[Floats]:
        """Where fits may begin that ended at ``x``, ``(n_free,)`` within ``bounds``."""
        low, high = bounds.T
        for a, b, line, sigma, rho in zip(
            self.moving, self.following, self.lines, self.sigma, self.correlation, strict=True
        ):
            if not low[a] < x[a] < high[a]:
                continue
            for way, end in ((-1.0, low[a]), (1.0, high[a])):
                inward = (x[b] <= low[b] and way * rho > 0.0) or (x[b] >= high[b] and way * rho < 0.0)
                anywhere = low[b] < x[b] < high[b] and abs(rho) > _ALL_BUT_ONE
                if (inward or anywhere) and np.isfinite(end) and abs(end - x[a]) > _LEAST * sigma:
                    yield np.clip(x + (end - x[a]) * line, low, high)
