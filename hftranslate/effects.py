"""How different two workspaces are as likelihoods: the size of what a translation changed."""

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

    Every constrained parameter is moved alone to -3, -1, +1 and +3 of its prior uncertainties, every free one within
    the inner half of its range, and all together to random points within +-1. Parameters are matched by pyhf's name,
    else by ROOT's; points outside the domain of either likelihood are left out.

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
    start = a.parameters.init
    base = _difference(a, data_a, b, data_b, start, partner)
    if base is None:
        return None
    largest = 0.0
    for theta in _points(a, n_random, rng):
        difference = _difference(a, data_a, b, data_b, theta, partner)
        if difference is not None:
            largest = max(largest, abs(difference - base))
    return largest


def _matching(a: Model, b: Model) -> NDArray[np.int64] | None:
    """For each parameter of ``b`` its position in ``a``; constants of ``b`` may have none (-1)."""
    by_name = {n: i for i, n in enumerate(a.parameters.names)}
    by_root = {n: i for i, n in enumerate(a.parameters.root_names)}
    found = [
        by_name.get(n, by_root.get(r, -1)) for n, r in zip(b.parameters.names, b.parameters.root_names, strict=True)
    ]
    missing = [i for i, f in enumerate(found) if f < 0 and not b.parameters.fixed[i]]
    lost = [i for i in range(len(a.parameters)) if i not in set(found) and not a.parameters.fixed[i]]
    return None if missing or lost else np.array(found, dtype=np.int64)


def _difference(
    a: Model, data_a: Data, b: Model, data_b: Data, theta: Floats, partner: NDArray[np.int64]
) -> float | None:
    other = np.where(partner >= 0, theta[partner], b.parameters.init)
    one, two = a.nll(theta, data_a), b.nll(other, data_b)
    return one - two if np.isfinite(one) and np.isfinite(two) else None


def _points(model: Model, n_random: int, rng: np.random.Generator) -> list[Floats]:
    p = model.parameters
    moving = np.flatnonzero(~p.fixed)
    low, high = np.maximum(p.bounds[:, 0], p.init - 10.0), np.minimum(p.bounds[:, 1], p.init + 10.0)
    reach = np.where(p.width > 0.0, 3.0 * p.width, 0.5 * np.minimum(p.init - low, high - p.init))
    points = []
    for i in moving:
        for fraction in (-1.0, -1.0 / 3.0, 1.0 / 3.0, 1.0):
            theta = p.init.copy()
            theta[i] = np.clip(theta[i] + fraction * reach[i], low[i], high[i])
            points.append(theta)
    for _ in range(n_random):
        theta = p.init.copy()
        theta[moving] = np.clip(
            theta[moving] + rng.uniform(-1.0, 1.0, len(moving)) * reach[moving] / 3.0, low[moving], high[moving]
        )
        points.append(theta)
    return points


def cls_difference(first: Workspace, second: Workspace, measurement: str | None = None) -> float | None:
    """Absolute difference of the observed CLs(1); ``None`` where one of the two cannot be computed."""
    from hftranslate.inference.hypotest import hypotest

    results = []
    for workspace in (first, second):
        try:
            results.append(hypotest(*compile_model(workspace, measurement)).cls_obs)
        except HFTranslateError:
            return None
    return abs(results[0] - results[1])
