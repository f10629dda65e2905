"""The likelihood of one data set as a function of its free parameters."""

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.low_rank import LowRank
from hftranslate.likelihood.cells import State
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.second_order import jacobian
from hftranslate.likelihood.sizes import unwarned
from hftranslate.records import record

Floats = NDArray[np.float64]

#: Free parameters up to which exact second derivatives cost no more than what takes their place.
_MANY = 50
#: How many times as many as bins they are then: a matrix of the bins is inverted in place of one that is factored.
_FAR_MORE = 2
#: Where it has to fall on the straight way to a minimum that a point belongs to, but for rounding at the minimum, and
#: how far above it such a point may be.
_ON_THE_WAY, _ROUNDING, _NOT_FAR = np.linspace(0.0, 1.0, 9), 1e-9, 100.0


@record
class Problem:
    """The NLL above the saturated model by the parameters ``index``, within ``bounds (n_free, 2)``.

    The others stay where ``theta (n_parameters,)`` has them, which is also where a fit starts.
    """

    model: Model
    data: Data
    theta: Floats
    index: NDArray[np.int64]
    bounds: Floats

    @property
    def start(self) -> Floats:
        """The free parameters in ``theta``."""
        return self.theta[self.index]

    def full(self, x: Floats) -> Floats:
        """All parameters at a point ``(..., n_free)``."""
        if x.ndim == 1:  # in a quarter of the time
            theta = self.theta.copy()
            theta[self.index] = x
        else:
            theta = np.tile(self.theta, (*x.shape[:-1], 1))
            theta[..., self.index] = x
        return theta

    def inside(self, x: Floats) -> Floats:
        """The nearest point within the bounds."""
        return np.minimum(np.maximum(x, self.bounds[:, 0]), self.bounds[:, 1])

    def unit(self, part: float) -> Floats:
        """A size for steps along each parameter: its prior uncertainty, or for free ones a part of where it starts."""
        widths = self.model.parameters.width[self.index]
        return np.where(widths > 0.0, widths, np.maximum(part * np.abs(self.start), 0.1))

    def value(self, x: Floats) -> float:
        """The function, infinite outside its domain."""
        return self.model.excess_nll(self.full(x), self.data)

    def values(self, x: Floats) -> Floats:
        """The function at many points ``(n_points, n_free)``."""
        return self.model.excess_of_many(self.full(x), self.data)

    def falls_straight(self, x: Floats, values: Floats, minima: Floats, lowest: Floats) -> NDArray[np.bool_]:
        """Whether it falls all the way from points ``(n, n_free)`` straight to minima ``(m, n_free)``, ``(n, m)``.

        With their values ``(n,)`` and ``(m,)``; on a way from far above, the fall would hide what lies between.
        """
        falls: NDArray[np.bool_] = values[:, None] < lowest + _NOT_FAR
        points, ends = falls.nonzero()
        if points.size:
            ways = x[points] + _ON_THE_WAY[:, None, None] * (minima[ends] - x[points])
            between = self.values(ways.reshape(-1, x.shape[1])).reshape(ways.shape[:-1])
            falls[points, ends] = (np.diff(between, axis=0) < _ROUNDING).all(axis=0)
        return falls

    def gradient(self, x: Floats) -> Floats:
        """Its gradient; NaN outside the domain."""
        return self.value_and_gradient(x)[1]

    def value_and_gradient(self, x: Floats) -> tuple[float, Floats]:
        """Both at once."""
        value, gradient = self.model.excess_and_gradient(self.full(x), self.data)
        return value, gradient[self.index]

    def expand(self, x: Floats) -> tuple[float, Floats, Floats]:
        """Value, gradient and Hessian; the value is infinite where derivatives are beyond the range of numbers."""
        value, gradient, hessian = self.model.expansion(self.full(x), self.data)
        if len(self.index) < len(gradient):
            gradient, hessian = gradient[self.index], hessian[self.index[:, None], self.index]
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            value = np.inf  # no step leads from there
        return value, gradient, hessian

    def convex(self, x: Floats) -> Floats:
        """The Hessian without what may be negative in it."""
        return self.model.convex_hessian(self.full(x), self.data)[np.ix_(self.index, self.index)]

    @property
    def few_bins(self) -> bool:
        """Whether there are many free parameters, and far fewer bins: their rank is then less work."""
        n = len(self.index)
        return n > _MANY and n > _FAR_MORE * len(self.data.observed)

    @unwarned
    def rough(self, x: Floats) -> tuple[float, Floats, LowRank]:
        """Value, gradient, and the Hessian at the rank of the bins; the value is infinite where they are no numbers."""
        theta, model, data = self.full(x), self.model, self.data
        state = model.cells.evaluated(model.derived.extend(theta), 2)
        constraints, first, diagonal = model.constraints.expanded(theta, data.auxdata, 2)
        value = model.excess_of(state, constraints, data)
        slopes, low_rank = self.low_rank(theta, state, diagonal)
        gradient = model.slopes_by_bin(state, data).dot(slopes) + first[self.index]
        good = np.isfinite(gradient).all() and np.isfinite(low_rank.root).all()
        return value if good else np.inf, gradient, low_rank

    @unwarned
    def low_rank(self, theta: Floats, state: State, diagonal: Floats) -> tuple[Floats, LowRank]:
        """Derivatives of the yields, ``(n_bins, n_free)``, and the Hessian as far as its rank is that of the bins.

        Parameters
        ----------
        theta, state, diagonal
            a point, the yields with two derivatives, and the second derivatives of the constraints,
            ``(n_parameters,)``.
        """
        model, nu = self.model, np.maximum(state.bins, 1e-9)
        cells, derived = model.cells, model.derived
        bends = cells.own_curvature(state, model.slopes_by_bin(state, self.data))
        diagonal = diagonal + derived.bends(theta[None], bends[None, None])[0, 0]
        slopes = derived.rows(theta, jacobian(cells, state)).take(self.index, axis=1)
        width = model.parameters.width[self.index]
        return slopes, LowRank.of(slopes, self.data.observed / nu / nu, diagonal[self.index], width)

    def edm(self, x: Floats) -> float:
        """``g^T H^-1 g / 2`` over the parameters that no bound holds."""
        value, g, hessian = self.expand(x)
        if not np.isfinite(value):
            return np.inf
        held = ((x <= self.bounds[:, 0]) & (g > 0.0)) | ((x >= self.bounds[:, 1]) & (g < 0.0))
        i = np.flatnonzero(~held)
        curvature = np.abs(np.diagonal(hessian))[i]  # in these units no parameter is lost beside a large one
        unit = 1.0 / np.sqrt(np.where(curvature > 0.0, curvature, 1.0))
        scaled, slope = hessian[np.ix_(i, i)] * unit[:, None] * unit, g[i] * unit
        if not (np.isfinite(scaled).all() and np.isfinite(slope).all()):
            return np.inf
        step = np.linalg.lstsq(scaled, slope, rcond=None)[0]
        return 0.5 * abs(float(slope @ step))
