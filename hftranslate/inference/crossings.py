"""Steps of many fits that are brought back within the bounds of parameters, and to where no yield is negative."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.low_rank import Metric, along, back
from hftranslate.likelihood.model import Linearised

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Integers = NDArray[np.int64]

#: How often what a step takes beyond its bounds is put there, and the rest moved anew.
_CROSSINGS = 6
#: The part of its yield that a bin keeps which a step would empty.
KEPT = 0.1


@dataclass(slots=True, kw_only=True)
class Within:
    """Steps that are brought back within the bounds of parameters, and to where no ``empty`` bin is below zero.

    What is met first on the way is ``held``, or ``emptied``, and the others move anew: they may not meet theirs, then.
    """

    x: Floats
    gradient: Floats
    here: Linearised
    metric: Metric
    box: tuple[Floats, Floats]
    step: Floats
    held: Booleans
    empty: Booleans

    emptied: Booleans = field(init=False)

    def __post_init__(self) -> None:
        self.emptied = np.zeros_like(self.empty)

    def go(self) -> None:
        """Bring all of them back."""
        target, (low, high) = self.x + self.step, self.box
        over = ((target < low) | (target > high)) & ~self.held
        emptying = self.empty & (-along(self.here.jacobian, self.step) > (1.0 - KEPT) * self.here.rates)
        rows = np.flatnonzero(over.any(axis=1) | emptying.any(axis=1))
        moved = np.zeros_like(self.step)
        for _ in range(_CROSSINGS):
            first, room, over, emptying = self._met(rows)
            crossing = np.isfinite(first)
            if not crossing.any():
                break
            rows, room, over = rows[crossing], room[crossing], over[crossing]
            self.held[rows] |= over
            self.emptied[rows] |= emptying[crossing]
            moved[rows] = np.where(over, room, moved[rows])
            metric, held, emptied = self.emptying(rows), self.held[rows], self.emptied[rows]
            lost = along(metric.jacobian, moved[rows])
            pull = self.gradient[rows] + back(metric.jacobian, self.metric.roots[rows] ** 2 * lost)
            lost += (1.0 - KEPT) * self.here.rates[rows]
            step = -metric.solve(np.where(held, 0.0, pull), np.where(emptied, lost, 0.0))
            self.step[rows] = np.where(held, moved[rows], step)

    def emptying(self, rows: Integers) -> Metric:
        """The quadratic models of some of them with what is held and emptied."""
        return self.metric.emptying(rows, self.held[rows], self.emptied[rows])

    def pushed_there(self, rows: Integers, tolerance: float) -> Booleans:
        """Whether the function pushes what is held against its bound, and what is emptied to nothing.

        Within what is left below a tolerance of the EDM.
        """
        metric, held, emptied, step = self.emptying(rows), self.held[rows], self.emptied[rows], self.step[rows]
        bends = back(metric.jacobian, self.metric.roots[rows] ** 2 * along(metric.jacobian, step))
        slope = self.gradient[rows] + metric.diagonal * step + bends
        forces = np.where(emptied, metric.forces(np.where(held, 0.0, slope)), 0.0)
        slope = slope - back(metric.jacobian, forces)
        x, (low, high) = self.x[rows] + step, self.box
        inward = held & (((x <= low) & (slope < 0.0)) | ((x >= high) & (slope > 0.0)))
        gains = slope**2 > 2.0 * tolerance * metric.diagonal
        pulled: Booleans = np.any(inward & gains, axis=1) | np.any(forces < 0.0, axis=1)
        return ~pulled

    def _met(self, rows: Integers) -> tuple[Floats, Floats, Booleans, Booleans]:
        """The part of each step up to what it meets first, the room up to bounds, and what is met then."""
        x, step, rates = self.x[rows], self.step[rows], self.here.rates[rows]
        target = x + step
        over = ((target < self.box[0]) | (target > self.box[1])) & ~self.held[rows]
        room = np.clip(target, *self.box) - x
        to_bounds = np.where(over, room / np.where(over, step, 1.0), np.inf)
        to_nothing = np.full(rates.shape, np.inf)
        fit, bin = np.nonzero(self.empty[rows] & ~self.emptied[rows])
        loss = -np.einsum("ni,ni->n", self.here.jacobian[rows[fit], bin], step[fit])
        room_down = (1.0 - KEPT) * rates[fit, bin]
        emptying = loss > room_down
        to_nothing[fit[emptying], bin[emptying]] = room_down[emptying] / loss[emptying]
        first = np.minimum(to_bounds.min(axis=1, initial=np.inf), to_nothing.min(axis=1, initial=np.inf))
        at_nothing = np.isfinite(to_nothing) & (to_nothing <= first[:, None])
        return first, room, over & (to_bounds <= first[:, None]), at_nothing
