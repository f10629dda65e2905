"""How well expected events agree with the data: chi-square with the covariance of all bins of a channel."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hftranslate.likelihood.cells import Floats

#: A direction of bins with less of its variance left than this was fitted away: a free parameter, and no test.
_FITTED_AWAY = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A chi-square, its degrees of freedom, and the probability of a larger one."""

    chi2: float
    ndf: int
    p_value: float

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"chi2": self.chi2, "ndf": self.ndf, "p_value": self.p_value}


def agreement(
    observed: Floats, expected: Floats, covariance: Floats, stage: Literal["prefit", "postfit"]
) -> Agreement | None:
    """The chi-square of data and expectation, where the counts are nearly normally distributed.

    ``r^T W^-1 r`` with ``r = observed - expected`` and ``W = V + C`` before a fit, where ``V`` is the Poisson variance
    of the expectation and ``C`` its covariance from the parameters; ``W = V - C`` after it, since the fit followed the
    data (the covariance of residuals of least squares), in the directions in which that leaves any variance: as many
    are the degrees of freedom.

    Parameters
    ----------
    observed, expected
        events ``(n_bins,)``.
    covariance
        of the expectation ``(n_bins, n_bins)``.

    Returns
    -------
    Agreement
        or ``None`` where nothing is expected in a bin, or nothing is left to test.
    """
    from scipy.stats import chi2

    if not (expected > 0.0).all() or not np.isfinite(covariance).all():
        return None
    width = np.sqrt(expected)
    relative = covariance / np.outer(width, width)
    sign = 1.0 if stage == "prefit" else -1.0
    variances, directions = np.linalg.eigh(np.eye(len(expected)) + sign * relative)
    tested = variances > _FITTED_AWAY
    if not tested.any():
        return None
    along = directions.T @ ((observed - expected) / width)
    value, ndf = float(np.sum(along[tested] ** 2 / variances[tested])), int(tested.sum())
    return Agreement(chi2=value, ndf=ndf, p_value=float(chi2.sf(value, ndf)))
