"""Many points that go downhill together."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.low_rank import Metric, along, back
from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem
from hftranslate.likelihood.many import Slopes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

#: Rounds of steps, and the fraction of the points that go on after each: the lowest.
_PLAN = ((6, 0.5), (8, 0.5), (12, 1.0))
#: Lengths at which the function is looked at along a step.
_LENGTHS = np.array([1.0, 0.5, 0.2, 0.05, 0.01])
#: Widths of the distributions that points are drawn from, in units of the constraints.
_SCALES = (0.3, 0.6, 1.0, 1.5)
#: Widths of the distributions of the logarithms of free factors.
_FACTORS = (0.5, 1.0, 2.0, 4.0)
#: Part of the points that stay where the constraints alone do not exceed the NLL that is known.
_INSIDE = 0.25
#: Part of the points whose free parameters are anywhere near zero, of either sign.
_ANYWHERE = 0.25
#: How many parameters leave a minimum together while the others follow.
_AT_ONCE = (1, 1, 2, 3)
#: Twice the rise of the NLL below which a point is where it came from.
_NO_WAY = 1e-12
#: How often a point outside the domain goes half of the way to the known minimum; and while half of all are outside.
_PULLS, _MOST_PULLS = 3, 12
#: How many points go on that have come to one place, and how far apart these may be (twice a rise of the NLL).
_OF_A_PLACE, _SAME_PLACE = 4, 0.1
#: Steps that every other point begins with in which only its free factors move.
_FACTORS_FIRST = 3
#: Steps back that tell how much a point may still descend.
_MEMORY = 4


@dataclass(slots=True, kw_only=True)
class Cloud:
    """Points ``x (n_points, n)`` with their values, gradients and Fisher matrices, and how strongly each is damped.

    Those matrices are ``R^T R`` with ``root (n_points, n_bins, n)``, and a ``diagonal`` of the constraints. ``before``
    are the values of the last steps, ``ahead`` what the next one promises.
    """

    problem: Problem
    places: Slopes
    x: Floats
    value: Floats
    gradient: Floats
    root: Floats
    diagonal: Floats
    damping: Floats
    before: list[Floats]
    ahead: Floats

    @classmethod
    def around(cls, problem: Problem, known: End, n_points: int, rng: "np.random.Generator") -> "Cloud":
        """Points around the centres of the constraints, and where they let a minimum be lower than a known one."""
        p, model = problem.model.parameters, problem.model
        width, init = p.width[problem.index], p.init[problem.index]
        centres = model.constraints.centres(problem.data.auxdata)
        centres[model.constraints.gamma_parameter] = np.nan  # many of which hold their parameter on one side only
        centre = centres[problem.index]
        constrained = np.isfinite(centre)
        z = rng.normal(size=(n_points, len(init)))
        near = centre + width * z * rng.choice(_SCALES, size=(n_points, 1))
        radius = np.sqrt(2.0 * max(known.value, 0.05)) * np.sqrt(rng.random((n_points, 1)))
        length = np.linalg.norm(z[:, constrained], axis=1, keepdims=True)
        ball = centre + width * z * radius / np.maximum(length, 1e-300)
        inside = rng.random((n_points, 1)) < _INSIDE
        free = np.where(inside, known.x, init) * np.exp(z * rng.choice(_FACTORS, size=(n_points, 1)))
        free = np.where(rng.random((n_points, 1)) < _ANYWHERE, 3.0 * z, free)
        points = problem.inside(np.where(constrained, np.where(inside, ball, near), free))
        outside = np.arange(n_points)
        for pull in range(_MOST_PULLS):
            outside = outside[~np.isfinite(problem.values(points[outside]))]
            if pull >= _PULLS and len(outside) < 0.5 * n_points:
                break
            points[outside] = 0.5 * (points[outside] + known.x)
        return cls.at(problem, points)

    @classmethod
    def at(cls, problem: Problem, x: Floats) -> "Cloud":
        """Those of the points that lie within the domain."""
        places = Slopes.of(problem.model.cells)
        value, gradient, root, diagonal = _scored(problem, x, places)
        none = np.full(len(x), np.inf)
        cloud = cls(
            problem=problem, places=places, x=x, value=value, gradient=gradient, root=root, diagonal=diagonal,
            damping=np.full(len(x), 1e-3), before=[value], ahead=none,
        )  # fmt: skip
        cloud._keep(np.flatnonzero(np.isfinite(value)))
        return cloud

    @classmethod
    def on_ways(
        cls, problem: Problem, known: End, covariance: Floats, n_points: int, rng: "np.random.Generator"
    ) -> "Cloud":
        """Points around, and as many where up to three parameters are there and the others follow from a minimum.

        They follow to first order, as the covariance ``(n, n)`` of the minimum has it.
        """
        x = cls.around(problem, known, n_points, rng).x
        few = rng.random(x.shape).argsort(axis=1) < rng.choice(_AT_ONCE, size=(len(x), 1))
        lines = covariance / np.diagonal(covariance)[:, None]
        following = problem.inside(known.x + np.where(few, x - known.x, 0.0) @ lines)
        return cls.at(problem, np.concatenate([x, following]))

    def rise_from(self, x: Floats) -> Floats:
        """The slope at each point along the way from another place, as a fraction of the one on a parabola.

        That has the curvature of the expected information at the point, and its minimum at the other place.
        """
        way = self.x - x
        slope = np.sum(self.gradient * way, axis=1)
        expected = self._square(way)
        return np.where(expected > _NO_WAY, slope / np.maximum(expected, _NO_WAY), 1.0)

    def go_down(self, below: float, known: End | None = None) -> int:
        """Steps of Fisher's scoring, as long as any point may come below a value; those that end high stay behind.

        So do those that come to where several others are: some slow ones are on the way to somewhere else. Those from
        where the function falls straight to a known minimum are gone; returns how many.
        """
        back = 0
        for rounds, part in _PLAN:
            for _ in range(rounds):
                if len(self.before) > _MEMORY and not (self.within_reach() < below).any():
                    return back
                self._step()
            back += self._leave(known)
            order = np.argsort(self.value, kind="stable")
            crowded = self._crowded(order)
            self._keep(np.concatenate([order[~crowded], order[crowded]])[: int(np.ceil(part * len(self.x)))])
        return back

    def _leave(self, known: End | None) -> int:
        """Leave out what leads to a known minimum; how many do."""
        if known is None or not known.at_a_minimum:
            return 0
        falls = self.problem.falls_straight(self.x, self.value, known.x[None], np.array([known.value]))[:, 0]
        self._keep(np.flatnonzero(~falls))
        return int(np.sum(falls))

    def settle(self) -> None:
        """The first steps, in which every other point moves its free factors alone.

        These come to where the data want them with all else as it was drawn; otherwise they might lead that away first.
        """
        free = self.problem.model.parameters.width[self.problem.index] == 0.0
        if free.all() or not free.any():
            return
        still = np.zeros(self.x.shape, dtype=bool)
        still[::2] = ~free
        for _ in range(_FACTORS_FIRST):
            self._step(still)
        self.before = self.before[-1:]

    def _crowded(self, order: Integers) -> Booleans:
        """Which points, in an order, are where several earlier ones are, ``(n_points,)``."""
        x = self.x[order]
        apart = x[:, None] - x
        distance = np.sum((apart @ np.swapaxes(self.root[order], 1, 2)) ** 2, axis=2)
        distance += np.sum(self.diagonal[order][:, None] * apart**2, axis=2)
        crowded: Booleans = np.sum(np.tril(distance < _SAME_PLACE, -1), axis=1) >= _OF_A_PLACE
        return crowded

    def within_reach(self) -> Floats:
        """The values that the points may still come down to, judged by their last steps, ``(n_points,)``."""
        fell = self.before[-min(_MEMORY + 1, len(self.before))] - self.value
        reach: Floats = self.value - 2.0 * np.maximum(self.ahead, fell)
        return reach

    def distance(self, i: int, x: Floats) -> float:
        """How far another place is from a point, as twice the rise of its quadratic model; zero if it is not above."""
        way = self.x[i] - x
        of_bins = self.root[i] @ way
        return float(of_bins @ of_bins + self.diagonal[i] @ way**2)

    def _square(self, v: Floats) -> Floats:
        """``v^T F v`` for vectors ``(n_points, n)``, each with the matrix of its point, ``(n_points,)``."""
        square: Floats = np.sum(along(self.root, v) ** 2, axis=1) + np.sum(self.diagonal * v * v, axis=1)
        return square

    def _keep(self, which: Integers) -> None:
        for name in ("x", "value", "gradient", "root", "diagonal", "damping", "ahead"):
            setattr(self, name, getattr(self, name)[which])
        self.before = [value[which] for value in self.before[-_MEMORY - 1 :]]

    def _step(self, still: Booleans | None = None) -> None:
        if not len(self.x):  # none of the points lies within the domain
            return
        low, high = self.problem.bounds.T
        held = ((self.x <= low) & (self.gradient > 0.0)) | ((self.x >= high) & (self.gradient < 0.0))
        step = self._solved(held if still is None else held | still, np.zeros_like(self.x))
        beyond = (self.x + step < low) | (self.x + step > high)
        if (some := beyond.any(axis=1).nonzero()[0]).size:  # they end at their bounds, which the others see
            walls = np.where(beyond, np.clip(self.x + step, low, high) - self.x, 0.0)
            held |= beyond
            step[some] = self._solved(held if still is None else held | still, walls, some)
        self.ahead = -np.sum(step * self.gradient, axis=1) - 0.5 * self._square(step)
        tried = self.problem.inside(self.x[:, None] + _LENGTHS[:, None] * step[:, None])
        values = self.problem.values(tried.reshape(-1, len(low))).reshape(len(self.x), -1)
        values = np.where(np.isnan(values), np.inf, values)
        best = np.argmin(values, axis=1)
        points = np.arange(len(best))
        lower = values[points, best] < self.value
        x = np.where(lower[:, None], tried[points, best], self.x)
        value, gradient, root, diagonal = _scored(self.problem, x, self.places)
        lower &= np.isfinite(value)
        self.damping = np.where(
            lower & (best < 2),
            np.maximum(0.1 * self.damping, 1e-6),
            np.where(lower, self.damping, np.minimum(10.0 * self.damping, 1e6)),
        )
        self.x = np.where(lower[:, None], tried[points, best], self.x)
        self.value = np.where(lower, value, self.value)
        self.gradient = np.where(lower[:, None], gradient, self.gradient)
        self.root = np.where(lower[:, None, None], root, self.root)
        self.diagonal = np.where(lower[:, None], diagonal, self.diagonal)
        self.before.append(self.value)

    def _solved(self, held: Booleans, walls: Floats, some: Integers | slice = slice(None)) -> Floats:
        """The steps ``(n_points, n)`` of which some components are given, of some of the points."""
        held, walls, root, diagonal = held[some], walls[some], self.root[some], self.diagonal[some]
        size = np.sum(root**2, axis=1) + diagonal
        size = np.maximum(size, 1e-8 * size.max(axis=1, keepdims=True)) + 1e-12
        gradient = self.gradient[some] + back(root, along(root, walls)) + diagonal * walls
        diagonal = diagonal + self.damping[some, None] * size
        if root.shape[1] < root.shape[2]:  # fewer bins than parameters
            metric = Metric.made(root, np.ones(root.shape[:2]), diagonal, held, np.zeros(0, dtype=np.int64))
            return walls - metric.solve(gradient)
        root, each = np.where(held[:, None], 0.0, root), np.arange(held.shape[1])
        matrix = np.swapaxes(root, 1, 2) @ root
        matrix[:, each, each] += np.where(held, 1.0, diagonal)
        return walls - np.linalg.solve(matrix, np.where(held, 0.0, gradient)[..., None])[..., 0]


def _scored(problem: Problem, x: Floats, places: Slopes) -> tuple[Floats, Floats, Floats, Floats]:
    """Values, gradients, and roots and diagonals of Fisher matrices; values are infinite where any of them is."""
    many = problem.model.linearised(problem.full(x), problem.data.observed, problem.data.auxdata, places)
    gradient, root = many.gradient[:, problem.index], many.jacobian[:, :, problem.index]
    root *= np.sqrt(1.0 / np.maximum(many.rates, 1e-9))[..., None]
    diagonal = np.maximum(many.constraints[:, problem.index], 0.0)
    good = np.isfinite(many.value) & np.isfinite(gradient).all(axis=1) & np.isfinite(root).all(axis=(1, 2))
    return np.where(good, many.value, np.inf), gradient, root, diagonal
