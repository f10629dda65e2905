"""The parameters of a measurement, fully resolved: initial values, ranges, constants and constraint terms.

This is where a measurement's settings meet the modifiers' declarations and the conventions' defaults.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import hypot, inf
from typing import Literal

from hftranslate.errors import InvalidWorkspace
from hftranslate.expressions import Dependent
from hftranslate.functions import settle_functions, used_names
from hftranslate.naming import DeclaredParameter, ParameterKind, declared_parameters
from hftranslate.workspace import (
    BinConstraint,
    Channel,
    ConstraintTerm,
    Conventions,
    Measurement,
    NormSys,
    Number,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)

Range = tuple[float, float]

#: ROOT's range of free bin factors.
ROOT_SHAPEFACTOR_RANGE: Range = (0.0, 1000.0)
#: Poisson constraints weaker than this (relative uncertainties of 1e145) or as much stronger are cut off there.
_SMALLEST_SCALE = 1e-290
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


def parameter_sets(workspace: Workspace, measurement: Measurement, conventions: Conventions) -> dict[str, ParameterSet]:
    """All parameter sets of a measurement, by name, in pyhf's order.

    Raises
    ------
    InvalidWorkspace
        Settings that do not fit the parameter they name, or a luminosity that is not configured.
    """
    without_normsys = {t.name for t in measurement.constraint_terms if t.kind in ("none", "gamma")}
    made = used_names(workspace)
    declared_sets = declared_parameters(workspace.channels)
    sets = {}
    n_samples = sum(len(c.samples) for c in workspace.channels)
    for name, declared in declared_sets.items():
        if name in made:  # the function takes the place of the parameter
            continue
        if name in without_normsys and all(isinstance(m, NormSys) for _, _, m in declared.uses):
            continue
        everywhere = len(declared.uses) == n_samples
        sets[name] = _resolve(declared, measurement, conventions, everywhere)
    for term in measurement.constraint_terms:
        if term.kind == "gamma" and term.name in declared_sets and any(declared_sets[term.name].modifiers(NormSys)):
            sets[beta_name(term.name)] = _beta(term, measurement)
    settled = settle_functions(workspace.functions)
    sets = {name: _defined(s, settled.definitions.get(s.root_names[0]), measurement) for name, s in sets.items()}
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


def _beta(term: ConstraintTerm, measurement: Measurement) -> ParameterSet:
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
        root_names=(name,),
        inits=tuple(_entries(config.inits, 1, f"{where}: inits", [1.0])),
        bounds=((0.0, _HIGHEST_BETA),) if config.bounds is None else _pairs(config.bounds),
        fixed=(config.fixed is True,),
        constraints=(Constraint(kind="gamma", auxdata=aux, width=width, domain=(0.0, _HIGHEST_BETA)),),
    )


def _defined(s: ParameterSet, definition: Dependent | None, measurement: Measurement) -> ParameterSet:
    """A parameter that a Function defines: it has value and range from there where no setting says otherwise."""
    if definition is None or definition.value is None:
        return s
    config = measurement.parameter(s.name)
    return replace(
        s,
        inits=(definition.value,) if config.inits is None else s.inits,
        bounds=((definition.low, definition.high),) if config.bounds is None else s.bounds,
        fixed=(definition.constant or s.fixed[0],),
    )


def _dependent(dependent: Dependent, measurement: Measurement) -> ParameterSet:
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


def _resolve(
    declared: DeclaredParameter, measurement: Measurement, conventions: Conventions, everywhere: bool
) -> ParameterSet:
    config = measurement.parameter(declared.name)
    where = f"measurement {measurement.name!r}: parameter {declared.name!r}"
    match declared.kind:
        case "lumi":
            constraints, always_fixed, default = _lumi(config, where, conventions, everywhere)
            init = _entries(config.auxdata, 1, f"{where}: auxdata", [1.0])
        case "normfactor":
            _refuse(config, where, "auxdata", "sigmas", "factors")
            constraints, always_fixed, default, init = [None], [False], [(0.0, 10.0)], [1.0]
        case "alpha":
            _refuse(config, where, "sigmas", "factors")
            uniform = any(t.name == declared.name and t.kind == "uniform" for t in measurement.constraint_terms)
            aux = _entries(config.auxdata, 1, f"{where}: auxdata", [0.0])
            constraints = [_gaussian(aux[0], 100.0 if uniform else 1.0, (-10.0, 10.0))]
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
        fixed=tuple(_fixed(config, where, always_fixed, conventions)),
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


def _fixed(config: ParameterConfig, where: str, always: list[bool], conventions: Conventions) -> list[bool]:
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
    root_lumi = conventions.root_ranges and everywhere
    bounds = (0.0, 10.0 * lumi) if root_lumi else (lumi - 5.0 * sigma, lumi + 5.0 * sigma)
    if sigma == 0.0:  # ROOT: no constraint term, and constant
        return [None], [True], [bounds]
    lowest = 0.0 if everywhere else lumi - 10.0 * sigma
    return [_gaussian(lumi, sigma, (lowest, lumi + 10.0 * sigma))], [False], [bounds]


def _bin_factors(
    declared: DeclaredParameter, config: ParameterConfig, where: str, conventions: Conventions
) -> tuple[list[Constraint | None], list[bool], list[Range]]:
    size = declared.size
    kind, widths = bin_widths(declared)
    if kind is None:
        _refuse(config, where, "auxdata", "sigmas", "factors")
        return (
            [None] * size,
            [False] * size,
            [ROOT_SHAPEFACTOR_RANGE if conventions.root_ranges else (0.0, 10.0)] * size,
        )
    _refuse(config, where, "factors" if kind == "gaussian" else "sigmas")
    threshold = max((m.threshold for _, _, m in declared.modifiers(StatError) if isinstance(m, StatError)), default=0.0)
    last = _last_widths(declared) or widths
    fixed = [w <= 0.0 or w < threshold for w in last]
    if conventions.root_ranges:
        bounds = [(0.0, 1.0 + 5.0 * w) if w > 0.0 else (0.0, 10.0) for w in last]
    else:
        bounds = [(1e-10, 10.0)] * size
    default_width = [w if w > 0.0 else 1.0 for w in widths]
    if kind == "gaussian":
        scale = _positive(_entries(config.sigmas, size, f"{where}: sigmas", default_width), f"{where}: sigmas")
        aux = _entries(config.auxdata, size, f"{where}: auxdata", [1.0] * size)
        domain = (0.0, 10.0)
    else:
        tau = _poisson_factors(declared, default_width)
        scale = _positive(_entries(config.factors, size, f"{where}: factors", tau), f"{where}: factors")
        aux = _positive(_entries(config.auxdata, size, f"{where}: auxdata", tau), f"{where}: auxdata", or_zero=True)
        domain = (0.0, inf)
    constraints = [
        Constraint(kind=kind, auxdata=a, width=s, domain=domain) if w > 0.0 or conventions.constrain_empty else None
        for a, s, w in zip(aux, scale, widths, strict=True)
    ]
    return constraints, fixed, bounds


def bin_widths(declared: DeclaredParameter) -> tuple[BinConstraint | None, list[float]]:
    """Constraint kind and relative uncertainty of each bin factor; zero where the factor has none.

    Staterror: ``sqrt(sum e^2) / sum h`` over the samples that carry it, zero where ``sum h <= 0``. Shapesys: of the
    first sample in alphabetical order of channels, as ROOT settles it when several samples share one.
    """
    staterrors = [(c, s, m) for c, s, m in declared.uses if isinstance(m, StatError)]
    if staterrors:
        settings = {(m.constraint, m.threshold) for _, _, m in staterrors}
        if len(settings) > 1:
            raise InvalidWorkspace(
                f"staterror {declared.name!r} has conflicting constraint types or thresholds: {settings}"
            )
        by_channel: dict[str, tuple[Channel, list[float], list[float]]] = {}
        for channel, sample, m in staterrors:
            _, total, error = by_channel.setdefault(
                channel.name, (channel, [0.0] * channel.n_bins, [0.0] * channel.n_bins)
            )
            for i, (h, e) in enumerate(zip(sample.nominal, m.data, strict=True)):
                total[i] += h
                error[i] = hypot(error[i], e)
        widths = []
        for name in declared.bin_channels:
            _, total, error = by_channel[name]
            widths += [e / t if t > 0.0 else 0.0 for t, e in zip(total, error, strict=True)]
        return staterrors[0][2].constraint, widths
    for _, sample, modifier in declared.uses:
        if isinstance(modifier, ShapeSys):
            return modifier.constraint, _shapesys_widths(modifier, sample)
    return None, [0.0] * declared.size


def _shapesys_widths(modifier: ShapeSys, sample: Sample) -> list[float]:
    if modifier.relative:
        return [max(float(d), 0.0) for d in modifier.data]
    return [d / h if d > 0 and h > 0 else 0.0 for d, h in zip(modifier.data, sample.nominal, strict=True)]


def _last_widths(declared: DeclaredParameter) -> list[float] | None:
    """What settles ranges and constants of a shared ShapeSys: the last sample of the first channel, as in ROOT."""
    uses = [(c, s, m) for c, s, m in declared.uses if isinstance(m, ShapeSys)]
    if not uses:
        return None
    _, sample, modifier = [use for use in uses if use[0].name == uses[0][0].name][-1]
    return _shapesys_widths(modifier, sample)


def _poisson_factors(declared: DeclaredParameter, widths: list[float]) -> list[float]:
    for _, sample, m in declared.uses:
        if isinstance(m, ShapeSys) and not m.relative:  # pyhf's expression, which keeps integers exact
            return [_scale(h, d) if d > 0 and h > 0 else 1.0 for d, h in zip(m.data, sample.nominal, strict=True)]
    return [_scale(1.0, w) for w in widths]


def _scale(nominal: Number, uncertainty: Number) -> float:
    """``(nominal / uncertainty)^2``, kept within what double precision can hold."""
    try:
        scale = float(nominal**2 / uncertainty**2)
    except (OverflowError, ZeroDivisionError):
        ratio = nominal / uncertainty
        scale = ratio * ratio
    return min(max(scale, _SMALLEST_SCALE), 1.0 / _SMALLEST_SCALE)
