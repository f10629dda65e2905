"""From a point of the domain to the minimum that it leads to: Newton's method, and what helps it where it gets stuck."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.kinks import has_pieces, through_kinks
from hftranslate.inference.newton import NewtonResult, newton
from hftranslate.inference.problem import Problem

Floats = NDArray[np.float64]

#: Steps after which Newton's method has got stuck where the likelihood has kinks or an edge: it takes ever shorter ones.
_PATIENCE = 25
#: Events that stand for the missing ones, one after the other, on the way to the edge.
_FRACTIONS = (1e-2, 1e-4, 1e-6, 1e-8)
#: Expectation of such a bin that is on its way to the edge, and at it.
_NEARLY_EMPTY, _AT_THE_EDGE = 1e-2, 1e-6
#: A value that is higher by no more than this is not worse: what the last of the fractions leaves.
_EQUAL = 1e-6


def descend(problem: Problem, start: Floats, *, tolerance: float, max_iterations: int) -> NewtonResult:
    """Minimise from one point.

    The reason of the result is that of :func:`~hftranslate.inference.newton.newton`, or ``"kink"`` for a minimum on a
    kink, or at the edge of the domain.
    """
    smooth = not may_get_stuck(problem)
    found = _newton(problem, start, tolerance, max_iterations if smooth else min(_PATIENCE, max_iterations))
    if smooth or found.reason in ("converged", "outside"):
        return found
    ways = [_through_kinks, _along_the_edge]
    if (problem.data.observed == 0.0).any() and _least(problem, found.x) < _NEARLY_EMPTY:
        ways.reverse()
    for way in (*ways, _further):
        found = way(problem, found, tolerance, max_iterations)
        if found.reason not in ("stuck", "iterations"):
            break
    return found


def may_get_stuck(problem: Problem) -> bool:
    """Whether the likelihood has kinks, or an edge where bins without observed events would be driven below zero."""
    return has_pieces(problem) or bool((problem.data.observed == 0.0).any())


def _through_kinks(problem: Problem, found: NewtonResult, tolerance: float, max_iterations: int) -> NewtonResult:
    if not has_pieces(problem):
        return found
    most = min(2 * _PATIENCE, max_iterations)
    return _onwards(found, through_kinks(problem, found.x, tolerance=tolerance, max_iterations=most))


def _further(problem: Problem, found: NewtonResult, tolerance: float, max_iterations: int) -> NewtonResult:
    if max_iterations <= _PATIENCE:
        return found
    return _onwards(found, _newton(problem, found.x, tolerance, max_iterations))


def _newton(problem: Problem, start: Floats, tolerance: float, max_iterations: int) -> NewtonResult:
    low, high = problem.bounds.T
    return newton(problem, start, low, high, tolerance=tolerance, max_iterations=max_iterations)


def _onwards(before: NewtonResult, after: NewtonResult) -> NewtonResult:
    """The result of going on."""
    return replace(after, iterations=before.iterations + after.iterations)


def _along_the_edge(problem: Problem, found: NewtonResult, tolerance: float, max_iterations: int) -> NewtonResult:
    """Approach a minimum at which a bin without observed events has no expectation: the edge of the domain.

    Ever smaller fractions of an event stand for the missing ones, ``nu - n ln nu`` in place of ``nu``, which keeps the
    path inside. The minimum differs from the true one by the order of the last fraction.
    """
    observed = problem.data.observed
    x = _pulled_back(problem, found.x)
    if x is None or not (observed == 0.0).any():
        return found
    last = found
    for fraction in _FRACTIONS:
        data = problem.model.data(np.where(observed == 0.0, fraction, observed), problem.data.auxdata)
        within = replace(problem, data=data)
        step = _through_kinks if has_pieces(problem) else _further
        last = step(within, replace(last, x=x), tolerance, max_iterations)
        x = last.x
    value = problem.value(x)
    if last.reason not in ("converged", "kink") or value > found.value + _EQUAL:
        return replace(found, iterations=last.iterations)
    return replace(last, value=value, reason="kink" if _least(problem, x) < _AT_THE_EDGE else last.reason)


def _pulled_back(problem: Problem, x: Floats) -> Floats | None:
    """The point, or one between it and the start, that expects something in every bin."""
    for part in (0.0, 1e-3, 1e-2, 0.1, 0.5, 1.0):
        moved = x + part * (problem.inside(problem.start) - x)
        rates = problem.model.rates(problem.full(moved))
        if (rates > 0.0).all() and np.isfinite(problem.value(moved)):
            return moved
    return None


def _least(problem: Problem, x: Floats) -> float:
    """The smallest expectation of a bin without observed events."""
    return float(problem.model.rates(problem.full(x))[problem.data.observed == 0.0].min())
