"""Other minima: whether a fit has to look for a lower one, and where.

The likelihood has a second valley only where it is not convex. What bends it are effects of systematics that are not in
proportion to their parameter: an effect of the same sign on both sides makes two valleys that are nearly mirror images,
one that is far larger on one side may make up for what a bin lacks, and the product of a systematic and a norm factor
can be the same in several ways. Half of what an effect adds up to at -1 and +1 is its *unevenness*, in units of the
statistical uncertainty of the bins. Published models rarely reach two, those with several valleys are mostly above.

*Unsuspected* models are left alone. The NLL above the saturated model is never much below zero, so that a fit that is
nearly there needs no search either.

*Profiles* are what large models get, those of the parameters along which uneven effects bend the NLL down
(:mod:`hftranslate.inference.sights`): a new fit starts where they are far below the parabola of a single valley.

*Exchanges* are looked for there as well: where two free factors that do nearly the same have changed places
(:mod:`hftranslate.inference.exchanges`).

*Ways* are what small models get first, unless the fit was difficult or describes the data badly. A likelihood that
rises all along the straight ways from a minimum to everywhere else has no other one. Many random points tell, evaluated
at once, around the minimum and where one to three parameters leave it while the others follow to first order; from the
few where the NLL hardly rises fits have to lead back.

*Clouds* are what small models get otherwise, and large ones where there is more to suspect: many random points, drawn
around the centres of the constraints and within the distance that these allow a lower minimum to have, go downhill
together by Fisher's scoring, evaluated at once. What ends above the minimum that is known is forgotten; from the others
new fits start. Fits at once, which take other ways, start where a cloud of a suspicious model begins, and so do some
single ones, if kinks may lead elsewhere. From where the NLL falls straight to a minimum that is known nothing goes on.
If several points led to the lowest minimum, and clouds bring nothing new any more, it is believed to be the lowest; if
not, the search says in the end that it is not sure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.clouds import Cloud
from hftranslate.inference.descent import may_get_stuck, onwards
from hftranslate.inference.newton import End
from hftranslate.inference.outlook import Outlook
from hftranslate.inference.problem import Problem
from hftranslate.inference.together import Fits, Known, fit_together
from hftranslate.likelihood.cells import State
from hftranslate.likelihood.scipy_parts import dpotrf, dpotri
from hftranslate.likelihood.second_order import jacobian
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]
Some: TypeAlias = float | Floats
#: A fit from a point; roughly, if minima are known: only as well as it takes to see whether it ends lower.
Descent = Callable[[Floats, Sequence[End]], End]

#: A minimum is lower than another one by this at least, in NLL.
_LOWER = 1e-4
#: Free parameters, and cells times free parameters, up to which a model is small: a cloud of it costs some ten fits.
_SMALL = (30, 4000)
#: Cells times free parameters up to which clouds fit into memory (half a gigabyte).
_LARGEST = 4_000_000
#: Effect on a bin as a fraction of it from which small models get a cloud; also one with some unevenness.
_STRONG, _RATHER_STRONG, _UNEVEN = 0.6, 0.4, 0.2
#: Unevenness, and effect, below which a small model gets only one, and of fewer points.
_QUITE_UNEVEN, _QUITE_STRONG = 1.0, 1.0
#: Effect from which valleys are so many that points which go downhill together see too few of them.
_OVERWHELMING = 2.0
#: Newton's steps to the minimum of a truncated constraint.
_TO_THE_CENTRE = 4
#: Part of its initial value below which a free factor vanishes.
_VANISHING = 0.3
#: Points for each parameter on ways from a minimum; the fraction of a parabola's slope below which one of them has to
#: lead back there by a fit, and from how many points that is tried.
_WAYS, _RISING, _DOUBTFUL = 16, 0.2, 4
#: Downward curvature, in units of that of the constraint, from which random points on ways may miss another valley.
_BENT_BACK = 1.0
#: Newton steps beyond which a fit went through a difficult place, and NLL per bin from which data are described badly.
_DIFFICULT, _BAD = 25, 10.0
#: Points of a cloud: in small models; in less suspicious ones; in large ones.
_POINTS, _FEWER_POINTS, _POINTS_OF_LARGE = 128, 24, 32
#: Clouds at most, fits from each where it begins (if these may lead elsewhere) and where it ends.
_CLOUDS, _FITS_BEFORE, _FITS_AFTER = 5, 1, 4
#: Fits from each where it begins, if valleys are many or the known minimum lies on a kink.
_MORE_BEFORE = 2
#: Points of a cloud that fits at once start from, and how many of the lowest of these are gone on from.
_AT_ONCE, _BEST = 64, 2
#: Free factors whose products can be the same in so many ways that one more cloud is worth its time.
_MANY_FREE = 3
#: Steps of all fits from clouds after which no further cloud is taken.
_PATIENCE = 2000
#: Points that have to end in the lowest minimum, and how far above it they may still be.
_AGREED, _THERE = 3, 1e-2
#: Distance between a point and a minimum within which it belongs to its valley (twice a rise of the NLL).
_SAME_VALLEY = 0.1

#: How often profiles are looked at, as long as that leads to lower minima.
_PROFILES = 3


@record
class Found:
    """The lowest minimum that a search found; whether it is sure that there is no lower one; all steps of its fits."""

    lowest: End
    sure: bool
    iterations: int


@record
class View:
    """What suggests that there is a lower minimum than the one that a fit ended at.

    Attributes
    ----------
    lowest
        whether nothing can be lower.
    starts
        places in other valleys that are seen from there.
    plan
        how to search with clouds; ``None`` for not at all.
    """

    lowest: bool = False
    starts: list[Floats] = field(default_factory=list)
    plan: "_Plan | None" = None

    @property
    def is_clear(self) -> bool:
        """Whether nothing does."""
        return not self.starts and self.plan is None


@unwarned
def views(problems: Sequence[Problem], ends: Sequence[End]) -> list[View]:
    """What is seen from the ends of fits of one model, which are looked at together: that is most of the work."""
    found = [View(lowest=_is_lowest(p, e)) for p, e in zip(problems, ends, strict=True)]
    doubtful = [i for i, view in enumerate(found) if not view.lowest]
    if not doubtful:
        return found
    outlook = Outlook(problems=[problems[i] for i in doubtful], ends=[ends[i] for i in doubtful])
    plans = [
        _plan(problems[i], ends[i], _largest(bent), state)
        for i, bent, state in zip(doubtful, outlook.bent, outlook.states, strict=True)
    ]
    look = [
        k
        for k, (i, p) in enumerate(zip(doubtful, plans, strict=True))
        if ends[i].reason == "converged" and not (p and p.small)
    ]
    starts = outlook.starts(look)
    for k, (i, plan) in enumerate(zip(doubtful, plans, strict=True)):
        found[i] = View(starts=starts.get(k, []), plan=plan)
    return found


def _is_lowest(problem: Problem, end: End) -> bool:
    """Whether no minimum can be lower, or rounding exceeds what is looked for."""
    low = end.at_a_minimum and end.value <= _lowest_value(problem, end.x) + _LOWER
    return bool(low or end.value * np.finfo(float).eps > _LOWER)


def search(
    problem: Problem,
    first: End,
    descend: Descent,
    *,
    view: View | None = None,
    quick: bool = False,
) -> Found:
    """Look for a lower minimum than the first one.

    Parameters
    ----------
    first
        where a fit ended, at a minimum or stuck on the way.
    descend
        the fit from a point.
    view
        what is seen from there, if that is known.
    quick
        whether to spend little: at most one cloud of few points. Such a search does not say that it is not sure.
    """
    look = _Look(problem=problem, descend=descend, lowest=first, minima=[first])
    view = view or views([problem], [first])[0]
    look.from_sights(view.starts)
    plan = view.plan
    if plan is None:
        return look.found(sure=True)
    if plan.calm and look.in_one_valley():
        return look.found(sure=True)
    if quick:
        look.by_clouds(replace(plan, points=_FEWER_POINTS, at_once=0, most=1, quiet=2, before=0))
        return look.found(sure=True)
    return look.found(sure=look.by_clouds(plan))


@record
class _Plan:
    """How to search with clouds.

    Attributes
    ----------
    small
        whether clouds take the place of profiles.
    calm
        whether the first fit went well, so that ways may tell that there is nothing to search.
    points, at_once
        of a cloud, and how many of them fits at once start from.
    most, quiet
        clouds at most, and how many of them in a row have to bring nothing new.
    before, after
        fits from each cloud, where it begins and where it ends.
    """

    small: bool
    calm: bool
    points: int
    at_once: int
    most: int
    quiet: int
    before: int
    after: int


def _plan(problem: Problem, first: End, bent: float, state: State) -> _Plan | None:
    """What a model's effects and its first fit make one suspect; ``None`` where nothing calls for a cloud."""
    n = len(problem.index)
    size = n * len(problem.model.cells.nominal)
    if size > _LARGEST:
        return None
    bad, small = _is_bad(problem, first), is_small(n, size)
    if not small and first.at_a_minimum and not bad:
        return None
    e, derived = _Effects.seen(problem, first.x, state), problem.model.derived
    if not small:
        if first.at_a_minimum and e.uneven <= _QUITE_UNEVEN:
            return None
        return _Plan(
            small=False, calm=False, points=_POINTS_OF_LARGE, at_once=0, most=1, quiet=1, before=0, after=_FITS_AFTER
        )
    once, twice = (bool(found) for found in suspicious(e.strong, e.uneven, bent, e.hidden))
    difficult = not first.at_a_minimum or first.iterations > _DIFFICULT or derived.curved or (bad and once)
    twice = difficult or twice
    if not (once or twice):
        return None
    before = _FITS_BEFORE if twice and may_get_stuck(problem) else 0
    if first.reason == "kink" or e.strong > _OVERWHELMING:
        before = _MORE_BEFORE
    many = np.sum(problem.model.parameters.width[problem.index] == 0.0) > _MANY_FREE
    return _Plan(
        small=True,
        calm=first.reason == "converged" and not (difficult or bad or bent > _BENT_BACK),
        points=_POINTS if twice else _FEWER_POINTS,
        at_once=_AT_ONCE if twice else 0,
        most=_CLOUDS,
        quiet=1 + int(twice) + int(many),
        before=before,
        after=_FITS_AFTER,
    )


def _is_bad(problem: Problem, end: End) -> bool:
    """Whether data are described badly there."""
    return end.value > _BAD * len(problem.data.observed)


def suspicious(strong: Some, uneven: Some, bent: Some, hidden: Any) -> tuple[Any, Any]:
    """Whether effects let one suspect that a small model has other minima, and whether they do so strongly.

    Parameters
    ----------
    strong, uneven, hidden
        as :class:`_Effects` has them; numbers, or arrays of many fits.
    bent
        the largest :func:`downward_curvature`.
    """
    hidden = hidden & (strong > _RATHER_STRONG)
    rather = (strong > _RATHER_STRONG) & (np.maximum(uneven, bent) > _UNEVEN)
    return hidden | rather | (strong > _STRONG), hidden | (uneven > _QUITE_UNEVEN) | (strong > _QUITE_STRONG)


def is_small(n_free: int, size: int) -> bool:
    """Whether clouds are taken in place of profiles, by free parameters, and cells times free parameters."""
    return n_free <= _SMALL[0] and size <= _SMALL[1]


@dataclass(slots=True, kw_only=True)
class _Look:
    """A search under way: the lowest minimum so far, and all that were seen.

    ``deeper`` says whether a lower place was seen that nothing led from to a minimum.
    """

    problem: Problem
    descend: Descent
    lowest: End
    minima: list[End]
    iterations: int = 0
    deeper: bool = False

    def found(self, *, sure: bool) -> Found:
        sure = sure and not self.deeper and self.lowest.at_a_minimum
        return Found(lowest=self.lowest, sure=sure, iterations=self.lowest.iterations + self.iterations)

    def _is_rugged(self) -> bool:
        """Whether data that are described badly have several valleys: there are more of them than a search sees."""
        others = (end.value for end in self.minima if end.at_a_minimum)
        return _is_bad(self.problem, self.lowest) and any(value > self.lowest.value + _THERE for value in others)

    def start(self, x: Floats) -> float:
        """Fit from a point; returns the value where that ended."""
        other, known = self.descend(x, self.minima), self.lowest
        self.minima.append(other)
        value = other.value
        lower = other.value < known.value - _LOWER
        if lower or not known.at_a_minimum:
            other = onwards(other, self.descend(other.x, ()))
            value = other.value
            if other.at_a_minimum or (lower and not known.at_a_minimum):
                self.lowest, other = other, known
                self.minima.append(self.lowest)
            elif lower:
                self.deeper = True
        self.iterations += other.iterations
        return value

    def from_sights(self, starts: list[Floats]) -> None:
        """Fit from places that are seen, as long as that leads to lower minima."""
        for looks in range(_PROFILES, 0, -1):
            known = self.lowest
            for start in starts:
                self.start(start)
            if self.lowest is known or looks == 1:
                break
            seen = Outlook(problems=[self.problem], ends=[self.lowest]).starts([0])[0]
            starts = self._of_no_other(seen)

    def _of_no_other(self, points: list[Floats]) -> list[Floats]:
        """Those from where the NLL does not fall straight to another minimum than the lowest."""
        others = [end for end in self.minima if end.at_a_minimum and end is not self.lowest]
        if not (points and others):
            return points
        x, minima, lowest = np.array(points), np.array([e.x for e in others]), np.array([e.value for e in others])
        falls = self.problem.falls_straight(x, self.problem.values(x), minima, lowest)
        return [point for point, known in zip(points, falls.tolist(), strict=True) if not any(known)]

    def in_one_valley(self) -> bool:
        """Whether the NLL rises on the ways from the minimum to many points; where it hardly does fits lead back."""
        known, problem = self.lowest, self.problem
        covariance = _covariance(problem, known)
        if covariance is None:
            return False
        points = Cloud.on_ways(problem, known, covariance, _WAYS * len(known.x), np.random.default_rng(6))
        if len(points.x) < _WAYS:  # hardly any lies within the domain
            return False
        doubtful = points.x[points.rise_from(known.x) < _RISING]
        if len(doubtful) > _DOUBTFUL:
            return False
        return all(self.start(x) < known.value + _THERE and self.lowest is known for x in doubtful)

    def at_once(self, points: Floats) -> None:
        """Fits from many points, of a kind of their own; where the lowest of them end new ones start."""
        if not len(points):
            return
        p, known, model = self.problem, self.lowest, self.problem.model
        free, bounds = np.zeros(len(p.theta), dtype=np.bool_), model.parameters.bounds.copy()
        free[p.index], bounds[p.index] = True, p.bounds
        thetas = np.broadcast_to(p.full(known.x), (len(points), len(p.theta)))
        low = Known(thetas=thetas, values=np.full(len(points), known.value - _LOWER))
        fits = Fits.of(p.data, p.full(points), free, bounds)
        ends = fit_together(model, fits, tolerance=_LOWER, known=low)
        self.iterations += int(ends.iterations.max())  # which are made together
        for i in np.argsort(ends.values, kind="stable")[:_BEST].tolist():
            if ends.converged[i] and ends.values[i] < self.lowest.value - _LOWER:
                self.start(ends.thetas[i, p.index])

    def by_clouds(self, plan: _Plan) -> bool:
        """Fit from some points where clouds begin and end, until as many of them as planned bring nothing new.

        Returns whether they agree that the lowest minimum is the lowest.
        """
        rng = np.random.default_rng(5)
        still, agreed, before = 0, 0, self.iterations
        for _ in range(plan.most):
            if self.iterations - before > _PATIENCE:
                break
            cloud = Cloud.around(self.problem, self.lowest, plan.points, rng)
            cloud.settle()
            known = self.lowest.value
            self.at_once(cloud.x[: plan.at_once])
            for x in cloud.x[: plan.before]:
                self.start(x)
            led_to = self.lowest
            back = cloud.go_down(led_to.value - _LOWER, led_to)
            order, ends = np.argsort(cloud.value, kind="stable"), cloud.value.copy()
            fits = 0
            for i in order:
                if fits < plan.after and cloud.within_reach()[i] < self.lowest.value - _LOWER and self._new(cloud, i):
                    ends[i] = self.start(cloud.x[i])
                    fits += 1
            back = back if self.lowest is led_to else 0
            still, agreed = (0, 0) if self.lowest.value < known - _LOWER else (still + 1, agreed)
            if still >= plan.quiet and agreed + back + self._there(ends) < _AGREED:
                for i in order[:_AGREED]:  # they stopped early, for none was on its way to a lower minimum
                    ends[i] = self.start(cloud.x[i]) if ends[i] == cloud.value[i] else ends[i]
            agreed += back + self._there(ends)
            if still >= plan.quiet and agreed >= _AGREED and self.lowest.value >= known - _LOWER:
                return not self._is_rugged()
        return False

    def _there(self, values: Floats) -> int:
        """How many points reached the lowest minimum."""
        return int(np.sum(values < self.lowest.value + _THERE))

    def _new(self, cloud: Cloud, i: int) -> bool:
        """Whether a point of a cloud lies in none of the valleys that were seen."""
        return all(cloud.distance(i, end.x) > _SAME_VALLEY for end in self.minima)


@record
class _Effects:
    """What systematics do to the bins, at a point.

    Attributes
    ----------
    uneven
        the largest uneven effect of a parameter, in units of the statistical uncertainty of the bins.
    strong
        the largest effect on a bin, as a fraction of it.
    hidden
        whether a free factor vanishes, so that what it multiplies has no effect, and another one may have taken its
        place.
    """

    uneven: float
    strong: float
    hidden: bool = False

    @classmethod
    def seen(cls, problem: Problem, x: Floats, state: State) -> "_Effects":
        """At a minimum with its yields, and as they would be if the free factors that vanish were where they begin."""
        here = cls.at(problem, problem.full(x), state)
        p = problem.model.parameters
        init, free = p.init[problem.index], p.width[problem.index] == 0.0
        vanish = free & (np.abs(x) < _VANISHING * np.abs(init))
        if not vanish.any():
            return here
        theta = problem.full(problem.inside(np.where(vanish, init, x)))
        there = cls.at(problem, theta, problem.model.state(theta))
        uneven, strong = max(here.uneven, there.uneven), max(here.strong, there.strong)
        return replace(here, uneven=uneven, strong=strong, hidden=int(np.sum(free)) > 1)

    @classmethod
    def at(cls, problem: Problem, theta: Floats, state: State) -> "_Effects":
        """At a point, with the yields there and their derivatives."""
        model, cells, width = problem.model, problem.model.cells, problem.model.parameters.width
        nu = np.maximum(state.bins, 0.5)[:, None]
        size = np.zeros(cells.n_parameters)
        for parameter, by_bin in cells.mean_effects(state):
            np.add.at(size, parameter, np.sum(by_bin * by_bin / nu, axis=0))
        systematics = problem.index[model.systematics[problem.index]]
        slopes = model.derived.rows(theta, jacobian(cells, state))[:, systematics] * width[systematics]
        return cls(
            uneven=float(np.sqrt(size.max(initial=0.0))),
            strong=float((np.abs(slopes) / nu).max(initial=0.0)),
        )


def _lowest_value(problem: Problem, x: Floats) -> float:
    """What the NLL above the saturated model is not below: zero, but for the truncation of constraints.

    That moves the minima of the constraints a little off their centres, to where a few of Newton's steps lead.
    """
    c, auxdata = problem.model.constraints, problem.data.auxdata
    if not c.low.size:
        return 0.0
    centres = c.centres(auxdata)
    theta = np.where(np.isfinite(centres), centres, problem.full(x))
    for _ in range(_TO_THE_CENTRE):
        slope, curvature = (d[c.gauss_parameter] for d in c.derivatives(theta, auxdata))
        theta[c.gauss_parameter] -= slope / np.maximum(curvature, 0.1 / c.width**2)
    return min(0.0, c.excess(theta, auxdata))


def _largest(bent: Floats) -> float:
    return float(bent.max(initial=0.0))


def _covariance(problem: Problem, known: End) -> Floats | None:
    """Inverse of the Hessian at a minimum; ``None`` where it is not positive definite."""
    factor, failed = dpotrf(problem.expand(known.x)[2])
    if failed:
        return None
    upper, _ = dpotri(factor)
    covariance: Floats = np.triu(upper) + np.triu(upper, 1).T
    return covariance
