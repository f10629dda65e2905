r"""Other minima: where a nuisance parameter with a very uneven effect has two places to be.

The likelihood along the profile of one parameter has a second valley only where it is not convex on the way. What bends
it down are bins whose expectation follows an uneven effect towards the observation: their second derivative
``(1 - n / nu) d2 nu / d alpha2`` has to outweigh the curvature of the constraint. To first order the profile through a
minimum with the covariance ``V`` is a straight line, ``theta(a) = theta_0 + V_k (a - theta_0k) / V_kk``; along it the
NLL of a single valley rises about as the parabola ``(a - theta_0k)^2 / (2 V_kk)``. Where it stays far below, a new fit
starts. All lines are evaluated at once.

An effect of the same sign on both sides makes two valleys that are nearly mirror images, with the other parameters
where they are: the parameter's mirror image about its centre is looked at too.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from hftranslate.likelihood.model import Data, Model

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Distances along the profile, in units of the parameter, at which it is looked at on both sides.
_DISTANCES = np.array([0.85, 1.2, 1.8])
#: Largest second derivative of an additive effect (code4p, at zero) in units of the mean effect at -1 and +1.
_SHARPEST = 3.75
#: Downward curvature, in units of that of the constraint, above which a profile is looked at: less than the one needed,
#: for it is known at the minimum only.
_BENT = 0.2
#: At most so many profiles are looked at, those of the largest downward curvature.
_CANDIDATES = 20
#: A new fit starts where the NLL is below this fraction of the parabola, and from so many places at most.
_SHALLOW = 0.36
_STARTS = 2
#: The mirror image has to be far better than one on a parabola, and this far away in units of the parameter.
_MIRRORED = 0.1
_APART = 0.3


def other_starts(
    model: Model, data: Data, theta: Floats, hessian: Floats, free: Integers, bounds: Floats
) -> list[Floats]:
    """Points in other valleys that are seen from a minimum, lowest first; usually none.

    Parameters
    ----------
    theta
        the minimum ``(n_parameters,)``.
    hessian
        second derivatives of the NLL by the fitted parameters there, ``(n_free, n_free)``.
    free
        indices of the parameters that were fitted, ``bounds`` their ranges ``(n_free, 2)``.
    """
    bent = downward_curvature(model, data, theta)[free]
    if bent.max(initial=0.0) <= _BENT:
        return []
    factor, failed = dpotrf(hessian)
    if failed:
        return []
    upper, _ = dpotri(factor)
    covariance = np.triu(upper) + np.triu(upper, 1).T
    variances = np.diagonal(covariance)
    # what the data say about a parameter counts like its constraint
    bent *= np.minimum(variances / np.maximum(model.parameters.width[free], 1e-150) ** 2, 1.0)
    candidates = np.argsort(-bent)[: min(int(np.sum(bent > _BENT)), _CANDIDATES)]
    variances = variances[candidates]
    lines = covariance[candidates] / variances[:, None]  # (n_candidates, n_free)
    points = np.tile(theta, (len(candidates), 2, len(_DISTANCES), 1))
    for side, sign in enumerate((-1.0, 1.0)):
        moved = theta[free] + sign * _DISTANCES[:, None] * lines[:, None, :]
        points[:, side][:, :, free] = np.clip(moved, bounds[:, 0], bounds[:, 1])
    here = model.excess_nll(theta, data)
    rise = model.excess_of_many(points.reshape(-1, len(theta)), data).reshape(points.shape[:3]) - here
    mirrored = _mirror_images(model, data, theta, free[candidates], bounds[candidates], here, variances)
    parabola = 0.5 * _DISTANCES**2 / variances[:, None, None]
    low = rise < _SHALLOW * parabola
    places = np.argwhere(low)
    order = np.argsort(rise[low], kind="stable")
    starts: list[Floats] = mirrored[:_STARTS]
    seen: set[tuple[int, int]] = set()
    for candidate, side, distance in places[order]:
        if (candidate, side) not in seen and len(starts) < _STARTS:
            seen.add((candidate, side))
            starts.append(points[candidate, side, distance])
    return starts


def _mirror_images(
    model: Model, data: Data, theta: Floats, candidates: Integers, bounds: Floats, here: float, variances: Floats
) -> list[Floats]:
    """Points with one of the candidates mirrored about its initial value, where the NLL is far below a parabola."""
    mirrored = 2.0 * model.parameters.init[candidates] - theta[candidates]
    distance = np.abs(mirrored - theta[candidates])
    chosen = np.flatnonzero(
        (distance > _APART * model.parameters.width[candidates])
        & (bounds[:, 0] <= mirrored)
        & (mirrored <= bounds[:, 1])
    )
    points = np.tile(theta, (len(chosen), 1))
    points[np.arange(len(chosen)), candidates[chosen]] = mirrored[chosen]
    rise = model.excess_of_many(points, data) - here
    low = rise < _MIRRORED * 0.5 * distance[chosen] ** 2 / variances[chosen]
    return [points[i] for i in np.argsort(rise) if low[i]]


def downward_curvature(model: Model, data: Data, theta: Floats) -> Floats:
    """How much uneven effects bend the NLL down along each parameter, in units of its constraint, ``(n_parameters,)``.

    From the mean of the effects at -1 and +1, ``[nu(1) + nu(-1)] / 2 - nu(0)`` per bin; zero for free parameters.
    """
    state = model.state(theta)
    weights = data.observed / np.maximum(state.bins, 1e-3) - 1.0
    curvature = np.zeros(model.cells.n_parameters)
    for parameter, by_bin in model.cells.mean_effects(state):
        curvature[parameter] += weights @ by_bin
    return _SHARPEST * curvature[: len(theta)] * model.parameters.width**2
