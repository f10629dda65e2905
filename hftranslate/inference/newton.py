r"""A bounded Newton method for likelihoods with an exact Hessian.

Each iteration minimises the local quadratic model within the bounds (an active set of parameters stays at a bound).
Where the Hessian is not positive definite, far from the minimum, its part that always is takes its place (for a
likelihood the outer products of the slopes of the yields, and the constraints: Fisher scoring); where that is singular,
or no step along the direction helps, it is damped (Levenberg). A step is shortened until the function decreases and
stays in its domain, where it is finite. The expected distance to the minimum, ``EDM = g^T H^-1 g / 2`` over the
parameters that no bound holds, decides when to stop; the last step, taken below the tolerance, leaves an error of the
order of its square.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dposv

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Expansion: TypeAlias = tuple[float, Floats, Floats]

_SUFFICIENT = 1e-4  # Armijo's constant: the fraction of the predicted decrease that counts as progress
_SHORTEST = 1e-6  # steps below this fraction of the Newton step are given up
_LITTLE_DAMPING = 1e-2  # up to it the EDM of the damped model is that of the function
_MOST_DAMPING = 1e12  # beyond it the damped step is lost in rounding


@dataclass(frozen=True, slots=True, kw_only=True)
class NewtonResult:
    """Where the iteration ended.

    Attributes
    ----------
    x, value, edm
        point, value, and EDM of the last iteration.
    hessian
        exact Hessian of the last iteration, at or one last short step before ``x``; ``None`` outside the domain.
    iterations
        number of expansions of the function.
    reason
        ``"converged"``, ``"iterations"`` (the limit was reached), ``"stuck"`` (no step along the descent direction
        decreases the function: a kink, or the limit of precision) or ``"outside"`` (of the domain, at the start).
    """

    x: Floats
    value: float
    edm: float
    hessian: Floats | None
    iterations: int
    reason: str


def newton(
    expand: Callable[[Floats], Expansion],
    value: Callable[[Floats], float],
    convex: Callable[[Floats], Floats],
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
    convex
        an approximation of the Hessian without negative eigenvalues.
    start, low, high
        starting point and bounds, ``(n,)``; infinite bounds are allowed.
    tolerance
        the EDM at which to stop, in units of the function.
    """
    x = np.clip(start, low, high)
    f, g, hessian = expand(x)
    if not np.isfinite(f):
        return NewtonResult(x=x, value=f, edm=np.inf, hessian=None, iterations=1, reason="outside")
    damping, edm, iteration = 0.0, np.inf, 1
    while iteration < max_iterations:
        quadratic = _Quadratic(x=x, g=g, hessian=hessian, low=low, high=high)
        step, damping, edm, exact = _bounded_step(quadratic, convex, damping)
        if edm <= tolerance and exact and damping <= _LITTLE_DAMPING:
            last = np.clip(x + step, low, high)
            f_last = value(last)
            if f_last <= f:
                x, f = last, f_last
            return NewtonResult(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="converged")
        full = np.clip(x + step, low, high)
        trial = expand(full)
        iteration += 1
        if trial[0] < f and trial[0] <= f + _SUFFICIENT * float(g @ step):
            x, (f, g, hessian) = full, trial
            damping = 0.1 * damping if damping > 1e-8 else 0.0
            continue
        x_new, f_new = _shortened(value, quadratic, f, step, trial[0])
        if f_new >= f:  # not even a short step helps: lean towards the direction of steepest descent
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return NewtonResult(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="stuck")
            continue
        x = x_new
        f, g, hessian = expand(x)
        iteration += 1
    return NewtonResult(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="iterations")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quadratic:
    """The local quadratic model and the box it is minimised in."""

    x: Floats
    g: Floats
    hessian: Floats
    low: Floats
    high: Floats


def _shortened(
    value: Callable[[Floats], float], q: _Quadratic, f: float, step: Floats, f_full: float
) -> tuple[Floats, float]:
    """The first point along a step, shorter than all of it, with a sufficient decrease; the start if there is none."""
    slope = float(q.g @ step)
    length, f_new = 1.0, f_full
    while slope < 0.0:
        length *= 0.25 if not np.isfinite(f_new) else _interpolated(length, f, f_new, slope)
        if length < _SHORTEST:
            break
        x_new = np.clip(q.x + length * step, q.low, q.high)
        f_new = value(x_new)
        if f_new < f and f_new <= f + _SUFFICIENT * length * slope:
            return x_new, f_new
    return q.x, f


def _interpolated(length: float, f: float, f_new: float, slope: float) -> float:
    """The factor by which to shorten a step: the minimum of the parabola through what is known, within reason."""
    bend = 2.0 * (f_new - f - length * slope)
    best = -slope * length / bend if bend > 0.0 else 0.5
    return min(max(best, 0.1), 0.5)


def _bounded_step(
    q: _Quadratic, convex: Callable[[Floats], Floats], damping: float
) -> tuple[Floats, float, float, bool]:
    """Step to the minimum of the quadratic model within the bounds, damping used, EDM, and whether it was exact."""
    held = ((q.x <= q.low) & (q.g > 0.0)) | ((q.x >= q.high) & (q.g < 0.0))
    step = np.zeros_like(q.x)
    matrix, exact, edm = q.hessian, True, -1.0
    while True:
        free = np.flatnonzero(~held)
        if free.size == 0:
            return step, damping, max(edm, 0.0), exact
        # parameters held at a bound may have moved onto it: their displacement shifts the gradient of the others
        rhs = q.g[free] + matrix[np.ix_(free, np.flatnonzero(held))] @ step[held] if held.any() else q.g
        solution = _solve(matrix, free, rhs, damping)
        if solution is None and exact:
            matrix, exact = convex(q.x), False
            continue
        while solution is None:
            damping = 1e-3 if damping == 0.0 else 10.0 * damping
            solution = _solve(matrix, free, rhs, damping)
        if edm < 0.0:
            edm = 0.5 * float(q.g[free] @ solution)
        target = q.x[free] - solution
        beyond = (target < q.low[free]) | (target > q.high[free])
        if not beyond.any():
            step[free] = -solution
            return step, damping, edm, exact
        crossing = free[beyond]
        step[crossing] = np.clip(target[beyond], q.low[crossing], q.high[crossing]) - q.x[crossing]
        held = held.copy()
        held[crossing] = True


def _solve(matrix: Floats, free: NDArray[np.int64], rhs: Floats, damping: float) -> Floats | None:
    """Solve ``(matrix + damping * diag(scale)) y = rhs`` among the free rows; ``None`` unless positive definite."""
    block = matrix if free.size == len(matrix) else matrix[np.ix_(free, free)]
    if damping > 0.0:
        scale = np.abs(np.diagonal(block))
        block = block + np.diag(damping * np.maximum(scale, 1e-8 * max(float(scale.max()), 1.0)))
    _, solution, failed = dposv(block, rhs)
    return None if failed else solution
