"""How different two workspaces are as likelihoods: the size of what a translation changed."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hftranslate.errors import HFTranslateError, InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Data, Model
from hftranslate.workspace import Workspace

Floats = NDArray[np.float64]


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
    try:
        a, data_a = compile_model(first, measurement)
        b, data_b = compile_model(second, measurement)
    except InputError:
        return None
    partner = _matching(a, b)
    if partner is None:
        return float("inf")
    rng = np.random.default_rng(seed)
    idle = _idle_constants(a, b, partner)
    base: float | None = None
    largest = 0.0
    for theta in [a.parameters.init.copy(), *comparison_points(a, n_random, rng)]:
        theta[idle] = a.parameters.init[idle]
        difference = _difference(a, data_a, b, data_b, theta, partner)
        if difference is None:
            continue
        if base is None:
            base = difference
        largest = max(largest, abs(difference - base))
    return None if base is None else largest


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


def _difference(
    a: Model, data_a: Data, b: Model, data_b: Data, theta: Floats, partner: NDArray[np.int64]
) -> float | None:
    other = b.parameters.init.copy()
    moving = (partner >= 0) & ~b.parameters.fixed  # what is constant in the second stays at its value there
    other[moving] = a.derived.extend(theta)[partner[moving]]
    one, two = a.nll(theta, data_a), b.nll(other, data_b)
    return one - two if np.isfinite(one) and np.isfinite(two) else None


def comparison_points(model: Model, n_random: int, rng: np.random.Generator) -> list[Floats]:
    """Points at which two likelihoods are compared, as :func:`likelihood_difference` describes them."""
    p = model.parameters
    moving = np.flatnonzero(~p.fixed)
    low, high = np.maximum(p.bounds[:, 0], p.init - 10.0), np.minimum(p.bounds[:, 1], p.init + 10.0)
    down = np.where(p.width > 0.0, 3.0 * p.width, 0.5 * (p.init - low))
    up = np.where(p.width > 0.0, 3.0 * p.width, 0.5 * (high - p.init))
    points = []
    for i in moving:
        for fraction in (-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0):
            theta = p.init.copy()
            theta[i] = np.clip(theta[i] + fraction * (up if fraction > 0.0 else down)[i], low[i], high[i])
            points.append(theta)
    for _ in range(n_random):
        fractions = rng.uniform(-1.0, 1.0, len(moving)) / 3.0
        theta = p.init.copy()
        theta[moving] += fractions * np.where(fractions > 0.0, up[moving], down[moving])
        points.append(np.clip(theta, low, high))
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
        return hypotest(*compile_model(workspace, measurement)).cls_obs
    except HFTranslateError:
        return None
