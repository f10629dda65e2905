"""Other minima of many fits at once: what the search of one fit does along profiles, and by exchanges, as arrays.

See :mod:`hftranslate.inference.second_minima`, whose numbers these are. The covariances of minima are those of the
quadratic models that the fits used.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.exchanges import HIGHEST, Exchanges, factors_of, shared_otherwise
from hftranslate.inference.low_rank import Metric
from hftranslate.inference.outlook import SHARPEST
from hftranslate.inference.second_minima import (
    _BAD,
    _DIFFICULT,
    _LOWER,
    _PROFILES,
    _VANISHING,
    is_small,
    suspicious,
)
from hftranslate.inference.sights import BENT, CANDIDATES, Minima
from hftranslate.inference.together import Ends, Fits, Known, Linearity, fit_together
from hftranslate.likelihood.cells import State
from hftranslate.likelihood.model import Linearised, Model
from hftranslate.likelihood.sizes import unwarned

#: How much closer to the minimum than asked for these fits end, for the EDM is that of a model.
_CLOSER = 0.1
#: Cells times parameters up to which matrices are dense and small enough for many fits at once.
_LARGEST_TOGETHER = 300_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@unwarned
def fit_many(model: Model, fits: Fits, *, tolerance: float, search: bool) -> Ends:
    """Minima of many data sets, and with ``search`` the lowest ones that a quick search finds.

    Where that would take more than such a look, the fit counts as not converged.
    """
    ends = fit_together(model, fits, tolerance=_CLOSER * tolerance)
    if search:
        alone = _alone(model, fits, ends)
        ends.converged[alone] = False
        look = ends.converged & (ends.values > _LOWER)
        search_together(model, fits, ends, np.flatnonzero(look), tolerance=_CLOSER * tolerance)
    return ends


def worth_it(model: Model, fits: Fits) -> bool:
    """Whether fits at once are faster than one by one: not where matrices are sparse or large.

    Nor where Functions make each of them search.
    """
    size = len(model.cells.nominal) * len(model.parameters)
    return bool(fits.free.any()) and not model.derived.curved and size <= _LARGEST_TOGETHER


def _alone(model: Model, fits: Fits, ends: Ends) -> NDArray[np.bool_]:
    """Which fits need more than a look along profiles: badly described data, and small models of which one suspects."""
    alone = ends.values > _BAD * model.cells.n_bins
    n = int(fits.free.sum())
    if is_small(n, n * len(model.cells.nominal)):
        alone |= ends.iterations > _DIFFICULT
        lines, chunk = Linearity.of(model, fits), fits.chunk(model)
        rest = np.flatnonzero(ends.converged & ~alone)
        for first in range(0, len(rest), chunk):
            here = _Ended(lines=lines, ends=ends, which=rest[first : first + chunk])
            alone[here.which] = here.suspected()
    return alone


@unwarned
def search_together(model: Model, fits: Fits, ends: Ends, which: Integers, *, tolerance: float) -> None:
    """Look for lower minima of some fits along profiles and by exchanges, and put what is found into their ends.

    A fit of which something was seen that leads to no minimum counts as not converged.
    """
    for _ in range(_PROFILES):
        owner, starts = _seen(model, fits, ends, which)
        if not len(owner):
            break
        known = Known(thetas=ends.thetas[owner], values=ends.values[owner] - _LOWER)
        found = fit_together(model, fits.chosen(owner, starts), tolerance=tolerance, known=known)
        ends.converged[owner[~found.converged]] = False
        order = np.argsort(-found.values, kind="stable")  # the lowest one last
        lower = order[found.converged[order] & (found.values[order] < ends.values[owner[order]] - _LOWER)]
        for i in lower.tolist():
            ends.put(owner[i], found, i)
        which = np.unique(owner[lower])
        which = which[ends.converged[which]]


def _seen(model: Model, fits: Fits, ends: Ends, which: Integers) -> tuple[Integers, Floats]:
    """Starts in other valleys, and the fit that each belongs to."""
    owners: list[int] = []
    starts: list[Floats] = []
    lines, chunk = Linearity.of(model, fits), max(fits.chunk(model) // 2, 1)
    for first in range(0, len(which), chunk):
        here = _Ended(lines=lines, ends=ends, which=which[first : first + chunk])
        for i, start in chain(here.sights(), here.exchanges(), here.sharings()):
            theta = here.thetas[i].copy()
            theta[lines.index] = start
            owners.append(here.which[i])
            starts.append(theta)
    return np.array(owners, dtype=np.int64), np.array(starts).reshape(len(starts), len(model.parameters))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ended:
    """Some fits where they ended, and what is known there; of what nobody asks for nothing is computed."""

    lines: Linearity
    ends: Ends
    which: Integers

    @cached_property
    def thetas(self) -> Floats:
        """All parameters, ``(n, n_parameters)``."""
        return self.ends.thetas[self.which]

    @cached_property
    def x(self) -> Floats:
        """The free ones, ``(n, n_free)``."""
        return self.thetas[:, self.lines.index]

    @cached_property
    def held(self) -> NDArray[np.bool_]:
        """What single fits hold, ``(n, n_free)``."""
        return self.lines.held(self.which, self.x, np.zeros(self.x.shape))

    @cached_property
    def linearised(self) -> Linearised:
        return self.lines.at(self.which, self.x)

    @cached_property
    def metric(self) -> Metric:
        return self.lines.metric(self.which, self.linearised, self.held)

    @cached_property
    def state(self) -> State:
        """The yields."""
        model = self.lines.model
        return model.cells.evaluate(np.ascontiguousarray(model.derived.extend(self.thetas).T), order=0)

    @cached_property
    def effects(self) -> Floats:
        """Mean effects of the free parameters on the bins, ``(n, n_bins, n_free)``."""
        derived = self.lines.model.derived
        effects = derived.bends(self.thetas, self.lines.places.mean_effects(self.state))
        every = len(self.lines.index) == effects.shape[2]
        return effects if every else effects[:, :, self.lines.index]

    @cached_property
    def bent(self) -> Floats:
        """Downward curvature along each parameter, in units of that of its constraint, ``(n, n_free)``."""
        index, observed = self.lines.index, self.lines.fits.observed[self.which]
        weights = observed / np.maximum(self.state.bins.T, 1e-3) - 1.0
        pulls = (weights[:, None] @ self.effects)[:, 0]
        return np.where(self.held, 0.0, SHARPEST * pulls * self.lines.model.parameters.width[index] ** 2)

    def suspected(self) -> NDArray[np.bool_]:
        """Whether a small model gets clouds there."""
        p, index = self.lines.model.parameters, self.lines.index
        init, free = p.init[index], p.width[index] == 0.0
        vanish = free & (np.abs(self.x) < _VANISHING * np.abs(init))
        strong, uneven = self._effects(np.arange(len(self.which)), self.x)
        if len(some := np.flatnonzero(vanish.any(axis=1))):
            there = self._effects(some, np.clip(np.where(vanish, init, self.x)[some], *self.lines.box))
            strong[some], uneven[some] = np.maximum(strong[some], there[0]), np.maximum(uneven[some], there[1])
        hidden = vanish.any(axis=1) & (int(free.sum()) > 1)
        once, twice = suspicious(strong, uneven, self.bent.max(axis=1, initial=0.0), hidden)
        return np.asarray(once | twice)

    def _effects(self, rows: Integers, x: Floats) -> tuple[Floats, Floats]:
        """The strongest and the most uneven effects at points ``(n_rows, n_free)``."""
        model, index = self.lines.model, self.lines.index
        thetas = self.thetas[rows]
        thetas[:, index] = x
        state = model.cells.evaluate(np.ascontiguousarray(model.derived.extend(thetas).T), order=0)
        own = model.systematics[index]
        jacobian = self.lines.at(self.which[rows], x).jacobian[:, :, own] * model.parameters.width[index[own]]
        strong = np.abs(jacobian) / np.maximum(state.bins.T, 0.5)[..., None]
        return strong.max(axis=(1, 2), initial=0.0), self.lines.places.unevenness(state)

    def sights(self) -> Iterable[tuple[int, Floats]]:
        """Other valleys that are seen from there along profiles: which fit, and where."""
        model, index, fits = self.lines.model, self.lines.index, self.lines.fits
        observed, auxdata = fits.observed[self.which], fits.auxdata[self.which]
        width, bent = model.parameters.width[index], self.bent
        order = np.argsort(-bent, axis=1, kind="stable")[:, :CANDIDATES]
        fit, place = np.nonzero(np.take_along_axis(bent, order, axis=1) > BENT)
        k = order[fit, place]
        if not len(fit):
            return ()
        columns = self.metric.columns(fit, k)
        variance = columns[np.arange(len(k)), k]
        on = bent[fit, k] * np.minimum(variance / np.maximum(width[k], 1e-150) ** 2, 1.0) > BENT
        minima = Minima(
            model=model,
            index=index,
            bounds=fits.bounds[index],
            thetas=self.thetas,
            values=self.ends.values[self.which],
            state=self.state,
            jacobian=self.linearised.jacobian,
            observed=observed,
            auxdata=auxdata,
            constraints=model.constraints.derivatives(self.thetas, auxdata),
        )
        fit, k = fit[on], k[on]
        return minima.sights(fit, k, columns[on], self.effects[fit, :, k])

    def exchanges(self) -> Iterable[tuple[int, Floats]]:
        """Where free factors have changed places: which fit, and where."""
        model, index, fits = self.lines.model, self.lines.index, self.lines.fits
        factors = factors_of(model, index)
        if not len(factors):
            return ()
        each, n = np.arange(len(self.which)), len(factors)
        columns = self.metric.columns(np.repeat(each, n), np.tile(factors, len(each))).reshape(len(each), n, -1)
        columns[self.held[:, factors]] = 0.0
        fit, starts = Exchanges.of(model, index, factors, columns).starts(self.x, fits.bounds[index])
        if not len(fit):
            return ()
        points, which = self.thetas[fit], self.which[fit]
        points[:, index] = starts
        values = model.excess_of_pairs(points, fits.observed[which], fits.auxdata[which])
        low = values < self.ends.values[which] + HIGHEST
        return zip(fit[low].tolist(), starts[low], strict=True)

    def sharings(self) -> Iterable[tuple[int, Floats]]:
        """Where factors of one bin have shared what it lacks otherwise: which fit, and where."""
        model, fits = self.lines.model, self.lines.fits
        observed, auxdata = fits.observed[self.which], fits.auxdata[self.which]
        fit, points, most = shared_otherwise(model, fits.free_in(self.which), self.thetas, observed, auxdata)
        if not len(fit):
            return ()
        values = model.excess_of_pairs(points, observed[fit], auxdata[fit])
        low = values < self.ends.values[self.which[fit]] + most
        return zip(fit[low].tolist(), points[low][:, self.lines.index], strict=True)
