"""From a point to the minimum that it leads to: Newton's method, and what helps it where it gets stuck."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.kinks import has_pieces, steepest, through_kinks
from hftranslate.inference.newton import End, newton, roughly
from hftranslate.inference.problem import Problem

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]

#: Steps after which Newton's method has got stuck where the likelihood has kinks or an edge: they become ever shorter.
_PATIENCE = 25
#: Steps, at most, and the EDM, after which it shows whether the way leads to a minimum that is known.
_FIRST, _SEEN = 10, 0.05
#: Events that stand for the missing ones, one after the other, on the way to the edge.
_FRACTIONS = (1e-2, 1e-4, 1e-6, 1e-8)
#: Expectation of a bin without observed events that is on its way to the edge, and at it.
_NEARLY_EMPTY, _AT_THE_EDGE = 1e-2, 1e-6
#: A value that is higher by no more than this is not worse: what the last of the fractions leaves.
_EQUAL = 1e-6
#: How far above a kink in NLL a minimiser may stop that gets stuck there.
_NEAR_THE_KINK = 1e-3
#: Random points where nothing else leads into the domain: in general, and in models of fewer cells than that; how far
#: around the start they are.
_RANDOM, _RANDOM_OF_SMALL, _SMALL, _AROUND = 256, 4096, 500, 1.5
#: A step from a bound that shows whether the domain lies beside it, in units of the parameter.
_OFF_THE_BOUND = 1e-6
#: Decrease that the slopes around a place may still promise if it is a minimum on a kink, and attempts to follow them.
_BRACKETED, _ESCAPES = 1e-5, 5


def descend(
    problem: Problem, start: Floats, *, tolerance: float, max_iterations: int, known: Sequence[End] = ()
) -> End:
    """Minimise from one point, only until it shows that the way leads to a minimum that is known.

    ``"kink"`` as the reason of the end is a minimum on a kink or at the edge of the domain; everything else is as in
    :func:`~hftranslate.inference.newton.newton`.
    """
    most, minima = max_iterations, [end for end in known if end.at_a_minimum]
    if may_get_stuck(problem):
        most = min(_PATIENCE, most)
    found = _newton(problem, start, tolerance, most, minima)
    if found.reason in ("converged", "outside", "known"):
        return found
    back = leads_to(problem, found.x, found.value, minima)
    if back is not None:
        return replace(found, value=back.value, reason="known")
    ways = [_through_kinks, _along_the_edge]
    if _least(problem, found.x) < _NEARLY_EMPTY:
        ways.reverse()
    for way in (*ways, _further, _against_the_edge, _off_the_kink):
        found = way(problem, found, tolerance, max_iterations)
        if found.at_a_minimum:
            break
    return found


def leads_to(problem: Problem, x: Floats, value: float, minima: Sequence[End]) -> End | None:
    """The minimum that the NLL falls straight to from a point with its value, of some."""
    if not minima:
        return None
    points, values = np.array([end.x for end in minima]), np.array([end.value for end in minima])
    falls = problem.falls_straight(x[None], np.array([value]), points, values)[0]
    return minima[int(np.argmax(falls))] if falls.any() else None


def on_a_kink(problem: Problem, end: End, *, tolerance: float) -> End:
    """An end of a minimiser that knows no kinks, called one where Newton's method finds one at the same minimum."""
    if not may_get_stuck(problem):
        return end
    own = descend(problem, end.x, tolerance=tolerance, max_iterations=2 * _PATIENCE)
    same = own.reason == "kink" and end.value - _NEAR_THE_KINK < own.value <= end.value
    return replace(end, x=own.x, value=own.value, edm=own.edm, reason="kink") if same else end


def may_get_stuck(problem: Problem) -> bool:
    """Whether the likelihood has kinks, or an edge where bins without observed events would be driven below zero."""
    return has_pieces(problem) or bool((problem.data.observed == 0.0).any())


def into_domain(problem: Problem) -> Floats | None:
    """A point inside the domain near a start outside of it; ``None`` where there is none to be found.

    Least squares of what each bin lacks of a tenth of its observed events, with a weak pull towards the start; if that
    leads nowhere, random points.
    """
    from scipy.optimize import Bounds
    from scipy.optimize import minimize as scipy_minimize

    start, observed, unit = problem.start, problem.data.observed, problem.unit(1.0)
    aim = np.where(observed > 0.0, 0.1 * observed, 1e-3)

    def lack(y: Floats) -> tuple[float, Floats]:
        theta = problem.full(start + y * unit)
        missing = np.maximum(aim - problem.model.rates(theta), 0.0)
        slope = -(missing / aim**2) @ problem.model.jacobian(theta)
        return 0.5 * float(np.sum((missing / aim) ** 2)) + 5e-4 * float(y @ y), slope[problem.index] * unit + 1e-3 * y

    low, high = ((b - start) / unit for b in problem.bounds.T)
    result = scipy_minimize(
        lack, np.zeros_like(start), jac=True, method="L-BFGS-B", bounds=Bounds(low, high), options={"maxiter": 500}
    )
    x = problem.inside(start + result.x * unit)
    return x if np.isfinite(problem.value(x)) else _lowest_around(problem, start, unit)


def _lowest_around(problem: Problem, start: Floats, unit: Floats) -> Floats | None:
    """The lowest of random points around; ``None`` if none of them lies in the domain."""
    n = _RANDOM_OF_SMALL if len(problem.model.cells.nominal) < _SMALL else _RANDOM
    points = problem.inside(start + _AROUND * unit * np.random.default_rng(5).normal(size=(n, len(start))))
    values = problem.values(points)
    values = np.where(np.isfinite(values), values, np.inf)
    lowest = int(np.argmin(values))
    return points[lowest] if np.isfinite(values[lowest]) else None


def _newton(problem: Problem, start: Floats, tolerance: float, max_iterations: int, known: Sequence[End] = ()) -> End:
    if not problem.few_bins or has_pieces(problem):
        return _exactly(problem, start, tolerance, max_iterations, known)
    box = problem.bounds[:, 0], problem.bounds[:, 1]
    first = roughly(problem, start, box, tolerance=tolerance, max_iterations=max_iterations, known=known)
    if first.reason != "iterations" or first.iterations >= max_iterations:
        return first
    return onwards(first, _exactly(problem, first.x, tolerance, max_iterations - first.iterations, known))


def _exactly(problem: Problem, start: Floats, tolerance: float, max_iterations: int, known: Sequence[End]) -> End:
    low, high = problem.bounds.T
    if not known:
        return newton(problem, start, low, high, tolerance=tolerance, max_iterations=max_iterations)
    first = newton(problem, start, low, high, tolerance=_SEEN, max_iterations=min(_FIRST, max_iterations))
    back = leads_to(problem, first.x, first.value, known)
    if back is not None:
        return replace(first, value=back.value, reason="known")
    if first.reason == "outside":
        return first
    rest = max(max_iterations - first.iterations, 1)  # which see the minimum if it is one for this tolerance
    return onwards(first, _exactly(problem, first.x, tolerance, rest, ()))


def onwards(before: End, after: End) -> End:
    """The end of a way that began at another one."""
    return replace(after, iterations=before.iterations + after.iterations)


def _through_kinks(problem: Problem, found: End, tolerance: float, max_iterations: int) -> End:
    if not has_pieces(problem):
        return found
    most = min(2 * _PATIENCE, max_iterations)
    end = onwards(found, through_kinks(problem, found.x, tolerance=tolerance, max_iterations=most))
    if end.reason == "kink":  # where kinks meet, what was known of them on the way may hold it back: seen afresh
        again = onwards(end, through_kinks(problem, end.x, tolerance=tolerance, max_iterations=most))
        end = again if again.at_a_minimum and again.value < end.value else end
    return end


def _further(problem: Problem, found: End, tolerance: float, max_iterations: int) -> End:
    """More of Newton's steps, where it was only patience that ended."""
    if found.reason == "stuck" or found.iterations >= max_iterations:
        return found
    return onwards(found, _newton(problem, found.x, tolerance, max_iterations))


def _along_the_edge(problem: Problem, found: End, tolerance: float, max_iterations: int) -> End:
    """Approach a minimum at which a bin without observed events has no expectation: the edge of the domain.

    Ever smaller fractions of an event stand for the missing ones, ``nu - n ln nu`` in place of ``nu``, which keeps the
    path inside. The minimum differs from the true one by the order of the last fraction.
    """
    observed = problem.data.observed
    x = _with_yields(problem, found.x) if (observed == 0.0).any() else None
    if x is None:
        return found
    last = found
    for fraction in _FRACTIONS:
        data = problem.model.data(np.where(observed == 0.0, fraction, observed), problem.data.auxdata)
        within = replace(problem, data=data)
        if has_pieces(problem):
            last = _through_kinks(within, replace(last, x=x), tolerance, max_iterations)
        else:
            last = onwards(last, _newton(within, x, tolerance, max_iterations))
        x = last.x
    value = problem.value(x)
    if not last.at_a_minimum or value > found.value + _EQUAL:
        return replace(found, iterations=last.iterations)
    return replace(last, value=value, hessian=None, reason="kink" if _least(problem, x) < _AT_THE_EDGE else last.reason)


def _against_the_edge(problem: Problem, found: End, tolerance: float, max_iterations: int) -> End:
    """Hold parameters at bounds from where any step leads out of the domain, and minimise by the others.

    That is an edge which no fraction of an event keeps the path off, for nothing lies within.
    """
    if found.reason != "stuck" or not np.isfinite(found.value):
        return found
    held = _without_way(problem, found.x)
    if not held.any() or held.all():
        return found
    rest = replace(
        problem, theta=problem.full(found.x), index=problem.index[~held], bounds=problem.bounds[~held]
    )  # fmt: skip
    other = onwards(found, descend(rest, rest.start, tolerance=tolerance, max_iterations=max_iterations))
    x = found.x.copy()
    x[~held] = other.x
    if other.value > found.value or not (_without_way(problem, x) | ~held).all():
        return replace(found, iterations=other.iterations)
    reason = "kink" if other.reason == "converged" else other.reason
    return replace(other, x=x, hessian=None, reason=reason)


def _without_way(problem: Problem, x: Floats) -> Booleans:
    """Which parameters stand at a bound with nothing but the outside of the domain beside it, ``(n,)``."""
    low, high = problem.bounds.T
    step = np.where(x <= low, 1.0, np.where(x >= high, -1.0, 0.0)) * _OFF_THE_BOUND * problem.unit(1.0)
    at = np.flatnonzero(step)
    beside = problem.values(problem.inside(x + np.eye(len(x))[at] * step))
    without: Booleans = np.zeros(len(x), dtype=bool)
    without[at] = ~np.isfinite(beside)
    return without


def _with_yields(problem: Problem, x: Floats) -> Floats | None:
    """The point, or one between it and the start, that expects something in every bin."""
    for part in (0.0, 1e-3, 1e-2, 0.1, 0.5, 1.0):
        moved = x + part * (problem.inside(problem.start) - x)
        if (problem.model.rates(problem.full(moved)) > 0.0).all() and np.isfinite(problem.value(moved)):
            return moved
    return None


def _least(problem: Problem, x: Floats) -> float:
    """The smallest expectation of a bin without observed events; infinite where there is none."""
    empty = problem.data.observed == 0.0
    return float(problem.model.rates(problem.full(x))[empty].min()) if empty.any() else np.inf


def _off_the_kink(problem: Problem, found: End, tolerance: float, max_iterations: int) -> End:
    """Whether the slopes around a place where nothing goes on bracket zero; if not, down where they lead."""
    for _ in range(_ESCAPES):
        if found.reason != "stuck":
            break
        step, decrease = steepest(problem, found.x)
        if decrease < _BRACKETED:
            return replace(found, edm=decrease, reason="kink")
        for length in (1.0, 0.1, 1e-2, 1e-3, 1e-4):
            x = problem.inside(found.x + length * step)
            if problem.value(x) < found.value - 1e-9:
                found = onwards(found, _newton(problem, x, tolerance, max_iterations))
                break
        else:
            break
    return found
