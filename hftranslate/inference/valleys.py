"""Other minima of many fits at once: what the search of one fit does along profiles, as arrays.

See :mod:`hftranslate.inference.second_minima`, whose numbers these are. The covariances of minima are those of the
quadratic models that the fits used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.second_minima import (
    _APART,
    _BAD,
    _BENT,
    _CANDIDATES,
    _DISTANCES,
    _LOWER,
    _MIRRORED,
    _PROFILES,
    _SHALLOW,
    _SHARPEST,
    _STARTS,
    is_small,
    valleys,
)
from hftranslate.inference.together import Ends, Fits, Linearity, fit_together
from hftranslate.likelihood.model import Model

#: How much closer to the minimum than asked for these fits end, for the EDM is that of a model.
_CLOSER = 0.1
#: Cells times parameters up to which matrices are dense and small enough for many fits at once.
_LARGEST_TOGETHER = 300_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def fit_many(model: Model, fits: Fits, *, tolerance: float, search: bool) -> Ends:
    """Minima of many data sets, and with ``search`` the lowest ones that a quick search finds.

    Where that would take more than a look along profiles, the fit counts as not converged.
    """
    ends = fit_together(model, fits, tolerance=_CLOSER * tolerance)
    if search:
        alone = _alone(model, fits, ends)
        ends.converged[alone] = False
        look = ends.converged & (ends.values > _LOWER)
        search_together(model, fits, ends, np.flatnonzero(look), tolerance=_CLOSER * tolerance)
    return ends


def worth_it(model: Model, fits: Fits, *, search: bool) -> bool:
    """Whether fits at once are faster than one by one.

    Not where Functions are evaluated point by point, where matrices are sparse or large, or where each minimum is
    followed by a search with clouds.
    """
    n, size = int(fits.free.sum()), len(model.cells.nominal) * len(model.parameters)
    small = is_small(n, n * len(model.cells.nominal))
    return n > 0 and not model.derived.expressions and size <= _LARGEST_TOGETHER and not (search and small)


def _alone(model: Model, fits: Fits, ends: Ends) -> NDArray[np.bool_]:
    """Which fits need more than a look along profiles: badly described data."""
    return ends.values > _BAD * model.cells.n_bins


def search_together(model: Model, fits: Fits, ends: Ends, which: Integers, *, tolerance: float) -> None:
    """Look for lower minima of some fits along profiles, and put what is found into their ends.

    A fit of which something was seen that leads to no minimum counts as not converged.
    """
    for _ in range(_PROFILES):
        owner, starts = _seen(model, fits, ends, which)
        if not len(owner):
            break
        found = fit_together(model, fits.chosen(owner, starts), tolerance=tolerance)
        ends.converged[owner[~found.converged]] = False
        order = np.argsort(-found.values, kind="stable")  # the lowest one last
        lower = order[found.converged[order] & (found.values[order] < ends.values[owner[order]] - _LOWER)]
        for i in lower:
            ends.put(owner[i], found, i)
        which = np.unique(owner[lower])
        which = which[ends.converged[which]]


def _seen(model: Model, fits: Fits, ends: Ends, which: Integers) -> tuple[Integers, Floats]:
    """Starts in other valleys, and the fit that each belongs to."""
    owners: list[int] = []
    starts: list[Floats] = []
    lines, chunk = Linearity.of(model, fits), max(fits.chunk(model) // 2, 1)
    for first in range(0, len(which), chunk):
        profiles = _Profiles.at(lines, ends, which[first : first + chunk])
        for i, start in profiles.starts() if profiles is not None else ():
            owners.append(i)
            starts.append(start)
    return np.array(owners, dtype=np.int64), np.array(starts).reshape(len(starts), len(model.parameters))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Profiles:
    """Profiles through the minima of fits, one for each candidate parameter.

    ``fit`` is the fit of each profile and ``theta`` its minimum, ``points`` those on both sides and the mirror image
    ``(n, 7, n_free)``, ``rise`` the NLL there above the minimum, ``parabola`` that of a single valley, ``(n, 7)``.
    """

    index: Integers
    fit: Integers
    theta: Floats
    points: Floats
    rise: Floats
    parabola: Floats

    @classmethod
    def at(cls, lines: Linearity, ends: Ends, which: Integers) -> "_Profiles | None":
        """Through the minima of some fits; ``None`` where nothing bends the NLL down."""
        model, index = lines.model, lines.index
        width, x = model.parameters.width[index], ends.thetas[which][:, index]
        bent = _downward_curvature(lines, ends, which)
        order = np.argsort(-bent, axis=1, kind="stable")[:, :_CANDIDATES]
        row, place = np.nonzero(np.take_along_axis(bent, order, axis=1) > _BENT)
        k = order[row, place]
        if not len(row):
            return None
        metric = lines.metric(which, lines.at(which, x), np.zeros(x.shape, dtype=np.bool_))
        unit = np.zeros((len(row), len(index)))
        each = np.arange(len(row))
        unit[each, k] = 1.0
        columns = metric.holding(row, np.zeros(unit.shape, dtype=np.bool_)).solve(unit)
        variance = columns[each, k]
        on = bent[row, k] * np.minimum(variance / np.maximum(width[k], 1e-150) ** 2, 1.0) > _BENT
        row, k, columns, variance = row[on], k[on], columns[on], variance[on]
        if not len(row):
            return None
        points, parabola = _places(lines, x[row], k, columns / variance[:, None], variance)
        theta = np.repeat(ends.thetas[which[row]], points.shape[1], axis=0)
        theta[:, index] = points.reshape(-1, len(index))
        values = _values(model, lines.fits, theta, np.repeat(which[row], points.shape[1]))
        return cls(
            index=index,
            fit=which[row],
            theta=ends.thetas[which[row]],
            points=points,
            rise=values.reshape(parabola.shape) - ends.values[which[row]][:, None],
            parabola=parabola,
        )

    def starts(self) -> Iterator[tuple[int, Floats]]:
        """Places from where a fit may end lower: mirror images first, then the lowest points on profiles."""
        mirrored = self.rise[:, -1] < _MIRRORED * self.parabola[:, -1]
        shallow = (self.rise[:, :-1] < _SHALLOW * self.parabola[:, :-1]).any(axis=1)
        for fit in np.unique(self.fit[mirrored | shallow]):
            rows = np.flatnonzero(self.fit == fit)
            images = [(r, -1) for r in rows[np.argsort(self.rise[rows, -1], kind="stable")] if mirrored[r]][:_STARTS]
            seen = valleys(self.rise[rows, :-1], self.parabola[rows, :-1])[: _STARTS - len(images)]
            for r, j in images + [(rows[i], j) for i, j in seen]:
                start = self.theta[r].copy()
                start[self.index] = self.points[r, j]
                yield int(fit), start


def _downward_curvature(lines: Linearity, ends: Ends, which: Integers) -> Floats:
    """:func:`~hftranslate.inference.second_minima.downward_curvature` of many fits, ``(n_fits, n_free)``."""
    model = lines.model
    state = model.cells.evaluate(np.ascontiguousarray(ends.thetas[which].T), order=0)
    weights = lines.fits.observed[which].T / np.maximum(state.bins, 1e-3) - 1.0
    effects = lines.places.mean_effects(state, weights)[lines.index].T
    bent: Floats = _SHARPEST * effects * model.parameters.width[lines.index] ** 2
    return bent


def _places(lines: Linearity, x: Floats, k: Integers, way: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """Points on profiles through ``x`` along ``way``, and mirror images of ``k``; the parabolas there.

    Where there is no mirror image, because it is too near or outside the range, it is ``x``, of no parabola.
    """
    p, (low, high), each = lines.model.parameters, lines.box, np.arange(len(k))
    steps = np.concatenate([-_DISTANCES, _DISTANCES])
    points = np.clip(x[:, None] + steps[:, None] * way[:, None], low, high)
    image = 2.0 * p.init[lines.index[k]] - x[each, k]
    apart = np.abs(image - x[each, k])
    far = (apart > _APART * p.width[lines.index[k]]) & (low[k] <= image) & (image <= high[k])
    mirrored = x.copy()
    mirrored[each, k] = np.where(far, image, x[each, k])
    distance = np.column_stack([np.tile(steps, (len(k), 1)), np.where(far, apart, 0.0)])
    return np.concatenate([points, mirrored[:, None]], axis=1), 0.5 * distance**2 / variance[:, None]


def _values(model: Model, fits: Fits, thetas: Floats, owner: Integers) -> Floats:
    """The NLL at many points, each with the data of its fit."""
    size = 2 * fits.chunk(model)
    blocks = [slice(first, first + size) for first in range(0, len(thetas), size)]
    parts = [model.excess_of_pairs(thetas[b], fits.observed[owner[b]], fits.auxdata[owner[b]]) for b in blocks]
    return np.concatenate(parts)
