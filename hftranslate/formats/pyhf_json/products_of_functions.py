"""Norm factors that Functions make, on the way to pyhf JSON, which has no Functions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import isclose, isfinite, prod, sqrt
from typing import TYPE_CHECKING

from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import Rewriting, listed, outcome
from hftranslate.workspace import Measurement, NormFactor, ParameterConfig, Sample, Workspace
from hftranslate.workspace.functions import settle_functions, used_names
from hftranslate.workspace.map import set_parameter
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import ParameterSet, parameter_sets

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Expression

#: Functions as they stand together on a sample, and the free parameters whose product they are.
Products = Mapping[tuple[str, ...], tuple[str, ...]]
Sets = Mapping[str, ParameterSet]

_N_POINTS = 50
_GOLDEN = 0.5 * (sqrt(5.0) - 1.0)


def without_functions(workspace: Workspace) -> Rewriting:
    """Products of free parameters become norm factors by these names; other Functions become free norm factors."""
    if not workspace.functions:
        return workspace, ()
    settled, used = settle_functions(workspace.functions), used_names(workspace)
    products = _products(workspace, {name: settled.made[name] for name in used if name in settled.made}, used)
    exact = {name: leaves for names, leaves in products.items() for name in names}
    outcomes: list[Outcome] = []
    for f in workspace.functions:
        where, ties = f"function {f.name!r}", listed(settled.depends.get(f.name, ()))
        if f.name in exact:
            what = f"{f.expression!r} is said by the norm factors {listed(exact[f.name])}"
            outcomes.append(outcome("rewrite", where, what))
        elif f.name in used:
            what = f"{f.expression!r} becomes a free norm factor: what ties it to {ties or 'others'} is lost"
            outcomes.append(outcome("loss", where, what))
        else:
            outcomes.append(outcome("carried", where, f"{f.expression!r} is used by no norm factor"))
    declared = declared_parameters(workspace.channels)
    kept = {leaf for leaves in exact.values() for leaf in leaves} | declared.keys()
    lost = [name for name in used if name not in exact]
    replaced = {leaf: name for name in reversed(lost) for leaf in settled.depends[name] if leaf not in kept}
    measurements = []
    for m in workspace.measurements:
        sets = parameter_sets(workspace, m, workspace.conventions)
        gone = {leaf: name for leaf, name in replaced.items() if leaf in sets}
        new = replace(m, parameters=tuple(p for p in m.parameters if p.name not in gone))
        for leaf in dict.fromkeys(leaf for leaves in exact.values() for leaf in leaves):
            new = set_parameter(new, _as_norm_factor(sets[leaf]))
        for name in lost:
            if name in settled.made:
                new = set_parameter(new, _free(name, settled.made[name], sets))
        for old in m.pois:
            if old in gone:
                what = f"the parameter of interest {old!r} exists in a Function only; {gone[old]!r} takes its place"
                outcomes.append(outcome("loss", f"measurement {m.name!r}", what))
        measurements.append(replace(new, pois=tuple(dict.fromkeys(gone.get(p, p) for p in m.pois))))
    channels = tuple(
        replace(c, samples=tuple(_with_factors(s, used, products) for s in c.samples)) for c in workspace.channels
    )
    return replace(workspace, channels=channels, functions=(), measurements=tuple(measurements)), tuple(outcomes)


def _on_sample(sample: Sample, used: Iterable[str]) -> tuple[str, ...]:
    return tuple(m.name for m in sample.modifiers if isinstance(m, NormFactor) and m.name in used)


def _products(workspace: Workspace, made: Mapping[str, "Expression"], used: Sequence[str]) -> Products:
    """The groups of Functions that can be said by norm factors, on all samples that carry one of them."""
    declared = declared_parameters(workspace.channels)
    measurements: list[Measurement] = list(workspace.measurements)
    sets = [parameter_sets(workspace, m, workspace.conventions) for m in measurements]
    found: dict[tuple[str, ...], tuple[str, ...] | None] = {}
    for c in workspace.channels:
        for s in c.samples:
            names = _on_sample(s, used)
            if names and found.get(names, ()) is not None:
                found[names] = _product(s, names, made, declared, sets)
    while bad := {name for names, leaves in found.items() if leaves is None for name in names}:
        spoilt = [names for names, leaves in found.items() if leaves is not None and bad & set(names)]
        if not spoilt:
            break
        found |= dict.fromkeys(spoilt)
    return {names: leaves for names, leaves in found.items() if leaves is not None}


def _product(
    sample: Sample,
    names: tuple[str, ...],
    made: Mapping[str, "Expression"],
    declared: Mapping[str, DeclaredParameter],
    sets: Sequence[Sets],
) -> tuple[str, ...] | None:
    """The free parameters, each once, whose product these Functions are on the sample."""
    if any(n not in made for n in names) or any(isinstance(m, NormFactor) and m.power > 1 for m in sample.modifiers):
        return None
    if not all(made[n].smooth for n in names):  # which may differ between any two points
        return None
    leaves = tuple(dict.fromkeys(leaf for n in names for leaf in made[n].names))
    others = {m.name for m in sample.modifiers if m.name not in names}
    constrained = {root for d in declared.values() if d.kind != "normfactor" for root in (d.name, *d.root_names)}
    free = all(leaf in by_name and by_name[leaf].constraints == (None,) for by_name in sets for leaf in leaves)
    if not free or others & set(leaves) or constrained & set(leaves):
        return None
    for by_name in sets:
        if not all(_equal([made[n] for n in names], p) for p in _points([by_name[leaf] for leaf in leaves])):
            return None
    return leaves


def _equal(expressions: Sequence["Expression"], point: Mapping[str, float]) -> bool:
    value = prod(e.evaluate([point[n] for n in e.names])[0] for e in expressions)
    return isclose(value, prod(point.values()), rel_tol=1e-12)


def _points(parameters: Sequence[ParameterSet]) -> Iterable[Mapping[str, float]]:
    """Points all over the ranges, such that no two parameters move alike, and both ends of each range."""
    start = {s.root_names[0]: s.inits[0] for s in parameters}
    moving = {s.root_names[0]: _range(s) for s in parameters if not s.fixed[0]}
    for name, ends in moving.items():
        yield from ({**start, name: end} for end in ends)
    for k in range(1, _N_POINTS + 1):  # multiples of irrational numbers fill the unit interval evenly
        fractions = (k * _GOLDEN * sqrt(i + 1.0) % 1.0 for i in range(len(moving)))
        yield start | {n: low + (high - low) * x for (n, (low, high)), x in zip(moving.items(), fractions, strict=True)}


def _range(s: ParameterSet) -> tuple[float, float]:
    """The range, or one around the value where it has no ends (a constant)."""
    low, high = s.bounds[0]
    return low if isfinite(low) else min(s.inits[0], 0.0), high if isfinite(high) else max(s.inits[0], 10.0)


def _as_norm_factor(s: ParameterSet) -> ParameterConfig:
    return ParameterConfig(name=s.name, inits=s.inits, bounds=(_range(s),), fixed=True if s.fixed[0] else None)


def _free(name: str, expression: "Expression", sets: Sets) -> ParameterConfig:
    """A norm factor with the value and the range that the expression has: each parameter moved alone, 101 values."""
    places = {root: (s, i) for s in sets.values() for i, root in enumerate(s.root_names)}
    start = [places[n][0].inits[places[n][1]] for n in expression.names]
    first = expression.evaluate(start)[0]
    found = [first]
    for k, leaf in enumerate(expression.names):
        low, high = places[leaf][0].bounds[places[leaf][1]]
        steps = range(101 if isfinite(low) and isfinite(high) else 0)
        points = ([*start[:k], low + (high - low) * step / 100, *start[k + 1 :]] for step in steps)
        found += [expression.evaluate(point)[0] for point in points]
    values = [v for v in found if isfinite(v)]
    if not isfinite(first):
        first, values = 1.0, [*values, 0.0, 1.0]
    return ParameterConfig(name=name, inits=(first,), bounds=((min(values), max(values)),))


def _with_factors(sample: Sample, used: Iterable[str], products: Products) -> Sample:
    names = _on_sample(sample, used)
    if names not in products:
        return sample
    first = next(i for i, m in enumerate(sample.modifiers) if m.name == names[0])
    kept = [m for m in sample.modifiers if m.name not in names]
    factors = [NormFactor(name=leaf) for leaf in products[names]]
    return replace(sample, modifiers=(*kept[:first], *factors, *kept[first:]))
