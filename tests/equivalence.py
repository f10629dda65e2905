"""Whether two workspaces are one model: more than equal NLLs, also the same constants, values and free parameters."""

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from hftranslate.likelihood.compile import compile_model
from hftranslate.likelihood.model import Model
from hftranslate.workspace import Conventions, Workspace

Floats = NDArray[np.float64]


def same_rules(target: Conventions, own: Conventions) -> Conventions:
    """The rules of ``own`` with what ROOT and pyhf evaluate differently taken from ``target``.

    What ranges and constants a workspace leaves open is then still settled by its own rules.
    """
    return Conventions(
        name="mixed",
        clip_samples=target.clip_samples,
        truncate_constraints=target.truncate_constraints,
        root_ranges=own.root_ranges,
        constrain_empty=own.constrain_empty,
    )


def model_difference(
    one: Workspace,
    two: Workspace,
    measurement: int = 0,
    *,
    names: Mapping[str, str] | None = None,
    tolerance: float = 1e-6,
) -> str | None:
    """What is different, or ``None``.

    Parameters
    ----------
    names
        what a parameter of the first is called in the second, where it has another name there.
    """
    a, data_a = compile_model(one, one.measurements[measurement].name)
    b, data_b = compile_model(two, two.measurements[measurement].name)
    partner = _partners(a, b, names or {})
    for j, i in enumerate(partner):
        if i < 0 and not b.parameters.fixed[j]:
            return f"{b.parameters.names[j]} is free and new"
    for i in sorted(set(range(len(a.parameters.names))) - set(partner)):
        if not a.parameters.fixed[i]:
            return f"{a.parameters.names[i]} is lost"
    for j, i in enumerate(partner):
        if i < 0:
            continue
        what = f"{a.parameters.names[i]}: "
        if a.parameters.fixed[i] != b.parameters.fixed[j] and _acts(a, i):
            return what + f"fixed {a.parameters.fixed[i]} became {b.parameters.fixed[j]}"
        if a.parameters.fixed[i] and not np.isclose(a.parameters.init[i], b.parameters.init[j], rtol=1e-12, atol=1e-14):
            return what + f"init {a.parameters.init[i]} became {b.parameters.init[j]}"
    constant = [i for j, i in enumerate(partner) if i >= 0 and b.parameters.fixed[j]]
    base = None
    for theta in _points(a):
        theta[constant] = a.parameters.init[constant]
        # constants of the second stay at their values there
        other = np.array([theta[i] if i >= 0 else b.parameters.init[j] for j, i in enumerate(partner)])
        with np.errstate(all="ignore"):
            first, second = a.nll(theta, data_a), b.nll(other, data_b)
        if np.isfinite(first) != np.isfinite(second):
            return f"one is outside its domain: {first} and {second}"
        if np.isfinite(first):
            base = first - second if base is None else base
            if abs(first - second - base) > tolerance * max(1.0, abs(first) * 1e-4):
                return f"NLL {first} and {second}, difference {first - second - base}"
    return None


def _partners(a: Model, b: Model, names: Mapping[str, str]) -> list[int]:
    by_name = {names.get(n, n): i for i, n in enumerate(a.parameters.names)}
    by_root = {
        root: i
        for i, (n, root) in enumerate(zip(a.parameters.names, a.parameters.root_names, strict=True))
        if n not in names
    }
    pairs = zip(b.parameters.names, b.parameters.root_names, strict=True)
    return [by_name.get(n, by_root.get(r, -1)) for n, r in pairs]


def _acts(model: Model, i: int) -> bool:
    """Whether the rates depend on a parameter."""
    theta = model.parameters.init.copy()
    before = model.rates(theta)
    theta[i] += 0.1
    return not np.array_equal(before, model.rates(theta))


def _points(model: Model) -> list[Floats]:
    """The nominal point, and points around it: constrained parameters within three sigma, inside all ranges."""
    rng = np.random.default_rng(7)
    p = model.parameters
    width = np.where(p.width > 0, np.minimum(p.width, 0.3 * np.abs(p.init) + 1.0), 0.3)
    points = [p.init.copy()]
    for scale in (0.1, 0.5, 1.0, 3.0):
        for _ in range(4):
            step = np.where(p.fixed, 0.0, scale * width * rng.uniform(-1, 1, len(p.init)))
            points.append(np.clip(p.init + step, p.bounds[:, 0], p.bounds[:, 1]))
    return points


def all_of(workspace: Workspace) -> str:
    """All that a workspace holds as Python writes it, which tells 50 from 50.0 and 0.0 from -0.0."""
    return repr({f.name: getattr(workspace, f.name) for f in fields(workspace)})
