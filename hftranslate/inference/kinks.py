r"""Minima on kinks: a Newton method for a likelihood that is smooth in pieces.

ROOT clips the additive part of a cell at zero, and the interpolation codes 0 and 1 bend at zero. Each such place is a
surface ``c(theta) = 0``. Near some of them the NLL is, to second order in the step ``d``,

    f + g^T d + d^T H d / 2 + sum_i h_i(c_i + v_i^T d) - h_i(c_i),      v_i = d c_i / d theta,

with the gradient ``g`` of what is smooth, and functions ``h`` of a number whose slope is zero below and ``s`` above it.
The bounds of parameters are of that form, too, with an infinite slope beyond. On the surface itself the slope is what
lies between, the multiplier ``lambda_i`` of the dual problem

    maximise  t^T lambda - lambda^T Q lambda / 2  between the slopes,      Q = V H^-1 V^T,   t = c - V H^-1 g,

which has as many unknowns as surfaces and gives the step ``d = -H^-1 (g + V^T lambda)``. With the ``H`` of the function
that has the multipliers for slopes, steps converge as Newton's do. Where no step is left, the multipliers say that the
slopes on both sides of every surface bracket zero, which is what a minimum on a kink is.

A kink that bends down is no minimum, and is passed like any other place.
"""

from collections.abc import Iterator
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem
from hftranslate.likelihood.scipy_parts import dpotrf, dpotrs, dtrtrs
from hftranslate.records import record

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Surfaces count that are nearer than this, in units of the distance that raises the NLL by a half.
_NEAR = 1.0
#: A multiplier lies between the slopes of both sides if it is that far from either, as a fraction of their difference.
_BETWEEN = 1e-7
_INEXACT = 1e-3  # with another matrix than the Hessian the predicted decrease says less: it has to be smaller
_SUFFICIENT = 1e-4  # the fraction of the predicted decrease that counts as progress
_SHORTEST = 1e-7
_MOST_DAMPING = 1e10
#: How far around a place its slopes are looked at, and the expectation of a bin at the edge of the domain, in events.
_BESIDE, _EDGE = 1e-7, 1e-6


@record
class _Surfaces:
    """Where the NLL has a kink, seen from a point; also bounds of parameters.

    Attributes
    ----------
    value, slope
        ``c (k,)`` and its gradient ``(k, n)`` by the free parameters.
    low, high
        the slopes of the NLL along ``c`` below and above zero, ``(k,)``.
    cell, parameter
        which cell is clipped there, or which free parameter bends; -1 otherwise.
    """

    value: Floats
    slope: Floats
    low: Floats
    high: Floats
    cell: Integers
    parameter: Integers

    def __len__(self) -> int:
        return len(self.value)

    def chosen(self, which: Booleans) -> "_Surfaces":
        return _Surfaces(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def and_(self, *others: "_Surfaces") -> "_Surfaces":
        parts = (self, *others)
        return _Surfaces(**{f.name: np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(self)})

    def slopes_after(self, before: "_Move | None") -> Floats:
        """The slope along each: that of this side, or the one of a move that ended on the surface."""
        slopes = np.where(self.value > 0.0, self.high, self.low)
        if before is not None:
            for mine, old in ((self.cell, before.surfaces.cell), (self.parameter, before.surfaces.parameter)):
                i, j = np.nonzero((mine[:, None] == old) & (old >= 0))
                slopes[i] = np.clip(before.multipliers[j], self.low[i], self.high[i])
        return slopes

    def rise(self, step: Floats) -> float:
        """What they add to the NLL along a step, those of finite slopes."""
        before, after = (
            np.where(c > 0.0, self.high, self.low) * c for c in (self.value, self.value + self.slope @ step)
        )
        return float(np.sum(after - before))


@record
class _Move:
    """A step, the decrease that the model predicts, the surfaces near it and the slopes along them.

    ``exact`` says whether the model had the exact Hessian.
    """

    step: Floats
    gain: float
    surfaces: _Surfaces
    multipliers: Floats
    exact: bool

    @property
    def on_a_kink(self) -> bool:
        """Whether a slope lies between those of both sides."""
        s, margin = self.surfaces, _BETWEEN * (self.surfaces.high - self.surfaces.low)
        return bool(np.any((self.multipliers > s.low + margin) & (self.multipliers < s.high - margin)))


def has_pieces(problem: Problem) -> bool:
    """Whether the likelihood has kinks that this module knows."""
    bends = problem.model.bends
    return problem.model.cells.clipped is not None or bool(bends.size and np.isin(problem.index, bends).any())


def through_kinks(problem: Problem, start: Floats, *, tolerance: float, max_iterations: int) -> End:
    """Minimise from a point of the domain.

    The reason of the result is ``"kink"`` where the minimum lies on a kink.
    """
    x = problem.inside(start)
    f = problem.value(x)
    damping, gain, before = 0.0, np.inf, None
    for iteration in range(1, max_iterations + 1):
        move = _move(problem, x, before, damping)
        if move is None:
            return End(x=x, value=f, edm=gain, hessian=None, iterations=iteration, reason="stuck")
        gain = move.gain
        if gain <= (tolerance if move.exact else _INEXACT * tolerance) and damping <= 1e-2:
            x_new = problem.inside(x + move.step)
            f_new = problem.value(x_new)
            x, f = (x_new, f_new) if f_new <= f else (x, f)
            reason = "kink" if move.on_a_kink else "converged"
            return End(x=x, value=f, edm=abs(gain), hessian=None, iterations=iteration, reason=reason)
        x_new, f_new = _along(problem, x, f, move)
        if not f_new < f:
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return End(x=x, value=f, edm=gain, hessian=None, iterations=iteration, reason="stuck")
            continue
        damping = 0.1 * damping if damping > 1e-8 else 0.0
        x, f, before = x_new, f_new, move
    return End(x=x, value=f, edm=gain, hessian=None, iterations=max_iterations, reason="iterations")


def _along(problem: Problem, x: Floats, f: float, move: _Move) -> tuple[Floats, float]:
    """The first point along the step with a sufficient decrease; the start if there is none."""
    length = 1.0
    while length >= _SHORTEST:
        x_new = problem.inside(x + length * move.step)
        f_new = problem.value(x_new)
        if f_new < f and f_new <= f - _SUFFICIENT * length * move.gain:
            return x_new, f_new
        length *= 0.5 if np.isfinite(f_new) else 0.25
    return x, f


def _move(problem: Problem, x: Floats, before: _Move | None, damping: float) -> _Move | None:
    """``None`` where derivatives are beyond the range of numbers."""
    every = _clips(problem, x).and_(_bends(problem, x))
    slopes = every.slopes_after(before)
    g, hessian = _expanded(problem, x, every, slopes)
    if not (np.isfinite(g).all() and np.isfinite(hessian).all()):
        return None
    active = (slopes > every.low) & (slopes < every.high)
    matrix, factor, which = _definite(problem, x, hessian, every.slope[active], damping)
    reach = np.sqrt(np.sum(dtrtrs(factor, every.slope.T, lower=1)[0] ** 2, axis=0)) if len(every) else np.zeros(0)
    near = active | (np.abs(every.value) <= _NEAR * reach)
    chosen = every.chosen(near)
    g = g - slopes[near] @ chosen.slope  # of what is smooth, which those far away belong to
    held = [np.flatnonzero(x <= problem.bounds[:, 0]), np.flatnonzero(x >= problem.bounds[:, 1])]
    while True:
        walls = chosen.and_(*(_bounds(problem, x, which, side) for side, which in enumerate(held)))
        towards = dpotrs(factor, np.column_stack([g, walls.slope.T]), lower=1)[0]
        q, t = walls.slope @ towards[:, 1:], walls.value - walls.slope @ towards[:, 0]
        start = np.concatenate([slopes[near], np.zeros(len(walls) - len(chosen))])
        multipliers = maximum_in_box(q, t, walls.low, walls.high, start)
        step = -(towards[:, 0] + towards[:, 1:] @ multipliers)
        margin = 1e-12 * problem.unit(1.0)
        beyond = (x + step < problem.bounds[:, 0] - margin, x + step > problem.bounds[:, 1] + margin)
        more = [np.union1d(h, np.flatnonzero(b)) for h, b in zip(held, beyond, strict=True)]
        if all(len(m) == len(h) for m, h in zip(more, held, strict=True)):
            break
        held = more
    y = multipliers[: len(chosen)]
    still = (y > chosen.low) & (y < chosen.high)
    exact = which == 0 or (which == 1 and bool(still[active[near]].all()))
    gain = -(float(g @ step) + 0.5 * float(step @ matrix @ step) + chosen.rise(step))
    return _Move(step=step, gain=gain, surfaces=chosen, multipliers=y, exact=exact)


def _clips(problem: Problem, x: Floats) -> _Surfaces:
    """Cells that are clipped at zero and would lift the NLL above it."""
    model, theta = problem.model, problem.full(x)
    cells, state = model.cells, model.state(theta)
    if cells.clipped is None or not cells.additive.parameter.size:
        return _bounds(problem, x, np.zeros(0, dtype=np.int64), 0)
    lift = model.slopes_by_bin(state, problem.data)[cells.bin] * state.scale * state.product
    cell = np.flatnonzero(cells.clipped & (lift > 0.0))
    additive = (cells.nominal + cells.additive.shifts.shift(*state.curves[:2]))[cell]
    by_column = cells.additive.shifts.slopes(state.curves[2])[cell]
    by_parameter = np.zeros((len(cell), cells.n_parameters))
    columns = by_column if isinstance(by_column, np.ndarray) else by_column.toarray()
    np.add.at(by_parameter.T, cells.additive.parameter, columns.T)
    slope = model.derived.rows(theta, by_parameter)[:, problem.index]
    none, nowhere = np.zeros(len(cell)), np.full(len(cell), -1)
    found = _Surfaces(value=additive, slope=slope, low=none, high=lift[cell], cell=cell, parameter=nowhere)
    return found.chosen(np.count_nonzero(slope, axis=1) > 0)


def _bends(problem: Problem, x: Floats) -> _Surfaces:
    """Parameters whose interpolation code bends the NLL up at zero."""
    at = np.flatnonzero(np.isin(problem.index, problem.model.bends))
    if not at.size:
        return _bounds(problem, x, at, 0)
    on_it, beside = x.copy(), x.copy()
    on_it[at], beside[at] = 0.0, -1e-300
    slope = np.zeros((len(at), len(x)))
    slope[np.arange(len(at)), at] = 1.0
    low, high = (problem.gradient(place)[at] for place in (beside, on_it))  # there they are those of the right
    none, nowhere = np.zeros(len(at)), np.full(len(at), -1)
    found = _Surfaces(value=x[at], slope=slope, low=none, high=high - low, cell=nowhere, parameter=at)
    return found.chosen(high > low)


def _bounds(problem: Problem, x: Floats, which: Integers, side: int) -> _Surfaces:
    """The lower (0) or upper (1) bounds of some free parameters."""
    sign = 1.0 - 2.0 * side
    slope = np.zeros((len(which), len(x)))
    slope[np.arange(len(which)), which] = sign
    none, nowhere = np.zeros(len(which)), np.full(len(which), -1)
    value = sign * (x[which] - problem.bounds[which, side])
    return _Surfaces(value=value, slope=slope, low=none - np.inf, high=none, cell=nowhere, parameter=nowhere)


def _expanded(problem: Problem, x: Floats, surfaces: _Surfaces, slopes: Floats) -> tuple[Floats, Floats]:
    """Gradient and Hessian of the NLL with the given slopes along the surfaces."""
    model, theta, data = problem.model, problem.full(x), problem.data
    state = model.state(theta)
    clip, bend = surfaces.cell >= 0, surfaces.parameter >= 0
    if state.alive is not None:
        alive = state.alive.copy()
        alive[surfaces.cell[clip]] = slopes[clip] / surfaces.high[clip]
        state = state._replace(alive=alive)
    gradient, hessian = model.derivatives(theta, state, data)
    gradient, hessian = gradient[problem.index], hessian[np.ix_(problem.index, problem.index)]
    at = surfaces.parameter[bend]
    gradient[at] += slopes[bend] - np.where(x[at] >= 0.0, surfaces.high[bend], 0.0)
    return gradient, hessian


def _definite(
    problem: Problem, x: Floats, hessian: Floats, across: Floats, damping: float
) -> tuple[Floats, Floats, int]:
    """A positive definite matrix in place of the Hessian, its Cholesky factor, and its place among the candidates."""
    while True:
        for which, matrix in enumerate(_candidates(problem, x, hessian, across)):
            scale = np.abs(np.diagonal(matrix))
            damped = matrix + np.diag(damping * np.maximum(scale, 1e-8 * max(float(scale.max()), 1.0)))
            factor, failed = dpotrf(damped, lower=1)
            if not failed or damping > _MOST_DAMPING:
                return damped, factor, which
        damping = max(10.0 * damping, 1e-6)


def _candidates(problem: Problem, x: Floats, hessian: Floats, across: Floats) -> Iterator[Floats]:
    """The Hessian; with curvature across the surfaces that the point is on, which does not matter while it stays there;
    halfway to what is never negative; and that."""
    yield hessian
    size = np.abs(np.diagonal(hessian)).max(initial=1e-8) / np.maximum(np.sum(across**2, axis=1), 1e-300)
    yield hessian + 10.0 * across.T @ (across * size[:, None])
    convex = problem.convex(x)
    yield 0.5 * (hessian + convex)
    yield convex


def maximum_in_box(q: Floats, t: Floats, low: Floats, high: Floats, start: Floats) -> Floats:
    """The maximum of ``t^T y - y^T Q y / 2`` within ``low <= y <= high``, ``(k,)``; ``Q`` is positive semidefinite.

    An active-set method: the unknowns that no limit holds move to their maximum, or as far as the first limit; there,
    the one that most wants to leave its limit is let go.
    """
    size = np.maximum(np.diagonal(q), 1e-300)
    q = q + np.diag(1e-12 * size)
    y = np.minimum(np.maximum(start, low), high)
    free = (y > low) & (y < high)
    for _ in range(10 * len(t) + 10):
        i = np.flatnonzero(free)
        if i.size:
            rest = (t - q @ np.where(free, 0.0, y))[i]
            if not np.isfinite(rest).all():  # beyond the range of numbers; what solves such a system may crash
                break
            target = _solved(q[np.ix_(i, i)], rest)
            way = target - y[i]
            limit = np.where(way > 0.0, high[i], low[i])
            with np.errstate(divide="ignore", invalid="ignore"):
                room = np.where(way == 0.0, np.inf, (limit - y[i]) / way)
            first = int(np.argmin(room))
            if room[first] < 1.0:
                y[i] += room[first] * way
                y[i[first]] = limit[first]
                free[i[first]] = False
                continue
            y[i] = target
        slope = t - q @ y
        urge = np.where(free, 0.0, np.where(y <= low, slope, -slope)) / np.sqrt(size)
        if urge.max(initial=0.0) <= 1e-12:
            break
        free[int(np.argmax(urge))] = True
    return y


def _solved(q: Floats, t: Floats) -> Floats:
    """The solution of ``Q y = t``; the shortest of the nearest where ``Q`` is singular to rounding."""
    factor, failed = dpotrf(q, lower=1)
    if failed:
        return np.linalg.lstsq(q, t, rcond=1e-15)[0].astype(np.float64)
    solution: Floats = dpotrs(factor, t, lower=1)[0]
    return solution


def steepest(problem: Problem, x: Floats) -> tuple[Floats, float]:
    """The steepest way down from a place where the NLL may have a kink of any kind, and the decrease it promises.

    The shortest combination of the slopes at points very close by, which are those of the pieces that meet there, in
    the metric of the expected information. If it vanishes, the one-sided slopes bracket zero in every direction: the
    place is a minimum as far as first derivatives tell. The bounds of parameters and the edge of the domain take part
    with the directions that they forbid.
    """
    rng = np.random.default_rng(1)
    reach = _BESIDE * np.maximum(1.0, np.abs(x))
    points = problem.inside(x + reach * rng.uniform(-1.0, 1.0, (2 * len(x) + 20, len(x))))
    slopes = np.array([g for g in map(problem.gradient, points) if np.isfinite(g).all()])
    theta, (low, high) = problem.full(x), problem.bounds.T
    at_edge = (problem.data.observed == 0.0) & (problem.model.rates(theta) < _EDGE)
    forbidden = np.concatenate(
        [
            -np.eye(len(x))[x <= low],
            np.eye(len(x))[x >= high],
            -problem.model.jacobian(theta)[at_edge][:, problem.index],
        ]
    )
    convex = problem.convex(x)
    if not (len(slopes) and np.isfinite(forbidden).all() and np.isfinite(convex).all()):
        return np.zeros_like(x), np.inf  # nothing is known
    _, factor, _ = _definite(problem, x, convex, np.zeros((0, len(x))), 0.0)
    columns = dtrtrs(factor, np.concatenate([slopes, forbidden]).T, lower=1)[0]
    if not np.isfinite(columns).all():
        return np.zeros_like(x), np.inf
    weight = 1e3 * max(float(np.abs(columns).max()), 1.0)  # the slopes' shares add up to one
    shares = np.concatenate([np.full(len(slopes), weight), np.zeros(len(forbidden))])
    from scipy.optimize import nnls

    try:
        solution = nnls(np.vstack([columns, shares]), np.append(np.zeros(len(x)), weight))[0]
    except RuntimeError:  # it does not converge
        return np.zeros_like(x), np.inf
    shortest = columns @ solution
    step, _ = dtrtrs(factor, -shortest, lower=1, trans=1)
    return step, 0.5 * float(shortest @ shortest)
