"""What a measurement has to say so that parameters have the values, ranges and constraints of a RooWorkspace."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import inf, isclose
from typing import Any

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.formats.histfactory_xml.grammar import Notes
from hftranslate.formats.root_workspace.roofit import Variable
from hftranslate.formats.root_workspace.terms import Term
from hftranslate.workspace import Measurement, ParameterConfig, Workspace
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import ParameterSet, parameter_sets

#: Numbers are the same if they differ by rounding.
_ROUNDING = 1e-12
#: What stands for a range without an end.
_FAR = 1e30

Roots = Mapping[str, tuple[Variable, Term | None]]


def with_settings(workspace: Workspace, measurement: Measurement, roots: Roots, notes: Notes) -> Measurement:
    """The measurement with settings wherever the defaults are not what the variables say.

    Parameters
    ----------
    roots
        the variable of each parameter and its constraint, by ROOT's name.

    Raises
    ------
    Unsupported
        A parameter is not as HistFactory makes it, and cannot be set so.
    """
    declared = declared_parameters(workspace.channels)
    lumi = [d for d in declared.values() if d.kind == "lumi"]
    stated = replace(measurement, parameters=tuple(_lumi(d, *roots[d.root_names[0]]) for d in lumi))
    default = parameter_sets(workspace, stated, workspace.conventions)
    settings = []
    for name, parameters in default.items():
        config = _setting(stated.parameter(name), parameters, roots)
        if config != ParameterConfig(name=name):
            settings.append(config)
    result = replace(measurement, parameters=tuple(settings))
    try:
        reached = parameter_sets(workspace, result, workspace.conventions)
    except InvalidWorkspace as error:
        raise Unsupported(f"the settings of the variables cannot be said: {error}") from None
    for parameters in reached.values():
        _check(parameters, roots, notes)
    return result


def _lumi(declared: DeclaredParameter, variable: Variable, term: Term | None) -> ParameterConfig:
    """What the luminosity cannot do without."""
    centre, sigma = (variable.value, 0.0) if term is None else (term.centre, term.width)
    return ParameterConfig(name=declared.name, inits=(variable.value,), auxdata=(centre,), sigmas=(sigma,))


def _setting(config: ParameterConfig, parameters: ParameterSet, roots: Roots) -> ParameterConfig:
    """The settings that a set needs."""
    found = [roots[name] for name in parameters.root_names]
    changes: dict[str, Any] = {}
    values = [v.value for v, _ in found]
    bounds = [(max(v.low, -_FAR), min(v.high, _FAR)) for v, _ in found]
    always = parameters.kind == "normfactor"
    if always or not _same(values, parameters.inits):
        changes["inits"] = tuple(values)
    if always or not _same(sum(bounds, ()), sum(parameters.bounds, ())):
        changes["bounds"] = tuple(bounds)
    constant = tuple(v.constant for v, _ in found)
    if constant != parameters.fixed:
        changes["fixed"] = constant if parameters.kind == "gamma" and not all(constant) else True
    pairs = [(t, c) for (_, t), c in zip(found, parameters.constraints, strict=True) if t is not None and c is not None]
    if pairs and not _same([t.centre for t, _ in pairs], [c.auxdata for _, c in pairs]):
        changes["auxdata"] = tuple(
            t.centre if t is not None else 1.0 if c is None else c.auxdata
            for (_, t), c in zip(found, parameters.constraints, strict=True)
        )
    if parameters.kind == "gamma" and pairs and not _same([t.width for t, _ in pairs], [c.width for _, c in pairs]):
        word = "factors" if pairs[0][1].kind == "poisson" else "sigmas"
        changes[word] = tuple(1.0 if t is None else t.width for _, t in found)
    return replace(config, **changes)


def _same(one: Iterable[float], two: Iterable[float]) -> bool:
    return all(isclose(a, b, rel_tol=_ROUNDING, abs_tol=_ROUNDING) for a, b in zip(one, two, strict=True))


def _check(parameters: ParameterSet, roots: Roots, notes: Notes) -> None:
    """That the set has become what the variables say."""
    for i, name in enumerate(parameters.root_names):
        variable, term = roots[name]
        constraint = parameters.constraints[i]
        reached = [parameters.inits[i], *parameters.bounds[i]]
        wanted = [variable.value, max(variable.low, -_FAR), min(variable.high, _FAR)]
        if not _same(reached, wanted) or parameters.fixed[i] != variable.constant:
            raise Unsupported(
                f"the variable {name!r} (value {variable.value:g}, range [{variable.low:g}, {variable.high:g}], "
                f"{'constant' if variable.constant else 'not constant'}) cannot be said in the words of HistFactory"
            )
        if (term is None) != (constraint is None):
            raise Unsupported(f"{name!r} has {'no' if term is None else 'a'} constraint term, against HistFactory")
        if term is None or constraint is None:
            continue
        if term.kind != constraint.kind or not _same([term.centre], [constraint.auxdata]):
            raise Unsupported(f"{name!r} has a {term.kind} constraint around {term.centre:g}, against HistFactory")
        if term.kind != "gamma" and not _same([term.width], [constraint.width]):
            raise Unsupported(f"{name!r} has a constraint of width {term.width:g}, which cannot be said")
        _note_domain(name, term, constraint.domain, notes)


def _note_domain(name: str, term: Term, domain: Sequence[float], notes: Notes) -> None:
    """A constraint is normalised over the range of its global observable, which is not always ROOT's."""
    low, high = term.observable.low, term.observable.high
    if term.kind == "poisson" or _same([low, high], list(domain)) or (low, high) == (-inf, inf) == tuple(domain):
        return
    what = (
        f"its constraint is normalised over {term.observable.name!r} in [{low:g}, {high:g}] in the file, over "
        f"[{domain[0]:g}, {domain[1]:g}] here, as HistFactory makes it"
    )
    notes.add("convention", f"parameter {name!r}", what)
