"""Two likelihoods at the same points of their parameters: what every comparison of likelihoods is made of."""

from collections.abc import Callable
from random import Random
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.constraints import Constraints
from hftranslate.likelihood.model import Data, Model, excess_of_bins
from hftranslate.records import record

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

#: Parameter points evaluated at once: enough to be fast, and few enough to need little memory.
_BLOCK = 32
#: So many parameters are moved alone; of more, several at once.
_MOVED_ALONE = 500
#: Rates below this fraction of the largest are compared as if they were as large.
_SMALLEST_RATE = 1e-9


@record
class Comparison:
    """Two likelihoods at ``points`` ``(n_points, n_parameters)`` of the first, the nominal one first.

    Attributes
    ----------
    change
        by how much the difference of the NLLs, in size, is another than at the first point where it is known,
        ``(n_points,)``; NaN where it is not.
    inside
        whether a point lies in the domain of both, ``(n_points,)``.
    outside
        number of points in the domain of one only.
    yields
        largest relative difference of the expected events of a bin; zero where they were not compared.
    """

    points: Floats
    change: Floats
    inside: NDArray[np.bool_]
    outside: int
    yields: float

    @property
    def largest(self) -> int | None:
        """The point of the largest change, if any was compared."""
        return largest_of(self.change)


def largest_of(change: Floats) -> int | None:
    """The place of the largest of changes, some of which are NaN; ``None`` where all are."""
    return None if np.all(np.isnan(change)) else int(np.nanargmax(change))


class Origin:
    """A likelihood at the points at which others are compared with it.

    Parameters
    ----------
    largest
        where both NLLs are larger they are not compared: their rounding would exceed what is looked for.
    """

    def __init__(self, model: Model, data: Data, n_random: int, seed: int, *, largest: float = np.inf) -> None:
        self.model, self.data, self.largest = model, data, largest
        nominal = model.parameters.init[None]
        self.points = np.concatenate([nominal, comparison_points(model, n_random, Random(seed))])
        self._excess: dict[int, Floats] = {}  # by first point, where the points are not changed for the other
        self._by_bins: tuple[Floats, bool] | None = None

    def compare(
        self,
        other: Model,
        data: Data,
        partner: Integers,
        *,
        bins: Integers | None = None,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> Comparison:
        """Compare another likelihood.

        Parameters
        ----------
        partner
            for each parameter of the other its place in this one, derived ones at the end; -1 where it has none.
        bins
            for each bin of the other its place in this one, where yields are to be compared, too.
        progress
            is told how many points are done, of how many.
        """
        model, n = self.model, len(self.points)
        moving = (partner >= 0) & ~other.parameters.fixed  # what is constant there stays at its value there
        idle = _idle(model, other, partner)
        points = self.points.copy() if idle else self.points
        points[:, idle] = model.parameters.init[idle]
        differences, inside = np.full(n, np.nan), np.zeros(n, dtype=bool)
        outside, yields = 0, 0.0
        for start in range(0, n, _BLOCK):
            progress(start, n)
            here = slice(start, start + _BLOCK)
            block = points[here]
            there = np.repeat(other.parameters.init[None], len(block), axis=0)
            there[:, moving] = model.derived.extend(block)[:, partner[moving]]
            rates, others = model.rates_of_many(block) if bins is not None else None, other.rates_of_many(there)
            one = self._excess_at(None if idle else start, block, rates)
            two = other.excess_at(there, others, data)
            both = np.isfinite(one) & np.isfinite(two)
            inside[here] = both
            outside += int(np.sum(np.isfinite(one) != np.isfinite(two)))
            compared = both & (np.maximum(one, two) < self.largest)
            differences[here][compared] = one[compared] - two[compared]
            if bins is not None and rates is not None and np.any(both):
                yields = max(yields, _relative(rates[both][:, bins], others[both]))
        change = _change(differences)
        return Comparison(points=points, change=change, inside=inside, outside=outside, yields=yields)

    def is_clear(self, progress: Callable[[int, int], None] = lambda done, total: None) -> bool:
        """Whether no convention of clipping would change a rate at any of the points."""
        return self._bins(progress)[1]

    def compare_constraints(
        self, constraints: Constraints, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> Floats:
        """``change`` of :class:`Comparison` for a likelihood with the same parameters, rates and data.

        The rates cancel to the last digit; they only tell which points are inside.

        Parameters
        ----------
        constraints
            those of the other.
        progress
            is told how many points are done, of how many.
        """
        by_bins, _ = self._bins(progress)
        one, two = (c.excess_of_many(self.points, self.data.auxdata) for c in (self.model.constraints, constraints))
        compared = np.isfinite(by_bins + one) & np.isfinite(by_bins + two)
        compared &= by_bins + np.maximum(one, two) < self.largest
        return _change(np.where(compared, one, np.nan) - two)

    def _bins(self, progress: Callable[[int, int], None]) -> tuple[Floats, bool]:
        """The Poisson terms at all points, and :meth:`is_clear`."""
        if self._by_bins is None:
            cells, terms, clear = self.model.cells, [], True
            for start in range(0, len(self.points), _BLOCK):
                progress(start, len(self.points))
                block = self.model.derived.extend(self.points[start : start + _BLOCK])
                state = cells.evaluate(np.ascontiguousarray(block.T), order=0)
                terms.append(excess_of_bins(state.bins.T, self.data.observed))
                clear = clear and cells.is_clear(state)
            self._by_bins = np.concatenate(terms), clear
        return self._by_bins

    def _excess_at(self, start: int | None, block: Floats, rates: Floats | None) -> Floats:
        if start in self._excess:
            return self._excess[start]
        excess = self.model.excess_at(block, self.model.rates_of_many(block) if rates is None else rates, self.data)
        if start is not None:
            self._excess[start] = excess
        return excess


def _change(differences: Floats) -> Floats:
    """By how much differences of NLLs are another, in size, than the first that is known."""
    known = differences[~np.isnan(differences)]
    return np.abs(differences - known[0]) if known.size else differences


def _relative(rates: Floats, others: Floats) -> float:
    """Largest relative difference of rates ``(n_points, n_bins)``."""
    floor = _SMALLEST_RATE * np.max(np.abs(rates), axis=1, keepdims=True)
    scale = np.maximum(np.maximum(np.abs(rates), np.abs(others)), floor)
    relative = np.divide(np.abs(rates - others), scale, out=np.zeros_like(scale), where=scale > 0.0)
    return float(np.max(relative))


def acts(model: Model, i: np.intp | int) -> bool:
    """Whether a rate depends on a parameter."""
    theta = model.parameters.init.copy()
    before = model.rates(theta)
    theta[i] += 0.5 * model.parameters.width[i] or 0.5
    return not np.array_equal(before, model.rates(theta))


def _idle(a: Model, b: Model, partner: Integers) -> list[int]:
    """Parameters of ``a`` that are constant or absent in ``b`` and on which no rate depends (factors of empty bins)."""
    n = len(a.parameters)
    constant = {*partner[(partner >= 0) & b.parameters.fixed].tolist(), *range(n)} - set(
        partner[(partner < 0) | ~b.parameters.fixed].tolist()
    )
    constant -= {int(i) for derived in partner[partner >= n] for i in a.derived.leaves[derived - n]}
    return [i for i in sorted(constant) if i < n and not a.parameters.fixed[i] and not acts(a, i)]


def comparison_points(model: Model, n_random: int, rng: Random) -> Floats:
    """The points of a comparison but for the nominal one, ``(n_points, n_parameters)``.

    Of more than 500 parameters that are not constant several are moved together, so that any model takes a bounded
    number of points.
    """
    p = model.parameters
    moving = np.flatnonzero(~p.fixed)
    low, high = np.maximum(p.bounds[:, 0], p.init - 10.0), np.minimum(p.bounds[:, 1], p.init + 10.0)
    down = np.where(p.width > 0.0, 3.0 * p.width, 0.5 * (p.init - low))
    up = np.where(p.width > 0.0, 3.0 * p.width, 0.5 * (high - p.init))
    steps = p.init[:, None] + np.stack([-down, -down / 3.0, up / 3.0, up], axis=1)
    n_groups = min(len(moving), _MOVED_ALONE)
    n_alone = steps.shape[1] * n_groups
    points = np.repeat(p.init[None], n_alone + n_random, axis=0)
    alone = np.clip(steps, low[:, None], high[:, None])[moving]
    group = np.arange(len(moving)) * n_groups // max(len(moving), 1)
    for j, values in enumerate(alone.T):
        points[steps.shape[1] * group + j, moving] = values
    drawn = np.frombuffer(rng.randbytes(4 * n_random * len(moving)), dtype="<u4").reshape(n_random, len(moving))
    fractions = (2.0 * drawn / 2.0**32 - 1.0) / 3.0
    together = points[n_alone:]
    together[:, moving] += fractions * np.where(fractions > 0.0, up[moving], down[moving])
    points[n_alone:] = np.clip(together, low, high)
    return points
