"""MIGRAD and L-BFGS-B, from their packages, with our value and gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem

Floats = NDArray[np.float64]

#: EDM at which a minimum counts as reached, whatever the package says.
_REACHED = 1e-4


class _Enough(Exception):
    """The calls that MIGRAD may make are spent; it only counts them from time to time."""


def migrad(problem: Problem, start: Floats, *, tolerance: float, calls: int, rounds: int, strategy: int) -> End:
    """Minimise by Minuit's MIGRAD, in some rounds of so many calls each at most."""
    from iminuit import Minuit

    first = problem.value(start)
    if not np.isfinite(first):
        return End(x=start, value=first, edm=np.inf, hessian=None, iterations=0, reason="outside", by="minuit")
    best, least, n = start, first, 0

    def value(x: Floats) -> float:
        nonlocal best, least, n
        n += 1
        if n > calls * rounds:
            raise _Enough
        value = problem.value(x)
        if value < least:
            best, least = x.copy(), value
        return value if np.isfinite(value) else first + 1e6  # infinity is more than it can digest

    def gradient(x: Floats) -> Floats:
        g = problem.gradient(x)
        return np.where(np.isfinite(g), g, 0.0)

    m = Minuit(value, start, grad=gradient)
    m.errordef = Minuit.LIKELIHOOD
    m.limits = [tuple(b) for b in problem.bounds]
    m.errors = problem.unit(0.1)
    m.strategy = strategy
    m.tol = max(tolerance / 0.002 / 0.5, 1e-8)  # Minuit stops at an EDM of 0.002 * tol * errordef
    reason, edm = "stuck", np.inf
    try:
        m.migrad(ncall=calls, iterate=rounds)
    except _Enough:
        x, reason = problem.inside(best), "iterations"
    else:
        x = problem.inside(np.array(m.values))
        if m.fmin is not None:
            edm = float(m.fmin.edm)
            reason = "iterations" if m.fmin.has_reached_call_limit else "stuck"
    # Minuit's own verdict on its covariance is not ours to repeat: what counts is the distance to the minimum.
    if m.valid or problem.edm(x) < _REACHED:
        reason = "converged"
    return End(x=x, value=problem.value(x), edm=edm, hessian=None, iterations=n, reason=reason, by="minuit")


def lbfgsb(
    problem: Problem,
    start: Floats,
    *,
    tolerance: float,
    max_iterations: int | None,
    settings: Mapping[str, float],
    between_restarts: int = 2000,
    restarts: int = 20,
) -> End:
    """Minimise by SciPy's L-BFGS-B, restarted until the EDM is small.

    It works in units of the prior uncertainties: unscaled it stops early on parameters of very different sizes. With
    ``max_iterations`` that, and the ``maxfun`` of the settings, are limits of all restarts together.
    """
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as scipy_minimize

    first = problem.value(start)
    if not np.isfinite(first):
        return End(x=start, value=first, edm=np.inf, hessian=None, iterations=0, reason="outside", by="scipy")
    unit = problem.unit(1.0)

    def scaled(y: Floats) -> tuple[float, Floats]:
        value, gradient = problem.value_and_gradient(y * unit)
        return (value, gradient * unit) if np.isfinite(value) else (first + 1e6, np.zeros_like(y))

    box = Bounds(problem.bounds[:, 0] / unit, problem.bounds[:, 1] / unit)
    counts = {name: int(settings[name]) for name in ("maxfun", "maxcor", "maxls")}
    best, iterations, calls = start / unit, 0, 0
    for _ in range(restarts):
        options: Any = {"maxiter": between_restarts, "ftol": settings["ftol"], "gtol": settings["gtol"], **counts}
        if max_iterations is not None:
            options |= {"maxiter": max_iterations - iterations, "maxfun": counts["maxfun"] - calls}
        result = scipy_minimize(scaled, best, jac=True, method="L-BFGS-B", bounds=box, options=options)
        iterations, calls = iterations + int(result.nit), calls + int(result.nfev)
        moved = not np.array_equal(best, result.x)
        best = result.x
        edm = problem.edm(best * unit)
        exhausted = max_iterations is not None and (iterations >= max_iterations or calls >= counts["maxfun"])
        if edm < tolerance or not moved or exhausted:
            break
    x = problem.inside(best * unit)
    reason = "iterations" if exhausted else "stuck"
    if edm < max(tolerance, _REACHED):
        reason = "converged"
    return End(x=x, value=problem.value(x), edm=edm, hessian=None, iterations=iterations, reason=reason, by="scipy")
