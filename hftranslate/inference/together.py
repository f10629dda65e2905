r"""Many fits of one model at once, as arrays with an axis of fits; each has data, a start and an end of its own.

With the Jacobian ``J`` of the yields, ``R = sqrt(n) / nu J`` and the curvatures ``D`` of the constraints, the convex
part of the Hessian is ``D + R^T R``. There are often far fewer bins than parameters, and then a step ``s`` with
``(D + R^T R) s = -g`` comes from a system of as many unknowns as there are bins, ``z = R s`` (Woodbury), and parameters
``f`` without constraint, for which ``D`` is zero,

    [1 + R_c D^-1 R_c^T   -R_f] [ z ]   [-R_c D^-1 g_c]
    [R_f^T                  0 ] [s_f] = [-g_f         ],      s_c = -D^-1 (g_c + R_c^T z).

What is missing of the Hessian, the second derivatives of the yields, is learned from the last steps and the changes of
the gradient along them, as L-BFGS does (Nocedal and Wright, "Numerical Optimization", algorithm 7.4, with the above in
place of its first matrix). Where a step helps only as a small part of it, what was learned is forgotten.

A bin without events can be emptied: its minimum lies where nothing is expected there, at the edge of the domain. A step
that would lead beyond comes near it instead, ``J_b s = -(1 - c) nu_b``; such a bin has its row of ``J`` in place of
that of ``R``, and a zero for the one in the system above.

Each fit has its own bounds that hold parameters, its own length of the step, and its own end, at which it leaves the
others. Another fit of the same data that holds less can go on from there, with its gradient and what it learned. One
that does not converge within a few steps is left to who can do more: nothing here knows kinks.
"""

from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.crossings import KEPT, Within
from hftranslate.inference.low_rank import LEAST, Metric, along
from hftranslate.inference.ways import Way, dot
from hftranslate.likelihood.many import Slopes
from hftranslate.likelihood.model import Data, Linearised, Model
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: Numbers in an array just below 32 MiB, the largest that the allocator of GNU's C library learns from.
_KEPT_MEMORY = 4_000_000
#: Numbers in the largest arrays of fits that are evaluated at once, and vectors of each: they stay near the processor.
_CHUNK, _VECTORS = 330_000, 4
_FEWEST, _MOST = 8, 1024
#: The EDM from which on steps are learned from: those before tell of other places. Where a known minimum is to be left
#: behind, all are.
_NEAR = 0.1
#: Steps after which a fit that has not converged is given up, and how often one of them is shortened, and by how much.
_STEPS, _SHORTENED, _SHORTER = 40, 8, 0.3
#: The EDM at which it shows where a fit ends, and how near in units of its parameters that is to a known minimum.
_ROUGH, _SAME = 1e-4, 0.2
#: Armijo's constant: the fraction of the predicted decrease that counts as progress.
_SUFFICIENT = 1e-4
#: The relative change of a yield from which on its curvature is that between both, and the largest rise thought of.
_FAR, _FARTHEST = 0.1, 0.75
#: How often a step follows the bent edge of the domain.
_FOLLOWED = 2


@record
class Fits:
    """Many fits of one model: what they are of, and where they start.

    Attributes
    ----------
    observed, auxdata
        the data of each, ``(n_fits, n_bins)`` and ``(n_fits, n_aux)``.
    starts
        all parameters ``(n_fits, n_parameters)``, with the values of those that are not free.
    free, bounds
        which parameters are fitted, ``(n_parameters,)``, and their ranges ``(n_parameters, 2)``.
    held
        which of them single fits hold where they start, within their ranges, ``(n_fits, n_parameters)``; ``None`` where
        none does.
    after
        the fit of the same data that each goes on from, which holds more than it, ``(n_fits,)``; negative where it
        begins at its start, ``None`` where all do. If that one reaches no minimum, it begins at its start, too.
    """

    observed: Floats
    auxdata: Floats
    starts: Floats
    free: Booleans
    bounds: Floats
    held: Booleans | None = None
    after: Integers | None = None

    @classmethod
    def of(cls, data: Data, starts: Floats, free: Booleans, bounds: Floats, held: Booleans | None = None) -> "Fits":
        """Of one data set, from many starts."""
        observed, auxdata = (np.broadcast_to(a, (len(starts), len(a))) for a in (data.observed, data.auxdata))
        return cls(observed=observed, auxdata=auxdata, starts=starts, free=free, bounds=bounds, held=held)

    def __len__(self) -> int:
        return len(self.starts)

    def and_of(self, other: "Fits") -> "Fits":
        """With others of the same free parameters, none held, and of the same ranges."""
        joined = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("observed", "auxdata", "starts")
        }
        return replace(self, **joined)

    def chosen(self, which: Integers, starts: Floats) -> "Fits":
        """Some of them, or one several times, from other starts."""
        held = None if self.held is None else self.held[which]
        return replace(self, observed=self.observed[which], auxdata=self.auxdata[which], starts=starts, held=held,
                       after=None)  # fmt: skip

    def free_in(self, which: int | Integers) -> Booleans:
        """The parameters that one of them, or each of some, moves, ``(..., n_parameters)``."""
        return self.free if self.held is None else self.free & ~self.held[which]

    def chunk(self, model: Model) -> int:
        """How many of them are evaluated at once."""
        factors, n = len(model.cells.multiplicative.row), len(model.parameters)
        numbers = max(factors, n * model.cells.n_bins) + _VECTORS * n
        return min(max(_CHUNK // max(numbers, 1), _FEWEST), _MOST)


@record
class Ends:
    """Where many fits ended.

    Attributes
    ----------
    thetas, values, edm
        all parameters ``(n_fits, n_parameters)``, the NLL above that of the saturated model, and the EDM ``(n_fits,)``.
    converged, emptied, iterations
        whether each reached a minimum, whether that empties a bin, and after how many steps ``(n_fits,)``.
    """

    thetas: Floats
    values: Floats
    edm: Floats
    converged: Booleans
    emptied: Booleans
    iterations: Integers

    def put(self, which: int, other: "Ends", there: int) -> None:
        """Let one end be one of others."""
        self.thetas[which], self.values[which], self.edm[which] = (
            a[there] for a in (other.thetas, other.values, other.edm)
        )
        self.emptied[which] = other.emptied[there]
        self.iterations[which] += other.iterations[there]


@record
class Known:
    """Minima that fits of the same data ended at, ``(n_fits, n_parameters)``, and values ``(n_fits,)`` to get below.

    A fit that comes back to such a minimum, or ends above, is of no use, and given up as soon as this shows.
    """

    thetas: Floats
    values: Floats


@unwarned
def fit_together(model: Model, fits: Fits, *, tolerance: float, known: Known | None = None) -> Ends:
    """Minimise the NLL of each of many data sets over the free parameters.

    Parameters
    ----------
    tolerance
        the EDM at which to stop, in units of the NLL. The last step is taken below it.
    known
        minima not to end at. The value where a fit does so nevertheless is infinite.
    """
    n = len(fits)
    ends = Ends(
        thetas=np.where(fits.free, np.clip(fits.starts, fits.bounds[:, 0], fits.bounds[:, 1]), fits.starts),
        values=np.full(n, np.inf),
        edm=np.full(n, np.inf),
        converged=np.zeros(n, dtype=np.bool_),
        emptied=np.zeros(n, dtype=np.bool_),
        iterations=np.zeros(n, dtype=np.int64),
    )
    if n:
        _keep_freed_memory()
        lines = Linearity.of(model, fits)
        after, over = np.full(n, -1) if fits.after is None else fits.after, np.zeros(n, dtype=np.bool_)
        descent = _Descent(lines=lines, ends=ends, after=after, over=over, tolerance=tolerance, known=known)
        descent.run(fits.chunk(model))
    return ends


@record
class Linearity:
    """First derivatives of the functions of many fits by their free parameters ``index``.

    Jacobians of up to a chunk of them stand in ``room`` ``(2, n_chunk, n_bins, n_parameters)`` until others are made.
    """

    model: Model
    fits: Fits
    places: Slopes
    index: Integers
    room: Floats

    @classmethod
    def of(cls, model: Model, fits: Fits) -> "Linearity":
        """Of the functions that fits are of."""
        room = np.empty((2, min(fits.chunk(model), len(fits)), model.cells.n_bins, model.cells.n_parameters))
        places, index = Slopes.of(model.cells), np.flatnonzero(fits.free)
        return cls(model=model, fits=fits, places=places, index=index, room=room)

    @property
    def box(self) -> tuple[Floats, Floats]:
        """Lower and upper bounds of the free parameters."""
        low, high = self.fits.bounds[self.index].T
        return low, high

    def held(self, which: Integers, x: Floats, g: Floats) -> Booleans:
        """Which parameters some fits hold, or are at a bound that their functions push them against."""
        low, high = self.box
        found: Booleans = ((x <= low) & (g > 0.0)) | ((x >= high) & (g < 0.0))
        return found if self.fits.held is None else found | self.fits.held[which][:, self.index]

    def at(self, which: Integers, x: Floats) -> Linearised:
        """Those of some fits at ``x (n, n_free)``."""
        points, index = x, self.index
        if x.shape[1] < self.fits.starts.shape[1]:
            points = self.fits.starts[which]
            points[:, index] = x
        observed, auxdata = self.fits.observed[which], self.fits.auxdata[which]
        found = self.model.linearised(points, observed, auxdata, self.places, self.room)
        if len(index) == points.shape[1]:
            return found
        return Linearised(
            value=found.value,
            gradient=found.gradient[:, index],
            rates=found.rates,
            jacobian=found.jacobian[:, :, index],
            constraints=found.constraints[:, index],
            bends=found.bends[:, index],
        )

    def metric(self, which: Integers, here: Linearised, held: Booleans) -> "Metric":
        """The quadratic models of some fits there, in which ``held (n, n_free)`` parameters stay."""
        width, roots = self.model.parameters.width[self.index], np.sqrt(self.fits.observed[which])
        roots /= np.maximum(here.rates, 1e-9)
        tight = width > 0.0
        least = np.where(tight, LEAST / np.where(tight, width, 1.0) ** 2, 1.0)
        diagonal = np.maximum(here.constraints + here.bends, least)
        room = self.room[1, : len(which)] if here.jacobian.base is self.room else None
        return Metric.made(here.jacobian, roots, diagonal, held, np.flatnonzero(~tight), room)


@record
class _Descent:
    """Takes fits to their ends."""

    lines: Linearity
    ends: Ends
    after: Integers
    over: Booleans
    tolerance: float
    known: Known | None

    def run(self, size: int) -> None:
        """Of all, up to as many at once as a size says: others begin where some have ended."""
        waiting = np.ones(len(self.over), dtype=np.bool_)
        way = self._begun(np.arange(0))
        while len(way.which) or waiting.any():
            ready = waiting & ((self.after < 0) | self.over[self.after])
            if (fresh := np.flatnonzero(ready)[: size - len(way.which)]).size:
                waiting[fresh] = False
                way = way.joined(self._begun(fresh))
            way = self._on(way, self._move(way))
            waiting[way.which] = False

    def _begun(self, which: Integers) -> Way:
        """Some fits at their start, of which nothing is known yet."""
        n, x = len(which), self.ends.thetas[which][:, self.lines.index]
        return Way(
            which=which, x=x, value=np.full(n, np.inf), gradient=np.zeros_like(x),
            held=np.zeros(x.shape, dtype=np.bool_), step=np.zeros_like(x), aim=np.zeros_like(x), length=np.ones(n),
            shortened=np.full(n, _SHORTENED), edm=np.full(n, np.inf), before=np.zeros(n),
            emptied=np.zeros(n, dtype=np.bool_), taken=np.zeros(n, dtype=np.int64), steps=[], changes=[], inverses=[],
        )  # fmt: skip

    def _on(self, way: Way, there: Linearised) -> Way:
        """Those that go on, and what goes on from the others, which are done; ``there`` is where all have looked."""
        useless = self._useless(way)
        good = (way.edm >= 0.0) & (way.left() <= self.tolerance) & ~useless
        over = good | useless | ~(way.edm >= 0.0) | (way.shortened > _SHORTENED) | (way.taken > _STEPS)
        if not over.any():
            return way
        self.ends.values[way.which[useless]] = np.inf
        self.ends.converged[way.which[useless]] = True
        end, emptied, edm = way.which[good], way.emptied[good], way.edm[good]
        step = np.where(emptied[:, None], 0.0, way.step[good])  # so near the edge of the domain a step may leave it
        x = np.clip(way.x[good] + step, *self.lines.box)
        self.ends.thetas[end[:, None], self.lines.index] = x
        self.ends.values[end] = way.value[good] - np.where(emptied, 0.0, edm)
        self.ends.edm[end], self.ends.converged[end], self.ends.emptied[end] = edm, True, emptied
        self.ends.iterations[way.which[over]], self.over[way.which[over]] = way.taken[over], True
        followed = good & np.isin(way.which, self.after)
        rest = way.only(~over)
        return rest.joined(self._next(way.only(followed), _some(there, followed))) if followed.any() else rest

    def _next(self, way: Way, here: Linearised) -> Way:
        """The fits that go on from others at their last point ``here``, with all that they learned."""
        order = np.argsort(self.after, kind="stable")
        way.which = order[np.searchsorted(self.after, way.which, sorter=order)]
        way.held = self.lines.held(way.which, way.x, way.gradient)
        way.step, way.aim, way.edm, way.emptied = self._step(way, here)
        way.before, way.taken = np.zeros_like(way.edm), np.zeros_like(way.taken)
        return way

    def _useless(self, way: Way) -> Booleans:
        """Which are about to come back to the minima that are known, or to end above."""
        if self.known is None:
            return np.zeros(len(way.which), dtype=np.bool_)
        thetas, values = self.known.thetas[way.which][:, self.lines.index], self.known.values[way.which]
        width = self.lines.model.parameters.width[self.lines.index]
        unit = np.where(width > 0.0, width, np.maximum(np.abs(thetas), 1.0))
        back = np.all(np.abs(np.clip(way.x + way.step, *self.lines.box) - thetas) <= _SAME * unit, axis=1)
        found: Booleans = back | ((way.edm <= _ROUGH) & (way.value - way.edm >= values))
        return found

    def _move(self, way: Way) -> Linearised:
        """One step of each, where it is a good one; a part of it next time where it is not. What they see there."""
        low, high = self.lines.box
        trial = np.clip(way.x + way.length[:, None] * way.step, low, high)
        there = self.lines.at(way.which, trial)
        slope = np.minimum(dot(way.gradient, trial - way.x), 0.0)
        better = (there.value <= way.value + _SUFFICIENT * slope) & _is_finite(there)
        worse, gradient = np.flatnonzero(~better), there.gradient.copy()
        gradient[worse] = way.gradient[worse]
        held = self.lines.held(way.which, trial, gradient)
        held[worse] = way.held[worse]
        learns = better & np.isfinite(way.value) & ((way.edm < _NEAR) | (self.known is not None))
        way.learn(trial - way.x, gradient - way.gradient, learns, held)
        trial[worse] = way.x[worse]
        way.x, way.gradient, way.held = trial, gradient, held
        way.value = np.where(better, there.value, way.value)
        way.shortened = np.where(better, 0, way.shortened + 1)
        way.length = np.where(better, 1.0, _SHORTER * way.length)
        way.taken = way.taken + 1
        way.before = np.where(np.isfinite(way.edm), way.edm, 0.0)
        if better.any():
            step, aim, edm, emptied = self._step(way, there)
            step[worse], aim[worse] = way.step[worse], way.aim[worse]
            way.step, way.aim = step, aim
            way.edm, way.emptied = np.where(better, edm, way.edm), np.where(better, emptied, way.emptied)
        way.doubt()
        return there

    def _step(self, way: Way, here: Linearised) -> tuple[Floats, Floats, Floats, Booleans]:
        """Steps to the minima of the quadratic models within the bounds, the EDM, and which of them empty a bin.

        The first are those to be taken, the second what they were made from.
        """
        metric = self.lines.metric(way.which, here, way.held)
        g = np.where(way.held, 0.0, way.gradient)
        free = way.newton(metric, g)
        self._far(way, metric, here, g, free)
        within = Within(
            x=way.x,
            gradient=way.gradient,
            here=here,
            metric=metric,
            box=self.lines.box,
            step=free.copy(),
            held=way.held.copy(),
            empty=self.lines.fits.observed[way.which] == 0.0,
        )
        within.go()
        aim, empties = within.step, np.any(within.emptied, axis=1)
        if empties.any():
            aim, again = aim.copy(), np.flatnonzero(empties & way.emptied)
            within.step[again] = way.hastened(again, aim[again], within.held[again])
            self._follow(way, within, np.flatnonzero(empties))
        edm = np.where(empties, -dot(way.gradient, within.step), -0.5 * dot(g, free))
        if (done := np.flatnonzero(empties & (edm <= self.tolerance))).size:
            edm[done[~within.pushed_there(done, self.tolerance)]] = np.nan
        return within.step, aim, edm, empties

    def _far(self, way: Way, metric: Metric, here: Linearised, g: Floats, step: Floats) -> None:
        """Take steps anew, by the curvatures of the yields on their way, that move yields by much and empty no bin."""
        change = along(metric.jacobian, step) / np.maximum(here.rates, 1e-9)
        counts = self.lines.fits.observed[way.which] > 0.0
        moves = np.any(counts & (np.abs(change) > _FAR), axis=1)
        rows = np.flatnonzero(moves & ~np.any(~counts & (change < KEPT - 1.0), axis=1))
        if rows.size:
            roots = metric.roots[rows] * np.sqrt(1.0 - np.minimum(change[rows], _FARTHEST))
            other = Metric.made(metric.jacobian[rows], roots, metric.diagonal[rows], metric.held[rows], metric.loose)
            metric.roots[rows], metric.matrix[rows], step[rows] = roots, other.matrix, -other.solve(g[rows])

    def _follow(self, way: Way, within: Within, which: Integers) -> None:
        """Let steps that empty bins follow their bent edge of the domain: leave there what was meant to be left."""
        metric, held = within.emptying(which), within.held[which]
        points = self.lines.fits.starts[way.which[which]]
        for _ in range(_FOLLOWED):
            points[:, self.lines.index] = np.clip(way.x[which] + within.step[which], *self.lines.box)
            excess = self.lines.model.rates_of_many(points) - KEPT * within.here.rates[which]
            inward = metric.solve(np.zeros(held.shape), np.where(within.emptied[which], excess, 0.0))
            within.step[which] -= np.where(held, 0.0, inward)


def _keep_freed_memory() -> None:
    """Let the allocator of the C library keep memory that is freed, up to some tens of MB.

    Fresh pages take longer than what is computed in them. That of GNU gives none back as large as what once was freed.
    """
    np.empty(_KEPT_MEMORY)


def _some(here: Linearised, these: Booleans) -> Linearised:
    """What is known at some of the points."""
    return Linearised(**{f.name: getattr(here, f.name)[these] for f in fields(here)})


def _is_finite(here: Linearised) -> Booleans:
    """Where everything is a number that a step is made from."""
    parts = (here.gradient, here.constraints, here.bends)  # a gradient is finite where the Jacobian is
    sizes = here.value + sum(np.abs(part).sum(axis=1) for part in parts)
    found: Booleans = np.isfinite(sizes)
    return found
