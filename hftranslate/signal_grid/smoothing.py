"""Interpolation between scattered points of a plane, and its validation: each point predicted from the others.

Positions are those where both axes have unit length.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Interpolation = Literal["linear", "cubic", "smooth"]
INTERPOLATIONS: tuple[Interpolation, ...] = ("linear", "cubic", "smooth")
#: That of lines, pictures and tables where none is asked for.
USUAL: Interpolation = "smooth"

#: Weights of smoothness against the points: none, and those among which leaving points out decides.
_STRENGTHS = (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
#: With fewer points nothing can be told from leaving them out: the surface goes through them.
_LEAST = 12


def interpolator(positions: Floats, heights: Floats, interpolation: Interpolation) -> Callable[[Floats], Floats]:
    """A function of positions ``(k, 2)`` that gives heights ``(k,)``, from points ``(n, 2)`` and ``(n,)``.

    ``linear`` on the triangles of Delaunay, ``cubic`` through the points (Clough and Tocher), ``smooth``: a thin plate
    (J. Duchon 1977), which bends as little as its distance to the points allows; how much that is decide the points,
    each predicted from the others. Outside the hull of the points the first two are NaN.
    """
    from scipy.interpolate import CloughTocher2DInterpolator, LinearNDInterpolator

    if interpolation == "smooth":
        return thin_plate(positions, heights)
    kind = LinearNDInterpolator if interpolation == "linear" else CloughTocher2DInterpolator
    between = kind(positions, heights)
    return lambda at: np.asarray(between(at), dtype=np.float64)


def thin_plate(positions: Floats, heights: Floats) -> Callable[[Floats], Floats]:
    """The thin plate near the points whose smoothness predicts points that are left out best."""
    from scipy.interpolate import RBFInterpolator

    def plate(values: Floats, strength: float) -> RBFInterpolator:
        return RBFInterpolator(positions, values, kernel="thin_plate_spline", smoothing=strength, degree=1)

    chosen = 0.0
    if len(heights) >= _LEAST:
        # a plate is linear in its heights: what it predicts without a point follows from all of them
        worst = np.inf
        for strength in _STRENGTHS[1:]:
            weights = plate(np.eye(len(heights)), strength)(positions)
            left_out = (heights - weights @ heights) / (1.0 - np.diag(weights))
            error = float(np.mean(np.square(left_out)))
            if error < worst:
                chosen, worst = strength, error
    found = plate(heights, chosen)
    return lambda at: np.asarray(found(at), dtype=np.float64)


def left_out(positions: Floats, heights: Floats, interpolation: Interpolation) -> Floats:
    """What each inner point is predicted to be from the others, less what it is: ``(n,)``, NaN at the rim."""
    from scipy.spatial import Delaunay

    found = np.full(len(heights), np.nan)
    rim = set(Delaunay(positions).convex_hull.ravel().tolist())
    for i in sorted(set(range(len(heights))) - rim):
        others = np.arange(len(heights)) != i
        predicted = interpolator(positions[others], heights[others], interpolation)(positions[i : i + 1])
        found[i] = predicted[0] - heights[i]
    return found
