"""Uncertainties and correlations from second central differences of ROOT's NLL.

HESSE takes mixed derivatives as one-sided differences, which leaves up to 0.01 on correlations, and several percent on
the uncertainties of parameters that are nearly degenerate. Central differences of the same function leave 1e-6.
"""

from collections.abc import Callable, Sequence
from math import asin, cos, sin
from typing import Any

import numpy as np

#: The smallest step in units of the uncertainties.
SMALLEST_STEP = 3e-4


def covariance(evaluate: Callable[[], float], variables: Sequence[Any], sigmas: Sequence[float]) -> Any | None:
    """Inverse matrix of second derivatives at the present values of ROOT's variables, which are left as they were.

    ``None`` where the second derivatives are not positive definite. ``sigmas`` set the sizes of steps; no step goes
    more than half of the way to the end of a range.
    """
    centre = [float(v.getVal()) for v in variables]
    # where the errors of rounding and of the fourth derivatives are about the same
    step = max((float(np.finfo(np.float64).eps) * abs(evaluate())) ** 0.25, SMALLEST_STEP)
    steps = [
        min(step * sigma, 0.5 * (x - v.getMin()), 0.5 * (v.getMax() - x))
        for v, x, sigma in zip(variables, centre, sigmas, strict=True)
    ]

    def value(*moves: tuple[int, float]) -> float:
        for i, sign in moves:
            variables[i].setVal(centre[i] + sign * steps[i])
        result = evaluate()
        for i, _ in moves:
            variables[i].setVal(centre[i])
        return result

    n, here = len(variables), value()
    ends = [(value((i, 1.0)), value((i, -1.0))) for i in range(n)]
    hessian = np.zeros((n, n))
    for i in range(n):
        hessian[i, i] = (sum(ends[i]) - 2.0 * here) / steps[i] ** 2
        for j in range(i):
            both = value((i, 1.0), (j, 1.0)) + value((i, -1.0), (j, -1.0))
            mixed = 0.5 * (both - sum(ends[i]) - sum(ends[j]) + 2.0 * here)
            hessian[i, j] = hessian[j, i] = mixed / (steps[i] * steps[j])
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return None
    return np.linalg.inv(hessian)


def as_minuit_quotes(sigma: float, value: float, low: float, high: float) -> float:
    """An uncertainty as Minuit2 would quote it for a parameter with a range.

    Inside Minuit the parameter is ``c + r sin(t)``; what is quoted is half of what ``t - s`` and ``t + s`` span, with
    ``s`` the uncertainty of ``t`` (``MnUserTransformation::Int2extError``).
    """
    radius = 0.5 * (high - low)
    t = asin((value - low) / radius - 1.0)
    s = sigma / (radius * cos(t))
    up = 2.0 if s > 1.0 else abs(sin(t + s) - sin(t))
    return float(0.5 * radius * (up + abs(sin(t - s) - sin(t))))
