"""How different two workspaces are as likelihoods: the size of what a translation changed."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import HFTranslateError, InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Workspace

Floats = NDArray[np.float64]

#: Parameter points evaluated at once: enough to be fast, and few enough to need little memory.
_BLOCK = 16
#: So many parameters are moved alone; of more, several at once.
_MOVED_ALONE = 500
#: Models with more parameters are not fitted only to see an effect: the time grows with the third power.
_MOST_FOR_FITS = 2000


# Several effects on one workspace are asked for in a row. Its hash takes a hundredth of the time of compiling.
_compiled = lru_cache(maxsize=3)(compile_model)


def likelihood_difference(
    first: Workspace, second: Workspace, measurement: str | None = None, *, n_random: int = 20, seed: int = 1
) -> float | None:
    """Largest absolute difference of the NLLs, each relative to its value at the nominal point.

    Where the nominal point is outside the domain of one of them, the first point inside takes its place.

    Every constrained parameter is moved alone to -3, -1, +1 and +3 of its prior uncertainties, every free one within
    the inner half of its range, and all together to random points within +-1. Parameters are matched by pyhf's name,
    else by ROOT's; points outside the domain of either likelihood are left out. A free norm factor or systematic of the
    second that is derived from other parameters in the first (by a Function, or under a Gamma term) follows its value.

    Returns
    -------
    float or None
        ``None`` where one of the two cannot be evaluated; infinity where the parameters cannot be matched.
    """
    return likelihood_differences(first, [second], measurement, n_random=n_random, seed=seed)[0]


def likelihood_differences(
    first: Workspace,
    others: Sequence[Workspace],
    measurement: str | None = None,
    *,
    n_random: int = 20,
    seed: int = 1,
    progress: Progress = silent,
) -> list[float | None]:
    """:func:`likelihood_difference` to several others, for little more than the time of one."""
    try:
        origin = _Origin(first, *_compiled(first, measurement), n_random, seed)
    except InputError:
        return [None for _ in others]
    return [origin.difference(other, measurement, progress) for other in others]


class _Origin:
    """A likelihood at the points at which others are compared with it."""

    def __init__(self, workspace: Workspace, model: Model, data: Data, n_random: int, seed: int) -> None:
        self.workspace = workspace
        self.model = model
        self.data = data
        self.points = comparison_points(model, n_random, np.random.default_rng(seed))
        self.excess: dict[int, Floats] = {}  # by first point, where the points are not changed for the other

    def difference(self, workspace: Workspace, measurement: str | None, progress: Progress) -> float | None:
        try:
            other, data = _compiled(workspace, measurement)
        except InputError:
            return None
        partner = _matching(self.model, other)
        if partner is None:
            return float("inf")
        idle = _idle_constants(self.model, other, partner)
        moving = (partner >= 0) & ~other.parameters.fixed  # what is constant there stays at its value there
        same_rates = _same_rates(self.workspace, workspace)
        base: float | None = None
        largest = 0.0
        for start in range(-1, len(self.points), _BLOCK):
            progress("effects on the likelihood", max(start, 0), len(self.points))
            block = self.points[max(start, 0) : start + _BLOCK]
            if start < 0:  # the nominal point comes first
                block = np.concatenate([self.model.parameters.init[None], block])
            block = block.copy()
            block[:, idle] = self.model.parameters.init[idle]
            one = self._excess(block, None if idle else start)
            there = np.repeat(other.parameters.init[None], len(block), axis=0)
            there[:, moving] = self.model.derived.extend(block)[:, partner[moving]]
            if same_rates and not idle:  # the rates cancel, to the last digit
                mine = self.model.constraints.excess_of_many(block, self.data.auxdata)
                theirs = other.constraints.excess_of_many(there, data.auxdata)
            else:
                mine, theirs = one, other.excess_of_many(there, data)
            inside = np.isfinite(one) & np.isfinite(theirs)
            found = mine[inside] - theirs[inside]
            if found.size:
                base = float(found[0]) if base is None else base
                largest = max(largest, float(np.abs(found - base).max()))
        return None if base is None else largest

    def _excess(self, block: Floats, start: int | None) -> Floats:
        if start in self.excess:
            return self.excess[start]
        excess = self.model.excess_of_many(block, self.data)
        if start is not None:
            self.excess[start] = excess
        return excess


def _same_rates(first: Workspace, second: Workspace) -> bool:
    """Whether only the conventions of constraints tell the two apart."""
    return (
        first.channels is second.channels
        and first.measurements is second.measurements
        and first.functions is second.functions
        and first.conventions.clip_samples == second.conventions.clip_samples
    )


def _matching(a: Model, b: Model) -> NDArray[np.int64] | None:
    """For each parameter of ``b`` its place in ``a``, derived ones at the end; constants of ``b`` may have none (-1).

    What derived parameters of ``a`` are made of may have no counterpart.
    """
    by_name = {n: len(a.parameters) + i for i, n in enumerate(a.derived.names)}
    by_name |= {n: i for i, n in enumerate(a.parameters.names)}
    by_root = {n: i for i, n in enumerate(a.parameters.root_names)}
    found = [
        by_name.get(n, by_root.get(r, -1)) for n, r in zip(b.parameters.names, b.parameters.root_names, strict=True)
    ]
    missing = [i for i, f in enumerate(found) if f < 0 and not b.parameters.fixed[i]]
    kept = set(found).union(*(p.tolist() for p in a.derived.parameters))
    lost = [i for i in range(len(a.parameters)) if i not in kept and not a.parameters.fixed[i]]
    return None if missing or lost else np.array(found, dtype=np.int64)


def _idle_constants(a: Model, b: Model, partner: NDArray[np.int64]) -> list[int]:
    """Parameters of ``a`` that are constant in ``b`` and on which no rate depends (factors of empty bins)."""
    nominal = a.parameters.init
    rates = a.rates(nominal)
    idle = []
    for i in partner[(partner >= 0) & (partner < len(nominal)) & b.parameters.fixed]:
        theta = nominal.copy()
        theta[i] += 0.5 * a.parameters.width[i] or 0.5
        if np.array_equal(a.rates(theta), rates):
            idle.append(int(i))
    return idle


def comparison_points(model: Model, n_random: int, rng: np.random.Generator) -> Floats:
    """The points of :func:`likelihood_difference` but for the nominal one, ``(n_points, n_parameters)``.

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
    fractions = rng.uniform(-1.0, 1.0, (n_random, len(moving))) / 3.0
    together = points[n_alone:]
    together[:, moving] += fractions * np.where(fractions > 0.0, up[moving], down[moving])
    points[n_alone:] = np.clip(together, low, high)
    return points


def cls_difference(first: Workspace, second: Workspace, measurement: str | None = None) -> float | None:
    """Absolute difference of the observed CLs(1); ``None`` where one of the two cannot be computed."""
    one = _observed_cls(first, measurement)
    if one is None:
        return None
    two = _observed_cls(second, measurement)
    return None if two is None else abs(one - two)


@lru_cache(maxsize=2)  # several effects on one workspace are asked for in a row
def _observed_cls(workspace: Workspace, measurement: str | None) -> float | None:
    from hftranslate.inference.hypotest import hypotest

    try:
        model, data = _compiled(workspace, measurement)
        return None if len(model.parameters) > _MOST_FOR_FITS else hypotest(model, data).cls_obs
    except HFTranslateError:
        return None
