r"""Other minima: whether a fit has to look for a lower one, and where.

The likelihood has a second valley only where it is not convex. What bends it are effects of systematics that do not grow
in proportion: an effect of the same sign on both sides makes two valleys that are nearly mirror images, one that is far
larger on one side may make up for what a bin lacks, and the product of a systematic and a norm factor can be the same in
several ways. What tells is the *unevenness* of the effects, half of what they add up to at -1 and +1, in units of the
statistical uncertainty of the bins: published models rarely reach two, models of several valleys are far above.

*Unsuspected* models are left alone. The NLL above the saturated model is never much below zero, so that a fit that is
nearly there needs no search either.

*Profiles* are what large models get, those of the parameters along which uneven effects bend the NLL down. To first
order the profile through a minimum with the covariance ``V`` is a straight line, ``theta(a) = theta_0 + V_k (a -
theta_0k) / V_kk``; along it the NLL of a single valley rises about as the parabola ``(a - theta_0k)^2 / (2 V_kk)``. Where
it stays far below, there or at the parameter's mirror image, a new fit starts. All lines are evaluated at once.

*Clouds* are what small models get, and large ones where there is more to suspect: many random points, drawn around the
initial values and within the distance that the constraints allow a lower minimum to have, go downhill together by
Fisher's scoring, evaluated at once. What ends above the minimum that is known is forgotten; from the others new fits
start. If the lowest minimum was reached by several points, it is believed to be the lowest; if not, further clouds
follow, and in the end the search says that it is not sure.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotri

from hftranslate.inference.clouds import Cloud
from hftranslate.inference.descent import may_get_stuck
from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem
from hftranslate.likelihood.model import Data, Model

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
#: A fit from a point.
Descent = Callable[[Floats], End]

#: A minimum is lower than another one by this at least, in NLL.
_LOWER = 1e-4
#: Free parameters, and cells times free parameters, up to which a model is small: a cloud of it costs some ten fits.
_SMALL = (30, 4000)
#: Unevenness, and effect on a bin as a fraction of it, from which small models get a cloud; unevenness for large ones.
_UNEVEN, _STRONG, _VERY_UNEVEN = 0.2, 0.6, 6.0
#: Unevenness, and effect, below which a small model gets only one, and of fewer points.
_QUITE_UNEVEN, _QUITE_STRONG = 1.0, 1.0
#: Newton steps beyond which a fit went through a difficult place, and NLL per bin from which data are described badly.
_DIFFICULT, _BAD = 25, 10.0
#: Points of a cloud: in small models; in less suspicious ones, and those with Functions, which are evaluated one by one, and in large ones.
_POINTS, _FEWER_POINTS, _POINTS_OF_LARGE = 64, 24, 16
#: Clouds at most, fits from each where it begins (if these may lead elsewhere) and where it ends.
_CLOUDS, _FITS_BEFORE, _FITS_AFTER = 5, 3, 4
#: Free factors whose products can be the same in so many ways that one more cloud is worth its time.
_MANY_FREE = 3
#: Points that have to end in the lowest minimum, and how far above it they may still be.
_AGREED, _THERE = 3, 1e-2
#: Distance between a point and a minimum within which it belongs to its valley (twice a rise of the NLL).
_SAME_VALLEY = 0.1

#: Distances along the profile, in units of the parameter, at which it is looked at on both sides.
_DISTANCES = np.array([0.85, 1.2, 1.8])
#: Largest second derivative of an additive effect (code4p, at zero) in units of the mean effect at -1 and +1.
_SHARPEST = 3.75
#: Downward curvature, in units of that of the constraint, above which a profile is looked at: less than the one needed,
#: for it is known at the minimum only.
_BENT = 0.2
#: At most so many profiles are looked at, those of the largest downward curvature.
_CANDIDATES = 20
#: A new fit starts where the NLL is below this fraction of the parabola, and from so many places at most.
_SHALLOW = 0.36
_STARTS = 2
#: The mirror image has to be far better than one on a parabola, and this far away in units of the parameter.
_MIRRORED = 0.1
_APART = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The lowest minimum that a search found; whether it is sure that there is no lower one; all steps of its fits."""

    lowest: End
    sure: bool
    iterations: int


def search(problem: Problem, first: End, descend: Descent, *, clouds: bool = True) -> Found:
    """Look for a lower minimum than the first one.

    Parameters
    ----------
    first
        where a fit ended, at a minimum or stuck on the way.
    descend
        the fit from a point.
    clouds
        whether to take clouds where they are needed; otherwise profiles are all.
    """
    look = _Look(problem=problem, descend=descend, lowest=first, minima=[first.x])
    if first.at_a_minimum and first.value <= _lowest_value(problem, first.x) + _LOWER:
        return look.found(sure=True)
    effects = _Effects.at(problem, first.x)
    n = len(problem.index)
    small = n <= _SMALL[0] and n * len(problem.model.cells.nominal) <= _SMALL[1]
    if first.reason == "converged" and effects.bent.max(initial=0.0) > _BENT and not (clouds and small):
        look.along_profiles()
    bad = first.value > _BAD * len(problem.data.observed)
    difficult = bad or not first.at_a_minimum or look.lowest is not first or (small and first.iterations > _DIFFICULT)
    if not clouds or not (difficult or effects.suspicious(small)):
        return look.found(sure=True)
    if not small:
        return look.found(sure=look.by_clouds(_POINTS_OF_LARGE, most=1, quiet=1, before=0, after=2))
    twice = difficult or effects.functions or effects.uneven > _QUITE_UNEVEN or effects.strong > _QUITE_STRONG
    many = np.sum(problem.model.parameters.width[problem.index] == 0.0) > _MANY_FREE
    points = _POINTS if twice and not effects.functions else _FEWER_POINTS
    before = _FITS_BEFORE if twice and may_get_stuck(problem) else 0
    quiet = 1 + int(twice) + int(many)
    return look.found(sure=look.by_clouds(points, most=_CLOUDS, quiet=quiet, before=before, after=_FITS_AFTER))


@dataclass(slots=True, kw_only=True)
class _Look:
    """A search under way: the lowest minimum so far, and all that were seen."""

    problem: Problem
    descend: Descent
    lowest: End
    minima: list[Floats]
    iterations: int = 0

    def found(self, *, sure: bool) -> Found:
        return Found(lowest=self.lowest, sure=sure, iterations=self.lowest.iterations + self.iterations)

    def start(self, x: Floats) -> None:
        """Fit from a point."""
        other, known = self.descend(x), self.lowest
        self.minima.append(other.x)
        better = other.value < known.value - (_LOWER if known.at_a_minimum else 0.0)
        if better if other.at_a_minimum or not known.at_a_minimum else other.value < known.value - _THERE:
            self.lowest, other = other, known
        self.iterations += other.iterations

    def along_profiles(self) -> None:
        """Fit from where profiles, or mirror images, show another valley."""
        p, x = self.problem, self.lowest.x
        hessian = self.lowest.hessian if self.lowest.hessian is not None else p.expand(x)[2]
        for start in other_starts(p.model, p.data, p.full(x), hessian, p.index, p.bounds):
            self.start(start[p.index])

    def by_clouds(self, points: int, *, most: int, quiet: int, before: int, after: int) -> bool:
        """Fit from some points where clouds begin and end, until as many as ``quiet`` of them bring nothing new.

        Returns whether they agree that the lowest minimum is the lowest.
        """
        rng = np.random.default_rng(5)
        still = agreed = 0
        for _ in range(most):
            cloud = Cloud.around(self.problem, self.lowest, points, rng)
            known = self.lowest.value
            for x in cloud.x[:before]:
                self.start(x)
            cloud.go_down(self.lowest.value - _LOWER)
            fits = 0
            for i in np.argsort(cloud.value, kind="stable"):
                if fits < after and cloud.within_reach()[i] < self.lowest.value - _LOWER and self._new(cloud, i):
                    self.start(cloud.x[i])
                    fits += 1
            still, agreed = (0, 0) if self.lowest.value < known - _LOWER else (still + 1, agreed)
            agreed += int(np.sum(cloud.value < self.lowest.value + _THERE))
            if still >= quiet and agreed >= _AGREED:
                return self.lowest.at_a_minimum
        return False

    def _new(self, cloud: Cloud, i: int) -> bool:
        """Whether a point of a cloud lies in none of the valleys that were seen."""
        return all(cloud.distance(i, x) > _SAME_VALLEY for x in self.minima)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Effects:
    """What systematics do to the bins, at a point.

    Attributes
    ----------
    bent
        how much uneven effects bend the NLL down along each free parameter, in units of its constraint.
    uneven
        the largest uneven effect of a parameter, in units of the statistical uncertainty of the bins.
    strong
        the largest effect on a bin, as a fraction of it.
    functions
        whether Functions take part.
    """

    bent: Floats
    uneven: float
    strong: float
    functions: bool

    @classmethod
    def at(cls, problem: Problem, x: Floats) -> "_Effects":
        model, theta = problem.model, problem.full(x)
        state = model.state(theta)
        nu = np.maximum(state.bins, 0.5)[:, None]
        size = np.zeros(model.cells.n_parameters)
        for parameter, by_bin in model.cells.mean_effects(state):
            np.add.at(size, parameter, np.sum(by_bin * by_bin / nu, axis=0))
        systematics = np.concatenate([model.cells.additive.parameter, model.cells.multiplicative.parameter])
        own = np.isin(problem.index, systematics)
        slopes = model.jacobian(theta)[:, problem.index[own]] * model.parameters.width[problem.index[own]]
        return cls(
            bent=downward_curvature(model, problem.data, theta)[problem.index],
            uneven=float(np.sqrt(size.max(initial=0.0))),
            strong=float((np.abs(slopes) / nu).max(initial=0.0)),
            functions=bool(model.derived.expressions),
        )

    def suspicious(self, small: bool) -> bool:
        """Whether a lower minimum may be anywhere."""
        if not small:
            return self.uneven > _VERY_UNEVEN
        bent = float(self.bent.max(initial=0.0))
        return self.uneven > _UNEVEN or self.strong > _STRONG or bent > _BENT or self.functions


def _lowest_value(problem: Problem, x: Floats) -> float:
    """What the NLL above the saturated model is not below: zero, but for the truncation of constraints."""
    c = problem.model.constraints
    if not c.low.size:
        return 0.0
    theta = problem.full(x)
    theta[c.gauss_parameter] = problem.data.auxdata[c.gauss_aux]
    return min(0.0, c.excess(theta, problem.data.auxdata))


def other_starts(
    model: Model, data: Data, theta: Floats, hessian: Floats, free: Integers, bounds: Floats
) -> list[Floats]:
    """Points in other valleys that are seen from a minimum, lowest first; usually none.

    Parameters
    ----------
    theta
        the minimum ``(n_parameters,)``.
    hessian
        second derivatives of the NLL by the fitted parameters there, ``(n_free, n_free)``.
    free
        indices of the parameters that were fitted, ``bounds`` their ranges ``(n_free, 2)``.
    """
    bent = downward_curvature(model, data, theta)[free]
    if bent.max(initial=0.0) <= _BENT:
        return []
    factor, failed = dpotrf(hessian)
    if failed:
        return []
    upper, _ = dpotri(factor)
    covariance = np.triu(upper) + np.triu(upper, 1).T
    variances = np.diagonal(covariance)
    # what the data say about a parameter counts like its constraint
    bent *= np.minimum(variances / np.maximum(model.parameters.width[free], 1e-150) ** 2, 1.0)
    candidates = np.argsort(-bent)[: min(int(np.sum(bent > _BENT)), _CANDIDATES)]
    variances = variances[candidates]
    lines = covariance[candidates] / variances[:, None]  # (n_candidates, n_free)
    points = np.tile(theta, (len(candidates), 2, len(_DISTANCES), 1))
    for side, sign in enumerate((-1.0, 1.0)):
        moved = theta[free] + sign * _DISTANCES[:, None] * lines[:, None, :]
        points[:, side][:, :, free] = np.clip(moved, bounds[:, 0], bounds[:, 1])
    here = model.excess_nll(theta, data)
    rise = model.excess_of_many(points.reshape(-1, len(theta)), data).reshape(points.shape[:3]) - here
    mirrored = _mirror_images(model, data, theta, free[candidates], bounds[candidates], here, variances)
    parabola = 0.5 * _DISTANCES**2 / variances[:, None, None]
    low = rise < _SHALLOW * parabola
    places = np.argwhere(low)
    order = np.argsort(rise[low], kind="stable")
    starts: list[Floats] = mirrored[:_STARTS]
    seen: set[tuple[int, int]] = set()
    for candidate, side, distance in places[order]:
        if (candidate, side) not in seen and len(starts) < _STARTS:
            seen.add((candidate, side))
            starts.append(points[candidate, side, distance])
    return starts


def _mirror_images(
    model: Model, data: Data, theta: Floats, candidates: Integers, bounds: Floats, here: float, variances: Floats
) -> list[Floats]:
    """Points with one of the candidates mirrored about its initial value, where the NLL is far below a parabola."""
    mirrored = 2.0 * model.parameters.init[candidates] - theta[candidates]
    distance = np.abs(mirrored - theta[candidates])
    chosen = np.flatnonzero(
        (distance > _APART * model.parameters.width[candidates])
        & (bounds[:, 0] <= mirrored)
        & (mirrored <= bounds[:, 1])
    )
    points = np.tile(theta, (len(chosen), 1))
    points[np.arange(len(chosen)), candidates[chosen]] = mirrored[chosen]
    rise = model.excess_of_many(points, data) - here
    low = rise < _MIRRORED * 0.5 * distance[chosen] ** 2 / variances[chosen]
    return [points[i] for i in np.argsort(rise) if low[i]]


def downward_curvature(model: Model, data: Data, theta: Floats) -> Floats:
    """How much uneven effects bend the NLL down along each parameter, in units of its constraint, ``(n_parameters,)``.

    From the mean of the effects at -1 and +1, ``[nu(1) + nu(-1)] / 2 - nu(0)`` per bin; zero for free parameters.
    """
    state = model.state(theta)
    weights = data.observed / np.maximum(state.bins, 1e-3) - 1.0
    curvature = np.zeros(model.cells.n_parameters)
    for parameter, by_bin in model.cells.mean_effects(state):
        curvature[parameter] += weights @ by_bin
    return _SHARPEST * curvature[: len(theta)] * model.parameters.width**2
