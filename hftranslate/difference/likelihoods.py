"""Two likelihoods compared at many points of their parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from hftranslate.batch.progress import Progress, silent
from hftranslate.difference.comparer import Origin, acts
from hftranslate.difference.statements import Labels
from hftranslate.errors import InputError
from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Model
from hftranslate.workspace import Conventions, Workspace

#: Where both NLLs are larger, only rates are compared: the rounding of the NLLs would exceed what is looked for.
_LARGEST_NLL = 1e9
#: Random points at which likelihoods are compared, and the seed that they follow from.
_POINTS, _SEED = 20, 1


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
    labels: Labels,
    *,
    conventions: Conventions | None = None,
    progress: Progress = silent,
) -> LikelihoodComparison:
    """Compare the likelihoods of one measurement.

    Parameters
    ----------
    first, second
        the workspaces.
    measurements
        its name in the first and in the second.
    labels
        what parameters and channels of the second are called in the first.
    conventions
        how both are evaluated where ROOT and pyhf differ; by default as the first is.
    progress
        is told of the points.

    Returns
    -------
    LikelihoodComparison
        the largest differences of yields in events and of the NLL, and where they are.

    Raises
    ------
    MissingInput
        A workspace has no measurement of its name.
    """
    rules = first.conventions if conventions is None else conventions
    nothing = LikelihoodComparison(measurement=measurements[0], conventions=rules.name)
    try:
        a, data_a = compile_model(first, measurements[0], same_rules(rules, first.conventions))
        b, data_b = compile_model(second, measurements[1], same_rules(rules, second.conventions))
    except InputError as error:
        return replace(nothing, why=str(error))
    partner = _partners(a, b, labels.entries)
    alone = _alone(a, b, partner)
    order = _bin_order(a, b, labels.channels)
    if alone or order is None:
        what = f"free in one of them only: {', '.join(alone)}" if alone else "their channels differ"
        return replace(nothing, nll=float("inf"), why=what)
    origin = Origin(a, data_a, _POINTS, _SEED, largest=_LARGEST_NLL)
    found = origin.compare(b, data_b, partner, bins=order, progress=partial(progress, "comparing likelihoods"))
    points = int(np.sum(found.inside))
    if not points:
        return replace(nothing, outside=found.outside, why="no point lies inside the domain of both")
    nll = 0.0 if found.largest is None else float(found.change[found.largest])
    moved = found.points[found.largest] if nll > 0.0 else a.parameters.init
    where = np.flatnonzero(moved != a.parameters.init)
    return replace(
        nothing,
        points=points,
        outside=found.outside,
        nll=nll,
        at=tuple((a.parameters.names[i], float(moved[i])) for i in where),
        yields=found.yields,
    )


def _partners(a: Model, b: Model, entries: Mapping[str, str]) -> NDArray[np.int64]:
    """For each parameter of ``b`` its position in ``a``, -1 where it has none."""
    places = {name: i for i, name in enumerate(a.parameters.names)}
    return np.array([places.get(entries.get(n, n), -1) for n in b.parameters.names], dtype=np.int64)


def _alone(a: Model, b: Model, partner: NDArray[np.int64]) -> list[str]:
    """Parameters on which rates depend and that are free in one model only, constant or absent in the other."""
    free_in_a, free_in_b = ~a.parameters.fixed, ~b.parameters.fixed
    shared = {int(p) for p, free in zip(partner, free_in_b, strict=True) if p >= 0 and free and free_in_a[p]}
    mine = [i for i in np.flatnonzero(free_in_a) if i not in shared and acts(a, i)]
    theirs = [i for i in np.flatnonzero(free_in_b) if partner[i] not in shared and acts(b, i)]
    return [a.parameters.names[i] for i in mine] + [b.parameters.names[i] for i in theirs]


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
