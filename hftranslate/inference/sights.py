"""Where profiles through minima show other valleys: of one fit, or of many at once.

To first order the profile through a minimum with the covariance ``V`` is a straight line, ``theta(a) = theta_0 + V_k (a
- theta_0k) / V_kk``; along it the NLL of a single valley rises about as the parabola ``(a - theta_0k)^2 / (2 V_kk)``.
Where it stays far below, there or at the parameter's mirror image, a new fit may start.

Most profiles show nothing, and most of their points need not be evaluated to see that: it takes the yields of the bins
to first order, and what bends them along that parameter, which is its uneven effect times the curve of code4p, about.
Only points that are low so are evaluated in full.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.cells import State
from hftranslate.likelihood.interpolation import curve_code4p
from hftranslate.likelihood.model import Model, excess_of_bins
from hftranslate.records import record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

#: Downward curvature, in units of that of the constraint, above which a profile is looked at: less than the one needed,
#: for it is known at the minimum only.
BENT = 0.2
#: At most so many profiles of a minimum are looked at, those of the largest downward curvature.
CANDIDATES = 20
#: Distances along the profile, in units of the parameter, at which it is looked at on both sides.
_DISTANCES = np.array([0.85, 1.2, 1.8])
_STEPS = np.concatenate([-_DISTANCES, _DISTANCES])
#: A new fit starts where the NLL is below this fraction of the parabola, and from so many places at most.
_SHALLOW, _STARTS = 0.36, 2
#: The mirror image has to be far better than one on a parabola, and this far away in units of the parameter.
_MIRRORED, _APART = 0.1, 0.3
_FRACTIONS = np.append(np.full(len(_STEPS), _SHALLOW), _MIRRORED)
#: How much larger such a fraction may be to first order, about.
_ROUGHLY = 1.75
#: Factors at one standard deviation that grow too fast for that.
_WILD = 5.0
#: The least part of its events that a bin keeps so.
_LEAST = 0.05
#: Points, and points times cells or factors, that are evaluated at once: they stay near the processor.
_MOST, _CHUNK = 256, 50_000


@record
class Minima:
    """Minima of fits of one model, with all that is known there.

    Attributes
    ----------
    index, bounds
        the free parameters, and their ranges ``(n_free, 2)``.
    thetas, values
        all parameters ``(n, n_parameters)``, and the NLL above that of the saturated model ``(n,)``.
    state, jacobian
        the yields there, as those of many points, and their derivatives by the free parameters ``(n, n_bins, n_free)``.
    observed, auxdata
        the data of each fit.
    constraints
        gradients of the constraints, and their second derivatives, ``(n, n_parameters)``.
    """

    model: Model
    index: Integers
    bounds: Floats
    thetas: Floats
    values: Floats
    state: State
    jacobian: Floats
    observed: Floats
    auxdata: Floats
    constraints: tuple[Floats, Floats]

    def sights(
        self, fit: Integers, parameter: Integers, columns: Floats, effects: Floats
    ) -> Iterator[tuple[int, Floats]]:
        """Places from where a fit may end lower: mirror images first, then the lowest points on profiles.

        Parameters
        ----------
        fit, parameter
            the minimum ``(n,)`` that each profile goes through, those through one together, and its place among the
            free parameters.
        columns
            of the covariance there for that parameter, ``(n, n_free)``.
        effects
            its uneven effect on the bins, ``(n, n_bins)``: the mean of those at -1 and +1.

        Returns
        -------
        iterator
            minima, and points ``(n_free,)``, lowest first for each minimum.
        """
        if not len(fit):
            return
        perhaps = self._perhaps(fit, parameter, columns, effects)
        some = np.flatnonzero(perhaps.any(axis=1))
        if not some.size:
            return
        fit, parameter, columns = fit[some], parameter[some], columns[some]
        variance = columns[np.arange(len(fit)), parameter]
        parabola = self._parabolas(fit, parameter, variance)
        row, place = np.nonzero((parabola > 0.0) & perhaps[some])
        points = self._points(fit[row], parameter[row], columns[row] / variance[row, None], place)
        rise, number, shallow = np.full(parabola.shape, np.inf), np.zeros(parabola.shape, int), _FRACTIONS * parabola
        rise[row, place] = self.rises(fit[row], points, shallow[row, place])
        number[row, place] = np.arange(len(row))
        low = rise < shallow
        any_low = low.any(axis=1)
        fit, number, rise = fit[any_low], number[any_low], np.where(low, rise, np.inf)[any_low]
        for one in sorted(set(fit.tolist())):
            rows = np.flatnonzero(fit == one)
            images = [r for r in rows[np.argsort(rise[rows, -1], kind="stable")] if rise[r, -1] < np.inf][:_STARTS]
            others = valleys(rise[rows, :-1])[: _STARTS - len(images)]
            for r, j in [(r, -1) for r in images] + [(rows[i], j) for i, j in others]:
                yield one, points[number[r, j]]

    def _perhaps(self, fit: Integers, k: Integers, columns: Floats, effects: Floats) -> Booleans:
        """Where profiles may be low, ``(n, 7)``: by what bends the yields along ``k``, the others to first order.

        Anywhere, where that tells little: beyond a clip, with Functions, and where factors grow fast.
        """
        cells = self.model.cells
        if cells.clipped is not None or self.model.derived.names:
            return np.ones((len(fit), len(_FRACTIONS)), dtype=np.bool_)
        each, (low, high) = np.arange(len(fit)), self.bounds.T[:, k, None]
        variance, init = columns[each, k], self.model.parameters.init[self.index[k]]
        x, nu, n = self.thetas[fit, self.index[k]], np.maximum(self.state.bins.T[fit], 1e-9), self.observed[fit]
        way, image = columns / variance[:, None], 2.0 * (init - x)
        others = np.empty(nu.shape)
        ends = np.searchsorted(fit, np.arange(len(self.thetas) + 1)).tolist()
        for one, (first, last) in enumerate(pairwise(ends)):
            if first < last:
                np.matmul(way[first:last], self.jacobian[one].T, out=others[first:last])
        slopes, bent = self.jacobian[fit, :, k] / nu, effects / nu
        steps = self._distances(image)
        steps[:, :-1] = np.minimum(np.maximum(x[:, None] + steps[:, :-1], low), high) - x[:, None]
        (before, slope), (after,) = curve_code4p(x, 1), curve_code4p(x[:, None] + steps, 0)
        ratios = steps[..., None] * (slopes - bent * slope[:, None])[:, None]
        ratios += (after - before[:, None])[..., None] * bent[:, None]
        ratios += 1.0
        np.maximum(ratios, _LEAST, out=ratios)
        follow = 1.0 + steps[:, :-1, None] * (others / nu - slopes)[:, None]  # the others stay at the mirror image
        ratios[:, :-1] *= np.maximum(follow, _LEAST)
        rise = (((ratios - 1.0) @ nu[..., None]) - (np.log(ratios) @ n[..., None]))[..., 0]
        gradient, curvatures = (d[:, self.index] for d in self.constraints)
        first, second = np.vecdot(gradient[fit], way)[:, None], np.vecdot(curvatures[fit], way * way)[:, None]
        rise[:, :-1] += steps[:, :-1] * (first + 0.5 * second * steps[:, :-1])
        rise[:, -1] += image * (gradient[fit, k] + 0.5 * curvatures[fit, k] * image)
        parabola = 0.5 * self._distances(image) ** 2 / variance[:, None]
        m, wild = cells.multiplicative, np.zeros(cells.n_parameters, dtype=np.bool_)
        wild[m.parameter[np.maximum(m.lo, m.hi) > _WILD]] = True
        return ~(rise >= _ROUGHLY * _FRACTIONS * parabola) | wild[self.index[k], None]

    @staticmethod
    def _distances(image: Floats) -> Floats:
        """How far along each profile the places are, of which the last is the mirror image, ``(n, 7)``."""
        distances = np.empty((len(image), len(_FRACTIONS)))
        distances[:, :-1], distances[:, -1] = _STEPS, image
        return distances

    def _parabolas(self, fit: Integers, k: Integers, variance: Floats) -> Floats:
        """The rise of parabolas at the places on profiles and at mirror images of ``k``, ``(n, 7)``.

        Where there is no mirror image, because it is too near or outside the range, it is zero.
        """
        (low, high), image = self.bounds.T[:, k], self._images(fit, k)
        apart = np.abs(image - self.thetas[fit, self.index[k]])
        far = (apart > _APART * self.model.parameters.width[self.index[k]]) & (low <= image) & (image <= high)
        parabolas: Floats = 0.5 * self._distances(np.where(far, apart, 0.0)) ** 2 / variance[:, None]
        return parabolas

    def _images(self, fit: Integers, k: Integers) -> Floats:
        """The mirror images of parameters, ``(n,)``."""
        images: Floats = 2.0 * self.model.parameters.init[self.index[k]] - self.thetas[fit, self.index[k]]
        return images

    def _points(self, fit: Integers, k: Integers, way: Floats, place: Integers) -> Floats:
        """Points ``(n, n_free)`` on profiles along ``way``, or the mirror image of ``k``, each at one of the places."""
        low, high = self.bounds.T
        x, image = self.thetas[fit][:, self.index], np.flatnonzero(place == len(_STEPS))
        points: Floats = np.clip(x + np.append(_STEPS, 0.0)[place, None] * way, low, high)
        points[image] = x[image]
        points[image, k[image]] = self._images(fit[image], k[image])
        return points

    def rises(self, owner: Integers, points: Floats, most: Floats | float) -> Floats:
        """How far the NLL at points ``(n, n_free)`` is above that of the minima they belong to, ``(n,)``.

        Infinite where the constraints alone are as far above as ``most``, for what bins add is not negative.
        """
        size = max(len(self.model.cells.nominal), len(self.model.cells.multiplicative.row))
        chunk = min(_CHUNK // size + 1, _MOST)
        rises, thetas = np.full(len(owner), np.inf), self.thetas[owner]
        if not len(owner):
            return rises
        thetas[:, self.index] = points
        above = self.model.constraints.excess_of_many(thetas, self.auxdata[owner]) - self.values[owner]
        possible = np.flatnonzero(above < most)
        for first in range(0, len(possible), chunk):
            some = possible[first : first + chunk]
            rates = np.ascontiguousarray(self.model.rates_of_many(thetas[some]))
            rises[some] = excess_of_bins(rates, self.observed[owner[some]]) + above[some]
        return rises


def valleys(rise: Floats) -> list[tuple[int, int]]:
    """The lowest place on each side of each line, where any is finite, lowest first."""
    half = len(_DISTANCES)
    found = []
    for side in (0, half):
        place = side + np.argmin(rise[:, side : side + half], axis=1)
        found += [(i, int(j)) for i, j in enumerate(place) if np.isfinite(rise[i, j])]
    return sorted(found, key=lambda at: rise[at])
