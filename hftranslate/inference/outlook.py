"""What is seen from minima of one fit of a model or several: along profiles and by exchanges, and where new fits begin.

Fits of a test have much in common: the model, and most of their parameters. What is known at their minima is brought
together, so that they are looked at in one go (:mod:`hftranslate.inference.sights`,
:mod:`hftranslate.inference.exchanges`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from hftranslate.inference.exchanges import HIGHEST, Exchanges, columns_of, factors_of, shared_otherwise
from hftranslate.inference.low_rank import LowRank
from hftranslate.inference.newton import End
from hftranslate.inference.problem import Problem
from hftranslate.inference.sights import BENT, CANDIDATES, Minima
from hftranslate.likelihood.cells import State
from hftranslate.likelihood.model import Data, Model
from hftranslate.likelihood.uneven import uneven_effects

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Largest second derivative of an additive effect (code4p, at zero) in units of the mean effect at -1 and +1.
SHARPEST = 3.75


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlook:
    """From the ends of fits of one model, each with data and free parameters of its own; see :meth:`starts`."""

    problems: Sequence[Problem]
    ends: Sequence[End]

    @cached_property
    def thetas(self) -> Floats:
        """All parameters, ``(n, n_parameters)``."""
        return np.stack([p.full(e.x) for p, e in zip(self.problems, self.ends, strict=True)])

    @cached_property
    def observed(self) -> Floats:
        """The observed events of each, ``(n, n_bins)``."""
        return np.stack([p.data.observed for p in self.problems])

    @cached_property
    def auxdata(self) -> Floats:
        """Its auxiliary data, ``(n, n_aux)``."""
        return np.stack([p.data.auxdata for p in self.problems])

    @cached_property
    def state(self) -> State:
        """The yields there and what their derivatives are made of, second ones where bins are few."""
        model, order = self.problems[0].model, 2 if any(p.few_bins for p in self.problems) else 1
        return model.cells.evaluate(np.ascontiguousarray(model.derived.extend(self.thetas).T), order=order)

    @cached_property
    def states(self) -> list[State]:
        """Those of each."""
        return [self.state.at(i) for i in range(len(self.ends))]

    @cached_property
    def constraints(self) -> tuple[Floats, Floats]:
        """Gradients of the constraints and their second derivatives, ``(n, n_parameters)``."""
        return self.problems[0].model.constraints.derivatives(self.thetas, self.auxdata)

    @cached_property
    def bent(self) -> list[Floats]:
        """The :func:`downward_curvature` along the free parameters of each."""
        return [self._bent(i) for i in range(len(self.ends))]

    def _bent(self, i: int) -> Floats:
        p = self.problems[i]
        return downward_curvature(p.model, p.data, self.thetas[i], self.states[i])[p.index]

    @cached_property
    def index(self) -> Integers:
        """The parameters that are free in any of them."""
        first, *others = (p.index for p in self.problems)
        alike = all(np.array_equal(first, other) for other in others)
        return first if alike else np.unique(np.concatenate([first, *others]))

    @cached_property
    def places(self) -> list[Integers]:
        """Where those of each are among them."""
        return [np.searchsorted(self.index, p.index) for p in self.problems]

    @cached_property
    def bounds(self) -> Floats:
        """Their ranges, which do not move what a fit holds."""
        if len(self.problems) == 1:
            return self.problems[0].bounds
        theta = self.thetas[:, self.index]
        bounds = np.column_stack([theta.min(axis=0), theta.max(axis=0)])
        for place, p in zip(self.places, self.problems, strict=True):
            bounds[place] = p.bounds
        return bounds

    def starts(self, which: Sequence[int]) -> dict[int, list[Floats]]:
        """Where new fits may end lower than some of them: as profiles have it, lowest first, then by exchanges.

        Usually there is no such place.
        """
        found: dict[int, list[Floats]] = {i: [] for i in which}
        if found:
            around, minima = {i: self._around(i) for i in which}, self._minima()
            seen = (
                self._on_profiles(minima, around),
                self._by_exchanges(minima, around),
                self._by_sharing(minima, which),
            )
            for owner, point in chain(*seen):
                found[owner].append(point[self.places[owner]])
        return found

    def _around(self, i: int) -> "_Around":
        diagonal = self.constraints[1][i]
        return _Around(problem=self.problems[i], end=self.ends[i], state=self.states[i], diagonal=diagonal)

    def _minima(self) -> Minima:
        model = self.problems[0].model
        return Minima(
            model=model,
            index=self.index,
            bounds=self.bounds,
            thetas=self.thetas,
            values=np.array([e.value for e in self.ends]),
            state=self.state,
            jacobian=np.zeros((len(self.ends), model.cells.n_bins, len(self.index))),
            observed=self.observed,
            auxdata=self.auxdata,
            constraints=self.constraints,
        )

    def _on_profiles(self, minima: Minima, around: dict[int, "_Around"]) -> Iterator[tuple[int, Floats]]:
        """Which minimum, and a place in another valley among ``index``."""
        fits, parameters, columns = [], [], []
        for i, here in around.items():
            chosen, lines = here.profiles(self.bent[i])
            fits.append(np.full(len(chosen), i))
            parameters.append(self.places[i][chosen])
            columns.append(self._wide(i, lines))
            if len(chosen):
                minima.jacobian[i][:, self.places[i]] = here.jacobian
        fit, k = np.concatenate(fits), np.concatenate(parameters)
        effects = uneven_effects(minima.model.cells, minima.state, fit, self.index[k])
        return minima.sights(fit, k, np.concatenate(columns), effects)

    def _by_exchanges(self, minima: Minima, around: dict[int, "_Around"]) -> Iterator[tuple[int, Floats]]:
        """The same where free factors that do nearly the same have changed places."""
        model = minima.model
        factors = {i: factors_of(model, self.problems[i].index) for i in around}
        fits = [i for i in around if len(factors[i])]
        if not fits:
            return
        every = np.flatnonzero(model.parameters.width[self.index] == 0.0)
        columns = np.zeros((len(fits), len(every), len(self.index)))
        for row, i in zip(columns, fits, strict=True):
            row[np.searchsorted(every, self.places[i][factors[i]])] = self._wide(i, around[i].expected(factors[i]))
        rows, exchanges = np.array(fits), Exchanges.of(model, self.index, every, columns)
        owner, points = exchanges.starts(self.thetas[rows[:, None], self.index], self.bounds)
        fit = rows[owner]
        low = minima.rises(fit, points, HIGHEST) < HIGHEST
        yield from zip(fit[low].tolist(), points[low], strict=True)

    def _by_sharing(self, minima: Minima, which: Sequence[int]) -> Iterator[tuple[int, Floats]]:
        """The same where factors of one bin have shared what it lacks otherwise."""
        free = np.zeros(self.thetas.shape, dtype=np.bool_)
        for i in which:
            free[i, self.problems[i].index] = True
        fit, thetas, most = shared_otherwise(minima.model, free, self.thetas, self.observed, self.auxdata)
        if not len(fit):
            return
        points = thetas[:, self.index]
        low = minima.rises(fit, points, most) < most
        yield from zip(fit[low].tolist(), points[low], strict=True)

    def _wide(self, i: int, lines: Floats) -> Floats:
        """Lines of one of them ``(n, n_free)`` among all of ``index``."""
        if lines.shape[1] == len(self.index):
            return lines
        wide = np.zeros((len(lines), len(self.index)))
        wide[:, self.places[i]] = lines
        return wide


@dataclass(frozen=True, kw_only=True, eq=False)
class _Around:
    """Derivatives at the end of one fit: of the yields, and ``diagonal (n_parameters,)`` of the constraints."""

    problem: Problem
    end: End
    state: State
    diagonal: Floats

    @cached_property
    def _low_rank(self) -> tuple[Floats, LowRank]:
        return self.problem.low_rank(self.problem.full(self.end.x), self.state, self.diagonal)

    @cached_property
    def jacobian(self) -> Floats:
        """Of the yields by the free parameters, ``(n_bins, n_free)``."""
        p = self.problem
        return self._low_rank[0] if p.few_bins else p.model.jacobian(p.full(self.end.x))[:, p.index]

    def profiles(self, bent: Floats) -> tuple[Integers, Floats]:
        """The parameters whose profiles may show another valley, and their columns of the covariance ``(n, n_free)``.

        There are none where the Hessian is not positive definite.
        """
        p, candidates = self.problem, np.flatnonzero(bent > BENT)
        if not candidates.size:
            return candidates, np.zeros((0, len(bent)))
        if p.few_bins:
            columns = self._low_rank[1].inverse().columns(candidates)
        else:
            columns = columns_of(p.expand(self.end.x)[2], candidates)
        # what the data say about a parameter counts like its constraint
        widths = np.maximum(p.model.parameters.width[p.index[candidates]], 1e-150)
        bent = bent[candidates] * np.minimum(columns[:, candidates].diagonal() / widths**2, 1.0)
        chosen = np.argsort(-bent, kind="stable")[: min(int(np.sum(bent > BENT)), CANDIDATES)]
        return candidates[chosen], columns[chosen]

    def expected(self, factors: Integers) -> Floats:
        """Columns of the expected covariance, ``(n, n_free)``; zero where there is none."""
        p = self.problem
        if not p.few_bins:
            return columns_of(p.convex(self.end.x), factors)
        information, width = 1.0 / np.maximum(self.state.bins, 1e-9), p.model.parameters.width[p.index]
        return LowRank.of(self.jacobian, information, self.diagonal[p.index], width).inverse().columns(factors)


def downward_curvature(model: Model, data: Data, theta: Floats, state: State | None = None) -> Floats:
    """How much uneven effects bend the NLL down along each parameter, in units of its constraint, ``(n_parameters,)``.

    From the mean of the effects at -1 and +1, ``[nu(1) + nu(-1)] / 2 - nu(0)`` per bin; zero for free parameters.

    Parameters
    ----------
    state
        the yields there, if they are known.
    """
    here = model.state(theta) if state is None else state
    curvature = model.cells.mean_effect(here, data.observed / np.maximum(here.bins, 1e-3) - 1.0)
    bends: Floats = model.derived.bends(theta[None], curvature[None, None])[0, 0]
    return SHARPEST * bends * model.parameters.width**2
