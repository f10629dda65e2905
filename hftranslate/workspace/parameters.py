"""The parameters of a measurement, fully resolved: initial values, ranges, constants and constraint terms.

This is where a measurement's settings meet the modifiers' declarations and the conventions' defaults.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Literal

from hftranslate.errors import InvalidWorkspace
from hftranslate.records import record
from hftranslate.workspace import (
    BinConstraint,
    ConstraintTerm,
    Conventions,
    Measurement,
    NormSys,
    Number,
    ParameterConfig,
    Workspace,
)
from hftranslate.workspace.bin_factors import Range, bin_factors, bin_widths
from hftranslate.workspace.functions import settle_functions, used_names
from hftranslate.workspace.map import all_uses
from hftranslate.workspace.parameter_names import DeclaredParameter, ParameterKind, declared_parameters, stem

if TYPE_CHECKING:
    from hftranslate.workspace.expressions import Dependent

#: Upper end of the range of ROOT's parameter of a Gamma term, and of its global observable.
_HIGHEST_BETA = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """The constraint term of one parameter.

    Gaussian: ``auxdata`` is drawn around the parameter with standard deviation ``width`` and lies in ``domain``.
    Poisson: ``auxdata`` is drawn with the mean ``parameter * width``. Gamma: ROOT's, with the relative uncertainty
    ``width`` and ``auxdata`` in ``domain``.
    """

    kind: BinConstraint | Literal["gamma"]
    auxdata: float
    width: float
    domain: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterSet:
    """A parameter set of a measurement, all sequences with one entry per parameter of the set.

    ``constraints`` are ``None`` for free parameters and for bin factors without an uncertainty.
    """

    name: str
    kind: ParameterKind
    names: tuple[str, ...]
    root_names: tuple[str, ...]
    inits: tuple[float, ...]
    bounds: tuple[Range, ...]
    fixed: tuple[bool, ...]
    constraints: tuple[Constraint | None, ...]


def parameter_sets(
    workspace: Workspace,
    measurement: Measurement,
    conventions: Conventions,
    declared_sets: Mapping[str, DeclaredParameter] | None = None,
) -> dict[str, ParameterSet]:
    """All parameter sets of a measurement, by name, in pyhf's order.

    Parameters
    ----------
    workspace
        the model.
    measurement
        whose settings count.
    conventions
        whose ranges and defaults count.
    declared_sets
        what the workspace's channels declare, by the names of the sets, where it is known.

    Returns
    -------
    dict
        each set with initial values, ranges, constants and constraints.

    Raises
    ------
    InvalidWorkspace
        Settings that do not fit the parameter they name, or a luminosity that is not configured.
    """
    without_normsys = {t.name for t in measurement.constraint_terms if t.kind in ("none", "gamma")}
    made = used_names(workspace)
    if declared_sets is None:
        declared_sets = declared_parameters(workspace.channels)
    sets = {}
    settings = _Settings.of(measurement)
    n_samples = sum(len(c.samples) for c in workspace.channels)
    for name, declared in declared_sets.items():
        if name in made:  # the function takes the place of the parameter
            continue
        if name in without_normsys and all(isinstance(m, NormSys) for _, _, m in declared.uses):
            continue
        sets[name] = _resolve(declared, settings, conventions, n_samples)
    for term in measurement.constraint_terms:
        if term.kind == "gamma" and term.name in declared_sets and any(declared_sets[term.name].modifiers(NormSys)):
            sets[beta_name(term.name)] = _beta(term, measurement, declared_sets[term.name])
    settled = settle_functions(workspace.functions)
    if settled.definitions:
        sets = {
            name: s
            if settled.definitions.keys().isdisjoint(s.root_names)
            else _with_definitions(s, workspace, measurement)
            for name, s in sets.items()
        }
    known = {root for s in sets.values() for root in s.root_names}
    for leaf in settled.leaves(made):
        if leaf not in known:
            if leaf in sets:
                raise InvalidWorkspace(
                    f"a Function depends on a parameter {leaf!r} of its own, and {sets[leaf].root_names[0]!r} goes by "
                    f"the name {leaf!r}, too; rename one of them"
                )
            sets[leaf] = _dependent(settled.definitions[leaf], measurement)
    return sets


def beta_name(systematic: str) -> str:
    """The parameter that takes the place of a systematic with a Gamma term, pyhf's way and ROOT's."""
    return f"beta_{systematic}"


def _beta(term: ConstraintTerm, measurement: Measurement, declared: DeclaredParameter) -> ParameterSet:
    """ROOT's parameter of a Gamma term: its global observable, ``1 / r^2``, is cut off at the end of its range."""
    name = beta_name(term.name)
    config = measurement.parameter(name)
    where = f"measurement {measurement.name!r}: parameter {name!r}"
    _refuse(config, where, "sigmas", "factors")
    width = term.relative_uncertainty
    if width <= 0.0:
        raise InvalidWorkspace(f"measurement {measurement.name!r}: the gamma constraint of {term.name!r} has no width")
    aux = _entries(config.auxdata, 1, f"{where}: auxdata", [min(1.0 / width / width, _HIGHEST_BETA)])[0]
    return ParameterSet(
        name=name,
        kind="normfactor",
        names=(name,),
        root_names=(beta_name(stem(declared.uses[0][2])),),
        inits=tuple(_entries(config.inits, 1, f"{where}: inits", [1.0])),
        bounds=((0.0, _HIGHEST_BETA),) if config.bounds is None else _pairs(config.bounds),
        fixed=(config.fixed is True,),
        constraints=(Constraint(kind="gamma", auxdata=aux, width=width, domain=(0.0, _HIGHEST_BETA)),),
    )


def _with_definitions(s: ParameterSet, workspace: Workspace, measurement: Measurement) -> ParameterSet:
    """A set with parameters that Functions define: value and range from there where no setting says otherwise.

    ROOT sets the ranges of bin factors itself in the channels that have them, so that the Function's range, and its
    constancy, count only where a channel with the Function comes before all of these.
    """
    definitions = settle_functions(workspace.functions).definitions
    config = measurement.parameter(s.name)
    inits, bounds, fixed = list(s.inits), list(s.bounds), list(s.fixed)
    for i, root in enumerate(s.root_names):
        definition = definitions.get(root)
        if definition is None or definition.value is None:
            continue
        before = s.kind == "gamma" and _made_before(workspace, s.name, root)
        if config.bounds is None and (s.kind != "gamma" or before):
            bounds[i] = (definition.low, definition.high)
        if before:
            fixed[i] = config.fixed[i] if isinstance(config.fixed, tuple) else config.fixed is True
        fixed[i] = fixed[i] or definition.constant
        if config.inits is None:
            inits[i] = definition.value if s.kind != "gamma" else min(max(definition.value, bounds[i][0]), bounds[i][1])
    return replace(s, inits=tuple(inits), bounds=tuple(bounds), fixed=tuple(fixed))


def _made_before(workspace: Workspace, name: str, root: str) -> bool:
    """Whether a channel with a Function of the bin factor comes before all with the factor, in ROOT's order."""

    def first(names: Set[str]) -> str | None:
        return min((c.name for c, _, m in all_uses(workspace.channels) if m.name in names), default=None)

    made = {f for f, leaves in settle_functions(workspace.functions).depends.items() if root in leaves}
    before, own = first(made), first({name})
    return before is not None and own is not None and before < own


def _dependent(dependent: "Dependent", measurement: Measurement) -> ParameterSet:
    """A parameter that only Functions know."""
    name = dependent.name
    config = measurement.parameter(name)
    where = f"measurement {measurement.name!r}: parameter {name!r}"
    assert dependent.value is not None
    return ParameterSet(
        name=name,
        kind="normfactor",
        names=(name,),
        root_names=(name,),
        inits=tuple(_entries(config.inits, 1, f"{where}: inits", [dependent.value])),
        bounds=((dependent.low, dependent.high),) if config.bounds is None else _pairs(config.bounds),
        fixed=(dependent.constant or config.fixed is True,),
        constraints=(None,),
    )


def _pairs(bounds: Sequence[tuple[Number, Number]]) -> tuple[Range, ...]:
    return tuple((float(low), float(high)) for low, high in bounds)


#: What a measurement says of a parameter that it does not name.
_NOTHING = ParameterConfig(name="")


@record
class _Settings:
    """What a measurement says of parameters, and the systematics of which it makes uniform ones."""

    measurement: str
    by_name: Mapping[str, ParameterConfig]
    uniform: Set[str]

    @classmethod
    def of(cls, measurement: Measurement) -> "_Settings":
        return cls(
            measurement=measurement.name,
            by_name={p.name: p for p in measurement.parameters},
            uniform={t.name for t in measurement.constraint_terms if t.kind == "uniform"},
        )


def _resolve(
    declared: DeclaredParameter, settings: _Settings, conventions: Conventions, n_samples: int
) -> ParameterSet:
    config = settings.by_name.get(declared.name, _NOTHING)
    where = f"measurement {settings.measurement!r}: parameter {declared.name!r}"
    match declared.kind:
        case "lumi":
            everywhere = len(declared.uses) == n_samples
            constraints, always_fixed, default = _lumi(config, where, conventions, everywhere)
            init = _entries(config.auxdata, 1, f"{where}: auxdata", [1.0])
        case "normfactor":
            _refuse(config, where, "auxdata", "sigmas", "factors")
            constraints, always_fixed, default, init = [None], [False], [(0.0, 10.0)], [1.0]
        case "alpha":
            _refuse(config, where, "sigmas", "factors")
            aux = _entries(config.auxdata, 1, f"{where}: auxdata", [0.0])
            width = 100.0 if declared.name in settings.uniform else 1.0
            constraints = [_gaussian(aux[0], width, (-10.0, 10.0))]
            always_fixed, default, init = [False], [(-5.0, 5.0)], [0.0]
        case "gamma":
            constraints, always_fixed, default = _bin_factors(declared, config, where, conventions)
            init = [1.0] * declared.size
    size = declared.size
    bounds = default if config.bounds is None else [(float(lo), float(hi)) for lo, hi in config.bounds]
    if len(bounds) != size:
        raise InvalidWorkspace(f"{where}: {len(bounds)} bounds for {size} parameter(s)")
    return ParameterSet(
        name=declared.name,
        kind=declared.kind,
        names=declared.names,
        root_names=declared.root_names,
        inits=tuple(_entries(config.inits, size, f"{where}: inits", init)),
        bounds=tuple(bounds),
        fixed=tuple(_constancy(config, where, always_fixed, conventions)),
        constraints=tuple(constraints),
    )


def _entries(given: Sequence[Number] | None, size: int, what: str, default: list[float]) -> list[float]:
    if given is None:
        return default
    if len(given) != size:
        raise InvalidWorkspace(f"{what}: {len(given)} values for {size} parameter(s)")
    return [float(v) for v in given]


def _positive(values: list[float], what: str, *, or_zero: bool = False) -> list[float]:
    for i, v in enumerate(values):
        if v < 0.0 or (v == 0.0 and not or_zero):
            raise InvalidWorkspace(f"{what}: entry {i} is {v:g}; it must be {'at least' if or_zero else 'above'} zero")
    return values


def _refuse(config: ParameterConfig, where: str, *attributes: str) -> None:
    for attribute in attributes:
        if getattr(config, attribute) is not None:
            raise InvalidWorkspace(f"{where} has no constraint that {attribute!r} could set")


def _constancy(config: ParameterConfig, where: str, always: list[bool], conventions: Conventions) -> list[bool]:
    if config.fixed is None:
        return always
    if isinstance(config.fixed, bool):
        if conventions.root_ranges:
            return [a or config.fixed for a in always]
        return [config.fixed] * len(always)  # pyhf: the setting replaces the default, also in empty bins
    if len(config.fixed) != len(always):
        raise InvalidWorkspace(f"{where}: {len(config.fixed)} flags 'fixed' for {len(always)} parameter(s)")
    return [a or f for a, f in zip(always, config.fixed, strict=True)]


def _gaussian(auxdata: float, width: float, domain: Range) -> Constraint | None:
    return Constraint(kind="gaussian", auxdata=auxdata, width=width, domain=domain)


def _lumi(
    config: ParameterConfig, where: str, conventions: Conventions, everywhere: bool
) -> tuple[list[Constraint | None], list[bool], list[Range]]:
    """The luminosity. ROOT's own multiplies every sample; one of some samples is said by a unit Gaussian there."""
    _refuse(config, where, "factors")
    if config.auxdata is None or config.sigmas is None:
        raise InvalidWorkspace(
            f"{where} is used by a lumi modifier but has no auxdata and sigmas; "
            "add them to the measurement's parameters"
        )
    lumi = _entries(config.auxdata, 1, f"{where}: auxdata", [])[0]
    sigma = _positive(_entries(config.sigmas, 1, f"{where}: sigmas", []), f"{where}: sigmas", or_zero=True)[0]
    nominal = lumi if config.nominal is None else float(config.nominal)
    root_lumi = conventions.root_ranges and everywhere
    bounds = (0.0, 10.0 * nominal) if root_lumi else (nominal - 5.0 * sigma, nominal + 5.0 * sigma)
    if sigma == 0.0:  # ROOT: no constraint term, and constant
        return [None], [True], [bounds]
    lowest = 0.0 if everywhere else nominal - 10.0 * sigma
    return [_gaussian(lumi, sigma, (lowest, nominal + 10.0 * sigma))], [False], [bounds]


def _bin_factors(
    declared: DeclaredParameter, config: ParameterConfig, where: str, conventions: Conventions
) -> tuple[list[Constraint | None], list[bool], list[Range]]:
    size = declared.size
    factors = bin_factors(declared)
    roots = [f.range for f in factors]
    kind, widths = bin_widths(declared)
    if kind is None:
        _refuse(config, where, "auxdata", "sigmas", "factors")
        return [None] * size, [False] * size, roots if conventions.root_ranges else [(0.0, 10.0)] * size
    kinds = [f.kind or kind for f in factors]
    word = {"gaussian": "sigmas", "poisson": "factors"}[kind]
    _refuse(config, where, *({"sigmas", "factors"} - ({word} if len(set(kinds)) == 1 else set())))
    scales = [f.scale if k == "poisson" else w or 1.0 for f, k, w in zip(factors, kinds, widths, strict=True)]
    scales = _positive(_entries(getattr(config, word), size, f"{where}: {word}", scales), f"{where}: {word}")
    centres = _entries(config.auxdata, size, f"{where}: auxdata", [f.centre for f in factors])
    if "poisson" in kinds:
        _positive(centres, f"{where}: auxdata", or_zero=True)
    constraints = [
        Constraint(kind=k, auxdata=c, width=s, domain=(0.0, 10.0 if k == "gaussian" else inf))
        if f.kind is not None or conventions.constrain_empty
        else None
        for f, k, c, s in zip(factors, kinds, centres, scales, strict=True)
    ]
    fixed = [f.constant for f in factors]
    return constraints, fixed, roots if conventions.root_ranges else [(1e-10, 10.0)] * size
