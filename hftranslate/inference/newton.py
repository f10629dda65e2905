r"""A bounded Newton method for likelihoods with an exact Hessian.

Each iteration minimises the local quadratic model within the bounds (an active set of parameters stays at a bound),
damps it (Levenberg) where the Hessian is not positive definite, and shortens the step until the function decreases and
stays in its domain, where it is finite. The expected distance to the minimum, ``EDM = g^T H^-1 g / 2`` over the
parameters that no bound holds, decides when to stop; the last step, taken below the tolerance, leaves an error of the
order of its square.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Expansion: TypeAlias = tuple[float, Floats, Floats]

_SUFFICIENT = 1e-4  # Armijo's constant: the fraction of the predicted decrease that counts as progress
_SHORTEST = 1e-6  # steps below this fraction of the Newton step are given up
_LITTLE_DAMPING = 1e-2  # up to it the EDM of the damped model is that of the function
_MOST_DAMPING = 1e12  # beyond it the damped step is lost in rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class NewtonResult:
    """Where the iteration ended: point, value, EDM there, number of iterations, and why it ended.

    ``reason`` is ``"converged"``, ``"iterations"`` (the limit was reached), ``"stuck"`` (no step along the descent
    direction decreases the function: a kink, or the limit of precision) or ``"outside"`` (of the domain, at the start).
    """

    x: Floats
    value: float
    edm: float
    iterations: int
    reason: str


def newton(
    expand: Callable[[Floats], Expansion],
    value: Callable[[Floats], float],
    start: Floats,
    low: Floats,
    high: Floats,
    *,
    tolerance: float,
    max_iterations: int,
) -> NewtonResult:
    """Minimise a function within bounds.

    Parameters
    ----------
    expand
        value, gradient ``(n,)`` and Hessian ``(n, n)`` at a point; the value may be infinite.
    value
        the value alone.
    start, low, high
        starting point and bounds, ``(n,)``; infinite bounds are allowed.
    tolerance
        the EDM at which to stop, in units of the function.
    """
    x = np.clip(start, low, high)
    f, g, hessian = expand(x)
    if not np.isfinite(f):
        return NewtonResult(x=x, value=f, edm=np.inf, iterations=0, reason="outside")
    damping = 0.0
    edm = np.inf
    for iteration in range(1, max_iterations + 1):
        step, damping, edm = _bounded_step(x, g, hessian, low, high, damping)
        if edm <= tolerance and damping <= _LITTLE_DAMPING:
            last = np.clip(x + step, low, high)
            f_last = value(last)
            if f_last <= f:
                x, f = last, f_last
            return NewtonResult(x=x, value=f, edm=edm, iterations=iteration, reason="converged")
        x_new, f_new, length = _line_search(value, x, f, g, step, low, high)
        if f_new >= f:  # not even a short step helps: lean towards the direction of steepest descent
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return NewtonResult(x=x, value=f, edm=edm, iterations=iteration, reason="stuck")
            continue
        if length == 1.0:
            damping = 0.1 * damping if damping > 1e-8 else 0.0
        x = x_new
        f, g, hessian = expand(x)
    return NewtonResult(x=x, value=f, edm=edm, iterations=max_iterations, reason="iterations")


def _line_search(
    value: Callable[[Floats], float], x: Floats, f: float, g: Floats, step: Floats, low: Floats, high: Floats
) -> tuple[Floats, float, float]:
    """The first point along a step with a sufficient decrease, its value and the length; ``x`` if there is none."""
    slope = float(g @ step)
    length = 1.0
    while slope < 0.0 and length > _SHORTEST:
        x_new = np.clip(x + length * step, low, high)
        f_new = value(x_new)
        if f_new <= f + _SUFFICIENT * length * slope:
            return x_new, f_new, length
        length *= 0.25 if not np.isfinite(f_new) else _interpolated(length, f, f_new, slope)
    return x, f, 0.0


def _interpolated(length: float, f: float, f_new: float, slope: float) -> float:
    """The factor by which to shorten a step: the minimum of the parabola through what is known, within reason."""
    bend = 2.0 * (f_new - f - length * slope)
    best = -slope * length / bend if bend > 0.0 else 0.5
    return min(max(best, 0.1), 0.5)


def _bounded_step(
    x: Floats, g: Floats, hessian: Floats, low: Floats, high: Floats, damping: float
) -> tuple[Floats, float, float]:
    """Step to the minimum of the quadratic model within the bounds, the damping used, and the EDM."""
    held = ((x <= low) & (g > 0.0)) | ((x >= high) & (g < 0.0))
    step = np.zeros_like(x)
    edm = -1.0
    scale = np.abs(np.diagonal(hessian))
    scale = np.maximum(scale, 1e-8 * max(float(scale.max(initial=0.0)), 1.0))
    while True:
        free = np.flatnonzero(~held)
        if free.size == 0:
            return step, damping, max(edm, 0.0)
        # parameters held at a bound may have moved onto it: their displacement shifts the gradient of the others
        rhs = g[free] + hessian[np.ix_(free, np.flatnonzero(held))] @ step[held]
        block = hessian[np.ix_(free, free)]
        solution, damping = _damped_solve(block, rhs, scale[free], damping)
        if edm < 0.0:
            edm = 0.5 * float(g[free] @ solution)
        target = x[free] - solution
        beyond = (target < low[free]) | (target > high[free])
        if not beyond.any():
            step[free] = -solution
            return step, damping, edm
        crossing = free[beyond]
        step[crossing] = np.clip(target[beyond], low[crossing], high[crossing]) - x[crossing]
        held = held.copy()
        held[crossing] = True


def _damped_solve(block: Floats, rhs: Floats, scale: Floats, damping: float) -> tuple[Floats, float]:
    """Solve ``(block + damping * diag(scale)) y = rhs``, raising the damping until the matrix is positive definite."""
    while True:
        matrix = block if damping == 0.0 else block + np.diag(damping * scale)
        try:
            return cho_solve(cho_factor(matrix, check_finite=False), rhs, check_finite=False), damping
        except LinAlgError:
            damping = 1e-3 if damping == 0.0 else 10.0 * damping
