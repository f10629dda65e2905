r"""A bounded Newton method for likelihoods with an exact Hessian.

Each iteration minimises the local quadratic model within the bounds (an active set of parameters stays at a bound).
Where the Hessian is not positive definite, far from the minimum, its part that always is takes its place (for a
likelihood the outer products of the slopes of the yields, and the constraints: Fisher scoring), or a mean of the two
where that suffices, which near the minimum leans to the Hessian: more of the other would make steps creep along what
bends down. Where it is singular, or no step along the direction helps, it is damped (Levenberg). A step is
shortened until the function decreases and stays in its domain, where it is finite. The expected distance to the
minimum, ``EDM = g^T H^-1 g / 2`` over the parameters that no bound holds, decides when to stop; the last step, taken
below the tolerance, leaves an error of the order of its square. Near the minimum the Hessian hardly changes any more,
and gradients with the last Hessian replace the last of them.

Where there are far fewer bins than parameters all that is done first with what there is of the Hessian at the rank of
the bins (:mod:`hftranslate.inference.low_rank`), which is always positive definite and costs little more than a
gradient.
"""

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.bordered import Bordered, factored, is_bordered
from hftranslate.inference.low_rank import Hessian, LowRank, Memory, Solver, two_loops
from hftranslate.likelihood.scipy_parts import dposv, dpotrs
from hftranslate.records import record

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]
MinimizerName: TypeAlias = Literal["newton", "minuit", "scipy"]
Expansion: TypeAlias = tuple[float, Floats, Floats]

_SUFFICIENT = 1e-4  # Armijo's constant: the fraction of the predicted decrease that counts as progress
_SHORTEST = 1e-6  # steps below this fraction of the Newton step are given up
_LITTLE_DAMPING = 1e-2  # up to it the EDM of the damped model is that of the function
_MOST_DAMPING = 1e12  # beyond it the damped step is lost in rounding
_NEAR = 1e-3  # EDM below which the Hessian changes so little along the step that its factors serve once more
_FALL = 0.05  # by which each such step has to lower the EDM
_ROUGH_FALL = 0.8  # the same with a Hessian of the rank of the bins
_NEARLY = 0.05  # EDM below which such a Hessian serves once more
_ROUNDED = 1e-4  # EDM, or rise, in units of the tolerance that is nothing but rounding, or what steps that learn leave
_ROUGH_STEPS = 24  # with such Hessians
_MEMORY = 30  # steps that are learned from without a new one
_MIXED = (0.5, 1.0)  # how much of the Hessian its convex part replaces where it has to, one after the other
_LITTLE_MIXED = (0.1, *_MIXED)  # the same where the last step had an EDM below _NEAR
_SAME_VALLEY = 0.1  # distance from a minimum within which a point belongs to its valley (twice a rise of the function)
_EPS = float(np.finfo(np.float64).eps)


class Function(Protocol):
    """What is minimised: a function of ``x (n,)`` that is infinite outside its domain."""

    def value(self, x: Floats) -> float:
        """The value alone."""

    def value_and_gradient(self, x: Floats) -> tuple[float, Floats]:
        """Value and gradient ``(n,)``."""

    def expand(self, x: Floats) -> Expansion:
        """Value, gradient ``(n,)`` and exact Hessian ``(n, n)``."""

    def convex(self, x: Floats) -> Floats:
        """An approximation of the Hessian without negative eigenvalues, ``(n, n)``."""


class RoughFunction(Function, Protocol):
    """One of few bins and many parameters."""

    def rough(self, x: Floats) -> tuple[float, Floats, LowRank]:
        """Value, gradient ``(n,)``, and what there is of the Hessian at the rank of the bins."""


@record
class End:
    """Where a minimisation ended.

    Attributes
    ----------
    x, value, edm
        point, value, and EDM of the last iteration.
    hessian
        Hessian of the last iteration, at or some short steps before ``x``, or what served for it; ``None`` where there
        is none.
    iterations
        number of expansions of the function, or of whatever counts elsewhere.
    reason
        ``"converged"``, ``"kink"`` (the minimum lies on one), ``"iterations"`` (the limit was reached), ``"stuck"`` (no
        step along the descent direction decreases the function), ``"known"`` (the way leads to a minimum that was
        known) or ``"outside"`` (of the domain, at the start).
    by
        which minimiser ended there.
    """

    x: Floats
    value: float
    edm: float
    hessian: Hessian | None
    iterations: int
    reason: str
    by: MinimizerName = "newton"

    @property
    def at_a_minimum(self) -> bool:
        """Whether a minimum was reached."""
        return self.reason in ("converged", "kink")

    def is_near(self, x: Floats) -> bool:
        """Whether a point is in the same valley at most a third of an uncertainty away, as far as that is known."""
        return (
            self.at_a_minimum and isinstance(self.hessian, LowRank) and self.hessian.square(x - self.x) < _SAME_VALLEY
        )


def newton(
    function: Function,
    start: Floats,
    low: Floats,
    high: Floats,
    *,
    tolerance: float,
    max_iterations: int,
) -> End:
    """Minimise a function within bounds.

    Parameters
    ----------
    start, low, high
        starting point and bounds, ``(n,)``; infinite bounds are allowed.
    tolerance
        the EDM at which to stop, in units of the function.
    """
    x = _inside(start, low, high)
    f, g, hessian = function.expand(x)
    if not np.isfinite(f):
        return End(x=x, value=f, edm=np.inf, hessian=None, iterations=1, reason="outside")
    damping, edm, iteration = 0.0, np.inf, 1
    while iteration < max_iterations:
        quadratic = _Quadratic(x=x, g=g, hessian=hessian, low=low, high=high)
        move = _bounded_step(quadratic, function, damping, _LITTLE_MIXED if edm < _NEAR else _MIXED)
        step, damping, edm = move.step, move.damping, move.edm
        full = _inside(x + step, low, high)
        if edm <= max(tolerance, _resolution(x, hessian)) and move.exact and damping <= _LITTLE_DAMPING:
            x, f = _lower(function, full, x, f)
            return End(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="converged")
        if edm <= _NEAR and move.exact and damping == 0.0 and move.factor is not None:
            held = np.ones(len(x), dtype=np.bool_)
            held[move.free] = False
            steps = _Corrections(
                function=function, box=(low, high), inverse=_factored(move.factor, move.free), held=held,
                tolerance=tolerance, fall=_FALL, learning=False,
            )  # fmt: skip
            end, last = steps.run(_Here(x, f, g), full, edm)
            if last is not None:
                return End(x=end.x, value=end.f, edm=last, hessian=hessian, iterations=iteration, reason="converged")
        trial = function.expand(full)
        iteration += 1
        if trial[0] < f and trial[0] <= f + _SUFFICIENT * float(g @ step):
            x, (f, g, hessian) = full, trial
            damping = 0.1 * damping if damping > 1e-8 else 0.0
            continue
        x_new, f_new = _shortened(function, _Here(x, f, g), (low, high), step, trial[0])
        if f_new >= f:  # not even a short step helps: lean towards the direction of steepest descent
            damping = max(10.0 * damping, 1e-3)
            if damping > _MOST_DAMPING:
                return End(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="stuck")
            continue
        x = x_new
        f, g, hessian = function.expand(x)
        iteration += 1
    return End(x=x, value=f, edm=edm, hessian=hessian, iterations=iteration, reason="iterations")


@record
class _Quadratic:
    """The local quadratic model and the box it is minimised in."""

    x: Floats
    g: Floats
    hessian: Floats
    low: Floats
    high: Floats


@record
class _Move:
    """A step to the minimum of the quadratic model within the box.

    ``exact`` says whether the model was the exact Hessian; ``free`` are the parameters that no bound holds at its end,
    and ``factor`` is that of their block.
    """

    step: Floats
    damping: float
    edm: float
    exact: bool
    free: NDArray[np.int64]
    factor: "_Factor | None"


_Factor: TypeAlias = Floats | Bordered


def _lower(function: Function, candidate: Floats, x: Floats, f: float) -> tuple[Floats, float]:
    """The candidate, unless the function is lower where it was."""
    value = function.value(candidate)
    return (candidate, value) if value <= f else (x, f)


class _Here(NamedTuple):
    """A point, with the value and gradient of the function."""

    x: Floats
    f: float
    g: Floats


@record
class _Corrections:
    """Steps with one Hessian near a minimum.

    ``held`` are the parameters that a bound holds, and ``inverse`` multiplies with that of the block of the others.
    What it lacks is learned, if so asked, from the steps and the changes of the gradient along them, as L-BFGS does.
    Each step has to lower the EDM by the factor ``fall``, unless something was learned from it, which changes what is
    meant by the EDM; the last one leaves as little as a Newton step below the tolerance does, or, where steps learn, an
    EDM far below it.
    """

    function: Function
    box: tuple[Floats, Floats]
    inverse: Solver
    held: Booleans
    tolerance: float
    fall: float
    learning: bool

    def run(self, here: _Here, target: Floats, edm: float) -> tuple[_Here, float | None]:
        """Where steps lead of which the first one goes to ``target`` and promises an EDM; that of the last step.

        Each step costs a gradient. There is no last one where the EDM or the function does not fall, or where a bound
        takes or lets go of a parameter.
        """
        memory: Memory = []
        rounding = _ROUNDED * self.tolerance
        left = rounding if self.learning else self.tolerance * self.tolerance
        while True:
            value, g = self.function.value_and_gradient(target)
            if not value <= here.f + rounding or (_held(target, g, *self.box) != self.held).any():
                return here, None
            step, change = target - here.x, g - here.g
            product = float(step.dot(change))
            learned = self.learning and len(memory) < _MEMORY and product > 0.0 and not step[self.held].any()
            if learned:
                memory.append((step, change, 1.0 / product))
            here, before = _Here(target, value, g), edm
            solution = two_loops(g, memory, self.inverse)
            edm = 0.5 * float(g.dot(solution))
            target = _inside(target - solution, *self.box)
            falls = edm <= self.fall * before
            # the next EDM would be edm^2 / before; one that falls no more may be nothing but rounding
            done = edm * edm <= before * left or (not falls and edm <= rounding)
            if edm <= self.tolerance and done:
                return _Here(target, value - edm, g), edm
            if not falls and not learned:
                return (self._onwards(here, step) if self.learning and product <= 0.0 else here), None

    def _onwards(self, here: _Here, step: Floats) -> _Here:
        """Further along a step on which the slope grew, twice as far each time, as long as that leads down."""
        while True:
            step = 2.0 * step
            target = _inside(here.x + step, *self.box)
            value, g = self.function.value_and_gradient(target)
            if not value < here.f:
                return here
            here = _Here(target, value, g)
            if g.dot(step) >= 0.0:
                return here


def roughly(
    function: RoughFunction,
    start: Floats,
    box: tuple[Floats, Floats],
    *,
    tolerance: float,
    max_iterations: int,
    known: Sequence[End] = (),
) -> End:
    """Where steps with Hessians of the rank of the bins lead, which are given up where not even a short one helps.

    Parameters
    ----------
    start, box
        starting point ``(n,)``, and lower and upper bounds.
    tolerance
        the EDM at which to stop, in units of the function.
    known
        minima to one of which it may lead: the way there need not be walked to its end, which is then ``"known"``.
    """
    start, most = _inside(start, *box), min(_ROUGH_STEPS, max_iterations)
    f, g, hessian = function.rough(start)
    here, taken, edm = _Here(start, f, g), 1, np.inf
    while isfinite(f) and taken <= most:
        step = _rough_step(here, hessian, *box)
        target, edm = step.target, step.edm
        if edm <= _NEARLY:
            back = next((end for end in known if end.is_near(target)), None)
            if back is not None:
                return End(x=target, value=back.value, edm=edm, hessian=None, iterations=taken, reason="known")
            corrections = _Corrections(
                function=function, box=box, inverse=step.inverse, held=step.held, tolerance=tolerance, fall=_ROUGH_FALL,
                learning=True,
            )  # fmt: skip
            end, last = corrections.run(here, target, edm)
            if last is not None:
                return End(x=end.x, value=end.f, edm=last, hessian=hessian, iterations=taken, reason="converged")
            if end.f < here.f:
                here, target = end, end.x
        f, g, there = function.rough(target)
        taken += 1
        if not (f < here.f or target is here.x):
            target, shorter = _shortened(function, here, box, target - here.x, f)
            if shorter < here.f:
                f, g, there = function.rough(target)
                taken += 1
            if not f < here.f:
                break
        here, hessian = _Here(target, f, g), there
    return End(x=here.x, value=here.f, edm=edm, hessian=None, iterations=taken, reason="iterations")


class _RoughStep(NamedTuple):
    """Where the minimum within the bounds is, the EDM, which parameters a bound holds, and what gives steps."""

    target: Floats
    edm: float
    held: Booleans
    inverse: Solver


def _rough_step(here: _Here, hessian: LowRank, low: Floats, high: Floats) -> _RoughStep:
    """The step to the minimum of a quadratic model within the bounds."""
    held, slope, edm = _held(here.x, here.g, low, high), here.g, -1.0
    moved = np.zeros(len(slope))  # onto bounds
    while True:
        inverse = hessian.inverse(held).times
        step = moved - inverse(slope)
        if edm < 0.0:
            edm = -0.5 * float(slope.dot(step))
        target = here.x + step
        inside = _inside(target, low, high)
        beyond = ((target < low) | (target > high)) & ~held
        if not beyond.any():
            return _RoughStep(target=inside, edm=edm, held=held, inverse=inverse)
        room = inside - here.x
        held = held | _first(beyond, room, step)
        moved = np.where(held, room, 0.0)
        slope = here.g + hessian.root.T.dot(hessian.root.dot(moved))


def _factored(factor: _Factor, free: Integers) -> Solver:
    """What solves systems with the factored block of some parameters, and is zero for the others."""

    def solve(v: Floats) -> Floats:
        result = np.zeros(len(v))
        result[free] = factor.solve(v[free]) if isinstance(factor, Bordered) else dpotrs(factor, v[free])[0]
        return result

    return solve


def _resolution(x: Floats, hessian: Floats) -> float:
    """The EDM that the spacing of numbers around a point leaves: none is lower for a parameter known to 13 digits."""
    return 0.5 * float(np.diagonal(hessian) @ (_EPS * x) ** 2)


def _inside(x: Floats, low: Floats, high: Floats) -> Floats:
    """The nearest point within the bounds (``np.clip`` takes three times as long for short vectors)."""
    inside: Floats = np.minimum(np.maximum(x, low), high)
    return inside


def _held(x: Floats, g: Floats, low: Floats, high: Floats) -> Booleans:
    """Which parameters, all of them within their bounds, stand at the one that the function pushes them to."""
    held: Booleans = x == np.where(g > 0.0, low, high)
    return held


def _shortened(
    function: Function, here: _Here, box: tuple[Floats, Floats], step: Floats, f_full: float
) -> tuple[Floats, float]:
    """The first point along a step, shorter than all of it, with a sufficient decrease; the start if there is none."""
    slope = float(here.g @ step)
    length, f_new = 1.0, f_full
    while slope < 0.0:
        length *= 0.25 if not np.isfinite(f_new) else _interpolated(length, here.f, f_new, slope)
        if length < _SHORTEST:
            break
        x_new = _inside(here.x + length * step, *box)
        f_new = function.value(x_new)
        if f_new < here.f and f_new <= here.f + _SUFFICIENT * length * slope:
            return x_new, f_new
    return here.x, here.f


def _interpolated(length: float, f: float, f_new: float, slope: float) -> float:
    """The factor by which to shorten a step: the minimum of the parabola through what is known, within reason."""
    bend = 2.0 * (f_new - f - length * slope)
    if not isfinite(bend):  # a slope beyond the range of numbers says nothing
        return 0.1
    best = -slope * length / bend if bend > 0.0 else 0.5
    return min(max(best, 0.1), 0.5)


def _first(beyond: Booleans, room: Floats, step: Floats) -> Booleans:
    """Of the parameters that a step takes beyond their bounds those that come there first; others may not, then."""
    if beyond.sum() < 2:
        return beyond
    parts = np.where(beyond, room / np.where(beyond, step, 1.0), np.inf)
    found: Booleans = beyond & (parts <= parts.min())
    return found


def _bounded_step(q: _Quadratic, function: Function, damping: float, mixed: Iterable[float]) -> _Move:
    """The step to the minimum of the quadratic model within the bounds, damped where it has to be.

    ``mixed`` are the parts of the convex Hessian that are tried in place of the exact one.
    """
    held = _held(q.x, q.g, q.low, q.high)
    step = np.zeros_like(q.x)
    matrix, edm, parts = q.hessian, -1.0, iter(mixed)
    convex: Floats | None = None
    while True:
        any_held = held.any()
        free = (~held).nonzero()[0]
        if free.size == 0:
            return _Move(step=step, damping=damping, edm=max(edm, 0.0), exact=convex is None, free=free, factor=None)
        rhs = q.g
        if any_held:  # what is held may have moved onto its bound: its displacement shifts the gradient of the others
            rhs = q.g[free] + matrix[free[:, None], held.nonzero()[0]] @ step[held]
        factor, solution = _solve(matrix, free, rhs, damping)
        part = next(parts, None) if solution is None else None
        if part is not None:
            convex = function.convex(q.x) if convex is None else convex
            matrix = convex if part == 1.0 else q.hessian + part * (convex - q.hessian)
            continue
        while solution is None:
            damping = 1e-3 if damping == 0.0 else 10.0 * damping
            if damping > _MOST_DAMPING:  # derivatives that do not exist
                return _Move(step=step, damping=damping, edm=np.inf, exact=False, free=free, factor=None)
            factor, solution = _solve(matrix, free, rhs, damping)
        if edm < 0.0:
            edm = 0.5 * float(q.g[free] @ solution)
        target = q.x[free] - solution
        low, high = q.low[free], q.high[free]
        beyond = (target < low) | (target > high)
        if not beyond.any():
            step[free] = -solution
            return _Move(step=step, damping=damping, edm=edm, exact=convex is None, free=free, factor=factor)
        room = _inside(target, low, high) - q.x[free]
        beyond = _first(beyond, room, -solution)
        crossing = free[beyond]
        step[crossing] = room[beyond]
        held = held.copy()
        held[crossing] = True


def _solve(
    matrix: Floats, free: NDArray[np.int64], rhs: Floats, damping: float
) -> tuple[_Factor | None, Floats | None]:
    """Factor and solution of ``(matrix + damping * diag(scale)) y = rhs`` among the free rows.

    The solution is ``None`` unless the matrix is positive definite.
    """
    block = matrix if free.size == len(matrix) else matrix[free[:, None], free]
    if damping > 0.0:
        scale = np.abs(np.diagonal(block))
        block = block + np.diag(damping * np.maximum(scale, 1e-8 * max(float(scale.max()), 1.0)))
    inner = is_bordered(block)
    if inner is not None:
        bordered = factored(block, inner)
        return bordered, None if bordered is None else bordered.solve(rhs)
    factor, solution, failed = dposv(block, rhs)
    return factor, None if failed else solution
