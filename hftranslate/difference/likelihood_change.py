"""How different two workspaces are as likelihoods: the size of what a translation changed."""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference.comparer import Origin, largest_of
from hftranslate.errors import HFTranslateError, InputError
from hftranslate.likelihood.compile import compile_constraints, compile_model
from hftranslate.likelihood.model import Model
from hftranslate.workspace import Workspace

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
    """:func:`likelihood_difference` to several others, for little more than the time of one.

    Parameters
    ----------
    first
        what the others are compared with.
    others
        workspaces with the same parameters, or some of them.
    measurement
        which one; the first of each by default.
    n_random
        how many random points, within one standard deviation, are looked at besides.
    seed
        of the random points.
    progress
        is told how far it has come.

    Returns
    -------
    list
        of each other: the largest absolute difference of the NLL; ``None`` where it cannot be evaluated.
    """
    try:
        origin = Origin(*_compiled(first, measurement), n_random, seed)
    except InputError:
        return [None for _ in others]
    return [_difference(origin, first, other, measurement, progress) for other in others]


def _difference(
    origin: Origin, first: Workspace, second: Workspace, measurement: str | None, progress: Progress
) -> float | None:
    told = partial(progress, "effects on the likelihood")
    try:
        if _same_rates(origin, first, second, told):
            return _size(origin.compare_constraints(compile_constraints(second, measurement), told))
        other, data = _compiled(second, measurement)
    except InputError:
        return None
    partner = _matching(origin.model, other)
    if partner is None:
        return float("inf")
    return _size(origin.compare(other, data, partner, progress=told).change)


def _size(change: NDArray[np.float64]) -> float | None:
    largest = largest_of(change)
    return None if largest is None else float(change[largest])


def _same_rates(origin: Origin, first: Workspace, second: Workspace, progress: Callable[[int, int], None]) -> bool:
    """Whether only constraint terms tell the two apart: clipping is the same, or nothing is there to be clipped."""
    a, b = first.conventions, second.conventions
    return (
        first.channels is second.channels
        and first.measurements is second.measurements
        and first.functions is second.functions
        and (a.root_ranges, a.constrain_empty) == (b.root_ranges, b.constrain_empty)
        and (a.clip_samples == b.clip_samples or origin.is_clear(progress))
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
    kept = set(found).union(*(p.tolist() for p in a.derived.leaves))
    lost = [i for i in range(len(a.parameters)) if i not in kept and not a.parameters.fixed[i]]
    return None if missing or lost else np.array(found, dtype=np.int64)


def cls_difference(first: Workspace, second: Workspace, measurement: str | None = None) -> float | None:
    """Absolute difference of the observed CLs(1); ``None`` where one of the two cannot be computed.

    Parameters
    ----------
    first, second
        two workspaces with one parameter of interest.
    measurement
        which one of both; the first by default.

    Returns
    -------
    float or None
        the absolute difference of two probabilities.
    """
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
