"""Two likelihoods compared at many points of their parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference.likelihood_change import comparison_points
from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Conventions, Workspace

Floats: TypeAlias = NDArray[np.float64]
#: Rates below this fraction of the channel's largest are compared as if they were as large.
_SMALLEST_RATE = 1e-9
#: Where both NLLs are larger, only rates are compared: the rounding of the NLLs would exceed what is looked for.
_LARGEST_NLL = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class LikelihoodComparison:
    """How far two likelihoods are apart.

    Attributes
    ----------
    measurement
        its name in the first workspace.
    conventions
        whose evaluation was used for both.
    points
        number of points inside the domain of both.
    outside
        number of points inside the domain of one only.
    nll
        largest absolute difference of the NLLs, each relative to its value at the nominal point; ``None`` where they
        were not compared.
    at
        the parameters that are not at their nominal values where it is reached, by pyhf's name in the first.
    yields
        largest relative difference of the expected events of a bin.
    why
        why they were not compared, or why they cannot be the same; empty otherwise.
    """

    measurement: str
    conventions: str
    points: int = 0
    outside: int = 0
    nll: float | None = None
    at: tuple[tuple[str, float], ...] = ()
    yields: float | None = None
    why: str = ""


def same_rules(target: Conventions, own: Conventions) -> Conventions:
    """The rules of ``own`` with what ROOT and pyhf evaluate differently taken from ``target``.

    What ranges and constants a workspace leaves open is then still settled by its own rules.
    """
    return replace(
        own,
        name=f"{target.name} (ranges as {own.name})" if own.name != target.name else target.name,
        clip_samples=target.clip_samples,
        truncate_constraints=target.truncate_constraints,
    )


def likelihoods(
    first: Workspace,
    second: Workspace,
    measurements: tuple[str, str],
    *,
    entries: Mapping[str, str],
    channels: Mapping[str, str],
    conventions: Conventions | None = None,
    n_random: int = 20,
    seed: int = 1,
    progress: Progress = silent,
) -> LikelihoodComparison:
    """Compare the likelihoods of one measurement.

    Parameters
    ----------
    measurements
        its name in the first and in the second.
    entries, channels
        what parameters and channels of the second are called in the first.
    conventions
        how both are evaluated where ROOT and pyhf differ; by default as the first is.
    progress
        is told of the points.
    """
    rules = first.conventions if conventions is None else conventions
    nothing = LikelihoodComparison(measurement=measurements[0], conventions=rules.name)
    try:
        a, data_a = compile_model(first, measurements[0], same_rules(rules, first.conventions))
        b, data_b = compile_model(second, measurements[1], same_rules(rules, second.conventions))
    except InputError as error:
        return replace(nothing, why=str(error))
    partner = _partners(a, b, entries)
    alone = _alone(a, b, partner)
    order = _bin_order(a, b, channels)
    if alone or order is None:
        what = f"free in one of them only: {', '.join(alone)}" if alone else "their channels differ"
        return replace(nothing, nll=float("inf"), why=what)
    comparison = _Comparison(a, data_a, b, data_b, partner, order)
    rng = np.random.default_rng(seed)
    points = [a.parameters.init.copy(), *comparison_points(a, n_random, rng)]
    for i, theta in enumerate(points):
        progress("comparing likelihoods", i, len(points))
        comparison.visit(theta)
    return replace(
        nothing,
        points=comparison.points,
        outside=comparison.outside,
        nll=comparison.nll if comparison.points else None,
        at=comparison.moved(),
        yields=comparison.yields if comparison.points else None,
        why="" if comparison.points else "no point lies inside the domain of both",
    )


def _partners(a: Model, b: Model, entries: Mapping[str, str]) -> NDArray[np.int64]:
    """For each parameter of ``b`` its position in ``a``, -1 where it has none."""
    places = {name: i for i, name in enumerate(a.parameters.names)}
    return np.array([places.get(entries.get(n, n), -1) for n in b.parameters.names], dtype=np.int64)


def _alone(a: Model, b: Model, partner: NDArray[np.int64]) -> list[str]:
    """Parameters on which rates depend and that are free in one model only, constant or absent in the other."""
    free_in_a, free_in_b = ~a.parameters.fixed, ~b.parameters.fixed
    shared = {int(p) for p, free in zip(partner, free_in_b, strict=True) if p >= 0 and free and free_in_a[p]}
    mine = [i for i in np.flatnonzero(free_in_a) if i not in shared and _acts(a, i)]
    theirs = [i for i in np.flatnonzero(free_in_b) if partner[i] not in shared and _acts(b, i)]
    return [a.parameters.names[i] for i in mine] + [b.parameters.names[i] for i in theirs]


def _acts(model: Model, i: np.intp | int) -> bool:
    """Whether a rate depends on a parameter."""
    theta = model.parameters.init.copy()
    before = model.rates(theta)
    theta[i] += 0.5 * model.parameters.width[i] or 0.5
    return not np.array_equal(before, model.rates(theta))


def _bin_order(a: Model, b: Model, channels: Mapping[str, str]) -> NDArray[np.int64] | None:
    """For each bin of ``b`` its position in ``a``."""
    places, start = {}, 0
    for name, n in a.channels:
        places[name] = (start, n)
        start += n
    order: list[int] = []
    for name, n in b.channels:
        first, size = places.pop(channels.get(name, name), (0, -1))
        if size != n:
            return None
        order += range(first, first + n)
    return None if places else np.array(order, dtype=np.int64)


class _Comparison:
    """The largest differences so far."""

    def __init__(
        self, a: Model, data_a: Data, b: Model, data_b: Data, partner: NDArray[np.int64], order: NDArray[np.int64]
    ) -> None:
        self.a, self.data_a, self.b, self.data_b = a, data_a, b, data_b
        self.order = order
        self.moving = (partner >= 0) & ~b.parameters.fixed  # what is constant in the second stays at its value there
        self.targets = partner[self.moving]
        constant = set(partner[(partner >= 0) & b.parameters.fixed].tolist())
        constant |= set(range(len(a.parameters))) - set(partner.tolist())
        self.idle = [i for i in constant if not a.parameters.fixed[i] and not _acts(a, i)]
        self.base: float | None = None
        self.points, self.outside, self.nll, self.yields = 0, 0, 0.0, 0.0
        self.theta = a.parameters.init

    def visit(self, theta: Floats) -> None:
        """Compare at a point of the first's parameters."""
        theta[self.idle] = self.a.parameters.init[self.idle]
        other = self.b.parameters.init.copy()
        other[self.moving] = theta[self.targets]
        one, two = self.a.nll(theta, self.data_a), self.b.nll(other, self.data_b)
        if not (np.isfinite(one) and np.isfinite(two)):
            self.outside += bool(np.isfinite(one) != np.isfinite(two))
            return
        self.points += 1
        if max(one, two) < _LARGEST_NLL:
            self.base = one - two if self.base is None else self.base
            if abs(one - two - self.base) > self.nll:
                self.nll, self.theta = abs(one - two - self.base), theta
        rates, others = self.a.rates(theta)[self.order], self.b.rates(other)
        scale = np.maximum(np.maximum(np.abs(rates), np.abs(others)), _SMALLEST_RATE * np.max(np.abs(rates)))
        relative = np.divide(np.abs(rates - others), scale, out=np.zeros_like(scale), where=scale > 0.0)
        self.yields = max(self.yields, float(np.max(relative)))

    def moved(self) -> tuple[tuple[str, float], ...]:
        """The parameters that are not at their nominal values where the difference is largest."""
        p = self.a.parameters
        where = np.flatnonzero(self.theta != p.init) if self.nll > 0.0 else ()
        return tuple((p.names[i], float(self.theta[i])) for i in where)
