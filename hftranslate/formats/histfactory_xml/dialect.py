"""Exact rewriting of a Workspace into what HistFactory XML, read by ROOT, can say.

In the XML dialect every sample carries the luminosity (or none does and a Function scales some samples), each channel
has at most one staterror, named after the channel, shapesys are relative, and names are ones that ROOT accepts.

Of pyhf JSON, XML has no word for: ranges of parameters other than norm factors (and shape factors since ROOT 6.42),
centres of constraints outside ROOT's range, widths that differ between measurements, settings of parameters that no
modifier uses, and names of staterrors.
"""

from collections.abc import Iterable, Set
from dataclasses import replace
from functools import partial
from itertools import count

from hftranslate.formats.histfactory_xml.clashes import staterrors_of_a_channel
from hftranslate.formats.histfactory_xml.constraints import bare, constraint_widths, same_number, unsayable_centres
from hftranslate.formats.histfactory_xml.lumi import luminosity
from hftranslate.formats.histfactory_xml.names import root_names, root_values, unique
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, SHAPEFACTOR_RANGES, Version
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import Rewriting, Step, listed, outcome
from hftranslate.workspace import (
    ROOT,
    Channel,
    Measurement,
    Modifier,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    Workspace,
)
from hftranslate.workspace.bin_factors import ROOT_SHAPEFACTOR_RANGE, Range, bin_widths
from hftranslate.workspace.functions import redefined, settle_functions
from hftranslate.workspace.map import map_modifiers, map_parameters, set_parameters
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters, staterror_name, staterror_stem
from hftranslate.workspace.parameters import ParameterSet, parameter_sets

#: Stands in the XML, where ROOT demands a parameter of interest, for there being none; ROOT drops unknown names.
NO_POI = "no_parameter_of_interest"


# ------------------------------------------------------------------------------------------------------- bin factors
def _staterrors(workspace: Workspace) -> Rewriting:
    """One staterror a channel, named after it; others become shapesys with their combined width."""
    outcomes: list[Outcome] = []
    new_names: dict[tuple[str, str], str] = {}
    shapes: dict[tuple[str, str], ShapeSys] = {}
    declared = declared_parameters(workspace.channels)
    alone = staterrors_of_a_channel(declared)
    targets = {name: _free_name(staterror_name(channel), declared.keys() - {name}) for name, channel in alone.items()}
    taken = set(declared) | set(targets.values())
    for name, d in declared.items():
        if not any(d.modifiers(StatError)):
            continue
        if name in alone:
            target = new_names[name, alone[name]] = targets[name]
            if name != target:
                what = f"has no name in XML; read back as {target!r}"
                outcomes.append(outcome("rewrite", f"staterror {name!r}", what))
            continue
        kind, widths = bin_widths(d)
        start = 0
        for channel_name in d.bin_channels:
            n = workspace.channel(channel_name).n_bins
            shape_name = name if len(d.bin_channels) == 1 else unique(f"{name}_{channel_name}", taken)
            taken.add(shape_name)
            new_names[name, channel_name] = shape_name
            shapes[name, channel_name] = ShapeSys(
                name=shape_name, data=tuple(widths[start : start + n]), relative=True, constraint=kind or "gaussian"
            )
            start += n
        what = f"one of several in its channel, or over several channels: a {kind} shapesys with its combined width"
        outcomes.append(outcome("rewrite", f"staterror {name!r}", what))

    def change(c: Channel, _s: Sample, m: Modifier) -> Modifier:
        if isinstance(m, StatError):
            return shapes.get((m.name, c.name)) or replace(m, name=new_names[m.name, c.name])
        if isinstance(m, ShapeSys | ShapeFactor) and m.name in alone:  # it shares the factors of the staterror
            return replace(m, name=targets[m.name], stem=staterror_stem(alone[m.name]))
        return m

    changed = map_modifiers(workspace, change)
    converted = {name for name, _ in shapes}
    measurements = tuple(
        _rename_bin_factors(_explicitly_fixed(m, workspace, converted), workspace, new_names)
        for m in changed.measurements
    )
    return replace(changed, measurements=measurements), tuple(outcomes)


def _free_name(name: str, taken: Set[str]) -> str:
    """What reading makes of the name of a staterror where something else has it."""
    return name if name not in taken else next(n for i in count() if (n := f"stat_{name}" + "_" * i) not in taken)


def _explicitly_fixed(measurement: Measurement, workspace: Workspace, names: set[str]) -> Measurement:
    """The measurement with what thresholds hold constant, of which shapesys know nothing, in its settings."""
    thresholds = any(
        isinstance(m, StatError) and m.name in names and m.threshold > 0.0
        for c in workspace.channels
        for s in c.samples
        for m in s.modifiers
    )
    if not thresholds:
        return measurement
    sets = parameter_sets(workspace, measurement, workspace.conventions)
    fixed = (name for name in sorted(names) if any(sets[name].fixed))
    return set_parameters(measurement, [replace(measurement.parameter(n), fixed=sets[n].fixed) for n in fixed])


def _rename_bin_factors(
    measurement: Measurement, workspace: Workspace, new_names: dict[tuple[str, str], str]
) -> Measurement:
    """Settings follow their parameters; those of a staterror over several channels are split."""
    parts: dict[str, list[tuple[str, slice]]] = {}
    for (old, channel), new in new_names.items():
        start = parts[old][-1][1].stop if old in parts else 0
        parts.setdefault(old, []).append((new, slice(start, start + workspace.channel(channel).n_bins)))
    parameters: list[ParameterConfig] = []
    for p in measurement.parameters:
        if p.name not in parts:
            parameters.append(p)
        for new, part in parts.get(p.name, ()):
            parameters.append(
                ParameterConfig(
                    name=new,
                    inits=p.inits and p.inits[part],
                    bounds=p.bounds and p.bounds[part],
                    fixed=p.fixed[part] if isinstance(p.fixed, tuple) else p.fixed,
                    auxdata=p.auxdata and p.auxdata[part],
                    sigmas=p.sigmas and p.sigmas[part],
                    factors=p.factors and p.factors[part],
                )
            )
    entries = {
        f"{old}[{i}]": f"{new}[{i - part.start}]"
        for old, targets in parts.items()
        for new, part in targets
        for i in range(part.start, part.stop)
    }
    pois = tuple(entries.get(p, p) for p in measurement.pois)
    return replace(measurement, parameters=tuple(parameters), pois=pois)


def _relative_shapesys(workspace: Workspace) -> Rewriting:
    """Uncertainties in units of the nominal yield; those of empty bins, which mean nothing in JSON, become zero."""
    outcomes: list[Outcome] = []

    def change(c: Channel, s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, ShapeSys) or m.relative:
            return m
        pairs = list(zip(m.data, s.nominal, strict=True))
        empty = [i for i, (d, h) in enumerate(pairs) if d != 0 and not (d > 0 and h > 0)]
        if empty:
            what = f"uncertainties of bins without events have no effect and no word in XML (bins {empty})"
            outcomes.append(outcome("carried", f"channel {c.name!r}, sample {s.name!r}: shapesys {m.name!r}", what))
        data = tuple(d / h if d > 0 and h > 0 else 0.0 for d, h in pairs)
        return replace(m, data=data, relative=True)

    return map_modifiers(workspace, change), tuple(outcomes)


# ---------------------------------------------------------------------------------------------------------- settings
def _parameters_of_interest(workspace: Workspace) -> Rewriting:
    measurements = tuple(m if m.pois else replace(m, pois=(NO_POI,)) for m in workspace.measurements)
    outcomes = tuple(
        outcome("rewrite", f"measurement {m.name!r}", f"has no parameter of interest; XML demands one: {NO_POI!r}")
        for m in workspace.measurements
        if not m.pois
    )
    return replace(workspace, measurements=measurements), outcomes


def _norm_factor_ranges(workspace: Workspace) -> Rewriting:
    """XML states value and range of a norm factor once, for all measurements; values may then be set for each."""
    outcomes: list[Outcome] = []
    sets = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
    stated: list[list[ParameterConfig]] = [[] for _ in sets]
    declared = declared_parameters(workspace.channels)
    for name in (n for n, d in declared.items() if d.kind == "normfactor" and n in sets[0]):
        bounds = sets[0][name].bounds
        if bounds[0][0] == bounds[0][1] and all(s[name].fixed[0] for s in sets):
            values = [s[name].inits[0] for s in sets]
            bounds = ((min(*values, 0.0), max(*values, 1.0)),)
        for i, m in enumerate(workspace.measurements):
            if sets[i][name].bounds != bounds:
                what = f"the range {list(sets[i][name].bounds[0])} cannot be said in XML; it becomes {list(bounds[0])}"
                outcomes.append(outcome("carried", f"measurement {m.name!r}: norm factor {name!r}", what))
            config = m.parameter(name)
            inits = sets[i][name].inits if config.inits is None else config.inits
            stated[i].append(replace(config, bounds=bounds, inits=inits))
    measurements = tuple(map(set_parameters, workspace.measurements, stated))
    return replace(workspace, measurements=measurements), tuple(outcomes)


def _unsayable_settings(workspace: Workspace) -> Rewriting:
    """Settings without a word in XML: constraint centres and widths, unused parameters (and ranges, see below)."""
    outcomes: list[Outcome] = []
    declared = declared_parameters(workspace.channels)
    unused: list[str] = []
    measurements = []
    for m in workspace.measurements:
        defaults = parameter_sets(workspace, bare(workspace, m), workspace.conventions)
        parameters: list[ParameterConfig] = []
        for p in m.parameters:
            if p.name not in declared and p.name not in defaults:
                unused.append(p.name)
            elif p.name not in defaults or defaults[p.name].kind in ("normfactor", "lumi"):
                parameters.append(p)
            else:
                where = f"measurement {m.name!r}: parameter {p.name!r}"
                differing = _differing_constraint(p, defaults[p.name])
                outside = unsayable_centres(p, defaults[p.name], where)
                outcomes += [outside] if outside is not None else []
                for attribute in differing:
                    if attribute != "auxdata":
                        what = f"{attribute} {list(getattr(p, attribute))} have no word in XML; ROOT's own are used"
                        outcomes.append(outcome("loss", where, what))
                outcomes += _freed_constants(p, declared[p.name], workspace, m)
                inits = None if p.inits == defaults[p.name].inits else p.inits
                auxdata = p.auxdata if "auxdata" in differing and outside is None else None
                if inits is not None or p.bounds is not None or p.fixed or auxdata is not None:
                    kept = ParameterConfig(
                        name=p.name, inits=inits, bounds=p.bounds, fixed=p.fixed or None, auxdata=auxdata
                    )
                    parameters.append(kept)
        measurements.append(replace(m, parameters=tuple(parameters)))
    if unused:
        what = f"settings of {listed(dict.fromkeys(unused))}, used by no modifier"
        outcomes.append(outcome("carried", "parameters", what))
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def _freed_constants(
    config: ParameterConfig, declared: DeclaredParameter, workspace: Workspace, measurement: Measurement
) -> Iterable[Outcome]:
    """pyhf frees, where told so, even factors that ROOT holds constant: without an uncertainty, or with a small one."""
    kind, widths = bin_widths(declared) if declared.kind == "gamma" else (None, [])
    if kind is None or config.fixed is not False or workspace.conventions.root_ranges:
        return
    threshold = max((m.threshold for _, _, m in declared.uses if isinstance(m, StatError)), default=0.0)
    where = f"measurement {measurement.name!r}: parameter {declared.name!r}"
    empty = [i for i, w in enumerate(widths) if w <= 0.0]
    small = [i for i, w in enumerate(widths) if 0.0 < w < threshold]
    for bins, why in ((empty, "have no uncertainty"), (small, "are below the threshold")):
        if bins:
            what = f"frees the factors of bins {bins}, which {why}; ROOT holds them constant"
            yield outcome("loss", where, what)


def _differing_constraint(config: ParameterConfig, default: ParameterSet) -> list[str]:
    """The attributes of a constraint that a setting states and that are not the default."""
    differing = []
    for attribute in ("auxdata", "sigmas", "factors"):
        values = getattr(config, attribute)
        if values is None:
            continue
        stated = [None if c is None else c.auxdata if attribute == "auxdata" else c.width for c in default.constraints]
        if any(s is not None and not same_number(v, s) for v, s in zip(values, stated, strict=True)):
            differing.append(attribute)
    return differing


def _to_root_conventions(workspace: Workspace, version: Version = MEASURED) -> Rewriting:
    """ROOT's conventions; ranges that XML cannot state become ROOT's own, and free parameters start inside them."""
    factors = {n for n, d in declared_parameters(workspace.channels).items() if d.kind == "normfactor"}
    ranges = _shape_factor_ranges(workspace) if version >= SHAPEFACTOR_RANGES else {}
    ruled = map_parameters(
        replace(workspace, conventions=ROOT),
        lambda _m, p: p if p.bounds is None or p.name in factors else replace(p, bounds=None),
    )
    with_ranges = (
        set_parameters(m, [replace(m.parameter(name), bounds=bounds) for name, bounds in ranges.items()])
        for m in ruled.measurements
    )
    ruled = replace(ruled, measurements=tuple(with_ranges))
    changed: dict[str, str] = {}
    outcomes: list[Outcome] = []
    measurements = []
    for m, new in zip(workspace.measurements, ruled.measurements, strict=True):
        ours, theirs = parameter_sets(workspace, m, workspace.conventions), parameter_sets(ruled, new, ROOT)
        moved = []
        for name, s in theirs.items():
            if s.bounds != ours[name].bounds and not all(s.fixed):
                changed[name] = f"{list(ours[name].bounds[0])} becomes {list(s.bounds[0])}"
            inits = _inside(s)
            if inits != s.inits:
                what = f"the free parameter {name!r} starts outside ROOT's range, which ROOT refuses: starts elsewhere"
                outcomes.append(outcome("carried", f"measurement {m.name!r}", what))
                moved.append(replace(new.parameter(name), inits=inits))
        measurements.append(set_parameters(new, moved))
    if changed:
        name, example = next(iter(changed.items()))
        what = f"ROOT sets the ranges of {listed(changed)} itself (of {name!r}: {example})"
        outcomes.insert(0, outcome("carried", "ranges", what))
    return replace(ruled, measurements=tuple(measurements)), tuple(outcomes)


def _shape_factor_ranges(workspace: Workspace) -> dict[str, tuple[Range, ...]]:
    """Ranges of shape factors that are not ROOT's own, where all bins and all measurements have the same."""
    every = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
    found = {}
    for name, declared in declared_parameters(workspace.channels).items():
        if not all(isinstance(m, ShapeFactor) for _, _, m in declared.uses):
            continue
        ranges = {bounds for sets in every for bounds in sets[name].bounds}
        if len(ranges) == 1 and ranges != {ROOT_SHAPEFACTOR_RANGE} and all(low < high for low, high in ranges):
            found[name] = every[0][name].bounds
    return found


def _inside(s: ParameterSet) -> tuple[float, ...]:
    """The initial values, with those of free parameters outside their range replaced by ROOT's own."""
    if s.kind == "normfactor":
        return s.inits  # XML states its range: to refuse is the writer's task
    own = root_values(s)
    return tuple(
        value if fixed or low <= value <= high else default
        for value, default, fixed, (low, high) in zip(s.inits, own, s.fixed, s.bounds, strict=True)
    )


def _definitions(workspace: Workspace) -> Rewriting:
    """Parameters that Functions define have their range from there; value and range follow the settings."""
    outcomes: list[Outcome] = []
    functions = workspace.functions
    sets = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
    for root, defined in settle_functions(functions).definitions.items():
        found = [(m, s) for m, by_name in zip(workspace.measurements, sets, strict=True) for s in by_name.values()]
        named = [(m, s) for m, s in found if s.root_names == (root,)]
        if not named or all(s.bounds == ((defined.low, defined.high),) for _, s in named):
            continue
        (low, high), value = named[0][1].bounds[0], named[0][1].inits[0]
        functions = redefined(functions, root, f"{value!r},{low!r},{high!r}")
        what = f"the Function defines {root}[{value!r},{low!r},{high!r}] instead of {root}[{defined.text}]"
        outcomes.append(outcome("rewrite", f"parameter {named[0][1].name!r}", what))
        for m, s in named:
            if s.bounds != ((low, high),):
                what = f"the range {list(s.bounds[0])} cannot be said in XML; it becomes {[low, high]}"
                outcomes.append(outcome("carried", f"measurement {m.name!r}: parameter {s.name!r}", what))
    return replace(workspace, functions=functions), tuple(outcomes)


def to_xml_steps(version: Version = MEASURED) -> tuple[Step, ...]:
    """What rewrites any workspace into the HistFactory XML dialect that a version of ROOT reads."""
    return (
        Step(name="names", apply=root_names),
        Step(name="parameters of interest", apply=_parameters_of_interest),
        Step(name="constraint widths", apply=constraint_widths),
        Step(name="staterrors", apply=_staterrors),
        Step(name="relative uncertainties", apply=_relative_shapesys),
        Step(name="definitions of Functions", apply=_definitions),
        Step(name="norm factor ranges", apply=_norm_factor_ranges),
        Step(name="settings", apply=_unsayable_settings),
        Step(name="luminosity", apply=partial(luminosity, version=version)),
        Step(name="conventions", apply=partial(_to_root_conventions, version=version)),
    )


#: The steps for ROOT 6.40.
TO_XML: tuple[Step, ...] = to_xml_steps()
