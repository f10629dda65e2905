"""Exact rewriting of a Workspace into what HistFactory XML, read by ROOT, can say.

In the XML dialect every sample carries the luminosity (or none does and a Function scales some samples), each channel
has at most one staterror, named after the channel, shapesys are relative, and names are ones that ROOT accepts.

Of pyhf JSON, XML has no word for: ranges of parameters other than norm factors, constraint centres and widths other
than the defaults, settings of parameters that no modifier uses, and names of staterrors.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from math import isclose

from hftranslate.dialects import Rewriting, Step, listed, map_modifiers, map_parameters, outcome, set_parameter
from hftranslate.naming import declared_parameters, staterror_name
from hftranslate.outcomes import Outcome
from hftranslate.parameters import ParameterSet, bin_widths, parameter_sets
from hftranslate.workspace import (
    ROOT,
    Channel,
    Function,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    ParameterConfig,
    Sample,
    ShapeSys,
    StatError,
    Workspace,
)

#: Stands in the XML, where ROOT demands a parameter of interest, for there being none; ROOT drops unknown names.
NO_POI = "no_parameter_of_interest"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


# ------------------------------------------------------------------------------------------------------------- names
def _names(workspace: Workspace) -> Rewriting:
    """Names that ROOT refuses: ``,`` ``;``, control characters, a leading digit of a channel, blanks in lists."""
    outcomes: list[Outcome] = []
    channels = _renaming((c.name for c in workspace.channels), _channel_name)
    samples = _renaming((s.name for c in workspace.channels for s in c.samples), _plain_name)
    parameters = _renaming(declared_parameters(workspace.channels), _plain_name)
    measurements = _renaming((m.name for m in workspace.measurements), lambda n: _plain_name(n or "measurement"))
    listed_names = _names_in_lists(workspace)
    taken = set(parameters.values())
    for name in sorted(listed_names):
        safe = re.sub(r"[\s\\]", "_", parameters.get(name, name))
        if safe != parameters.get(name, name):
            parameters[name] = _unique(safe, taken)
            taken.add(parameters[name])
    renamings = {"channel": channels, "sample": samples, "parameter": parameters, "measurement": measurements}
    for what, renamed in renamings.items():
        outcomes += [
            outcome("rewrite", f"{what} {old!r}", f"ROOT refuses the name; written as {new!r}")
            for old, new in renamed.items()
            if old != new
        ]
    if not outcomes:
        return workspace, ()
    changed = map_modifiers(workspace, lambda _c, _s, m: replace(m, name=parameters.get(m.name, m.name)))
    changed = map_parameters(changed, lambda _m, p: replace(p, name=parameters.get(p.name, p.name)))
    return (
        replace(
            changed,
            channels=tuple(
                replace(
                    c,
                    name=channels[c.name],
                    samples=tuple(replace(s, name=samples[s.name]) for s in c.samples),
                )
                for c in changed.channels
            ),
            measurements=tuple(
                replace(m, name=measurements[m.name], pois=tuple(parameters.get(p, p) for p in m.pois))
                for m in changed.measurements
            ),
        ),
        tuple(outcomes),
    )


def _names_in_lists(workspace: Workspace) -> set[str]:
    """Parameters that the XML must name in a list, where blanks and backslashes separate."""
    names = {p for m in workspace.measurements for p in m.pois}
    first = workspace.measurements[0]
    factors = {n for n, d in declared_parameters(workspace.channels).items() if d.kind == "normfactor"}
    for m in workspace.measurements:
        for p in m.parameters:
            stated_elsewhere = p.name in factors and p.inits == first.parameter(p.name).inits
            if p.fixed or (p.inits and not stated_elsewhere):
                names.add(p.name)
    return names


def _plain_name(name: str) -> str:
    return _CONTROL.sub("_", name.replace(",", "_").replace(";", "_")) or "_"


def _channel_name(name: str) -> str:
    plain = _plain_name(name)
    return f"channel_{plain}" if plain[0].isdigit() else plain


def _renaming(names: Iterable[str], rule: Callable[[str], str]) -> dict[str, str]:
    """Each name and what it becomes; names that need no change keep theirs, and no two become one."""
    old = list(dict.fromkeys(names))
    taken = {name for name in old if rule(name) == name}
    new = {}
    for name in old:
        new[name] = name if name in taken else _unique(rule(name), taken)
        taken.add(new[name])
    return new


def _unique(name: str, taken: set[str]) -> str:
    candidate, n = name, 2
    while candidate in taken:
        candidate, n = f"{name}_{n}", n + 1
    return candidate


# -------------------------------------------------------------------------------------------------------- luminosity
def _luminosity(workspace: Workspace) -> Rewriting:
    """Every sample follows Lumi in ROOT: a constant one where no sample does, a Function where some do."""
    carries = [any(isinstance(m, Lumi) for m in s.modifiers) for c in workspace.channels for s in c.samples]
    if all(carries):
        return workspace, ()
    if not any(carries):
        constant = ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(0.0,), fixed=True)
        measurements = tuple(set_parameter(m, constant) for m in workspace.measurements)
        return _lumi_everywhere(replace(workspace, measurements=measurements)), (
            outcome("rewrite", "lumi", "no sample depends on it: a luminosity of one without uncertainty"),
        )
    return _partial_luminosity(workspace)


def _lumi_everywhere(workspace: Workspace) -> Workspace:
    channels = []
    for c in workspace.channels:
        samples = tuple(
            s if any(isinstance(m, Lumi) for m in s.modifiers) else replace(s, modifiers=(Lumi(), *s.modifiers))
            for s in c.samples
        )
        channels.append(replace(c, samples=samples))
    return replace(workspace, channels=tuple(channels))


def _partial_luminosity(workspace: Workspace) -> Rewriting:
    """Some samples follow the luminosity: a norm factor ``L + sigma * alpha_lumi``, defined by a Function.

    An OverallSys of one on one of the samples makes ROOT create ``alpha_lumi`` with its unit Gaussian.
    """
    configs = [m.parameter("lumi") for m in workspace.measurements]
    centre, sigma = configs[0].auxdata, configs[0].sigmas
    if centre is None or sigma is None or any((c.auxdata, c.sigmas) != (centre, sigma) for c in configs):
        what = "only some samples depend on a luminosity that the measurements configure differently"
        return workspace, (outcome("loss", "lumi", what),)
    used = set(declared_parameters(workspace.channels))
    name = _unique("lumiscale", used)
    first = True

    def change(_c: Channel, _s: Sample, m: Modifier) -> Modifier:
        return NormFactor(name=name) if isinstance(m, Lumi) else m

    changed = map_modifiers(workspace, change)
    channels = []
    for c in changed.channels:
        samples = []
        for s in c.samples:
            if first and any(m.name == name for m in s.modifiers):
                modifiers = tuple(
                    new
                    for m in s.modifiers
                    for new in ((m, NormSys(name="lumi", lo=1.0, hi=1.0)) if m.name == name else (m,))
                )
                s, first = replace(s, modifiers=modifiers), False
            samples.append(s)
        channels.append(replace(c, samples=tuple(samples)))
    expression = f"{float(centre[0])!r}+{float(sigma[0])!r}*alpha_lumi"
    function = Function(name=name, expression=expression, dependents="alpha_lumi[0,-5,5]")
    measurements = tuple(_alpha_lumi(m, float(centre[0]), float(sigma[0])) for m in changed.measurements)
    changed = replace(
        changed, channels=tuple(channels), measurements=measurements, functions=(*workspace.functions, function)
    )
    return changed, (outcome("rewrite", "lumi", f"only some samples depend on it: the Function {expression}"),)


def _alpha_lumi(measurement: Measurement, centre: float, sigma: float) -> Measurement:
    config = measurement.parameter("lumi")
    inits = None
    if config.inits is not None and config.inits[0] != centre and sigma != 0.0:
        inits = ((config.inits[0] - centre) / sigma,)
    return set_parameter(measurement, ParameterConfig(name="lumi", inits=inits, fixed=config.fixed))


# ------------------------------------------------------------------------------------------------------- bin factors
def _staterrors(workspace: Workspace) -> Rewriting:
    """One staterror a channel, named after it; others become Gaussian shapesys with their combined width."""
    outcomes: list[Outcome] = []
    new_names: dict[tuple[str, str], str] = {}
    shapes: dict[tuple[str, str], ShapeSys] = {}
    declared = declared_parameters(workspace.channels)
    per_channel: dict[str, list[str]] = {}
    for name, d in declared.items():
        for channel, _, _ in d.modifiers(StatError):
            if name not in per_channel.setdefault(channel.name, []):
                per_channel[channel.name].append(name)
    for name, d in declared.items():
        channels = d.bin_channels
        if not any(d.modifiers(StatError)):
            continue
        target = staterror_name(channels[0])
        if len(channels) == 1 and len(per_channel[channels[0]]) == 1 and (target == name or target not in declared):
            new_names[name, channels[0]] = target
            if name != target:
                outcomes.append(
                    outcome("rewrite", f"staterror {name!r}", f"has no name in XML; read back as {target!r}")
                )
            continue
        kind, widths = bin_widths(d)
        start = 0
        for channel_name in channels:
            n = workspace.channel(channel_name).n_bins
            shape_name = name if len(channels) == 1 else f"{name}_{channel_name}"
            new_names[name, channel_name] = shape_name
            shapes[name, channel_name] = ShapeSys(
                name=shape_name, data=tuple(widths[start : start + n]), relative=True, constraint=kind or "gaussian"
            )
            start += n
        what = f"one of several in its channel, or over several channels: a {kind} shapesys with its combined width"
        outcomes.append(outcome("rewrite", f"staterror {name!r}", what))

    def change(c: Channel, _s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, StatError):
            return m
        return shapes.get((m.name, c.name)) or replace(m, name=new_names[m.name, c.name])

    changed = map_modifiers(workspace, change)
    measurements = tuple(_rename_bin_factors(m, workspace, new_names) for m in changed.measurements)
    return replace(changed, measurements=measurements), tuple(outcomes)


def _rename_bin_factors(
    measurement: Measurement, workspace: Workspace, new_names: dict[tuple[str, str], str]
) -> Measurement:
    """Settings follow their parameters; those of a staterror over several channels are split."""
    parameters: list[ParameterConfig] = []
    for p in measurement.parameters:
        targets = [(channel, new) for (old, channel), new in new_names.items() if old == p.name]
        if not targets:
            parameters.append(p)
        start = 0
        for channel, new in targets:
            part = slice(start, start + workspace.channel(channel).n_bins)
            start = part.stop
            parameters.append(
                ParameterConfig(
                    name=new,
                    inits=p.inits and p.inits[part],
                    bounds=p.bounds and p.bounds[part],
                    fixed=p.fixed[part] if isinstance(p.fixed, tuple) else p.fixed,
                    auxdata=p.auxdata and p.auxdata[part],
                    sigmas=p.sigmas and p.sigmas[part],
                )
            )
    return replace(measurement, parameters=tuple(parameters))


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
    factors = [n for n, d in declared_parameters(workspace.channels).items() if d.kind == "normfactor"]
    factors = [n for n in factors if n not in {f.name for f in workspace.functions}]
    first = parameter_sets(workspace, workspace.measurements[0], workspace.conventions)
    measurements = []
    for m in workspace.measurements:
        sets = parameter_sets(workspace, m, workspace.conventions)
        for name in factors:
            bounds, inits = first[name].bounds, sets[name].inits
            if sets[name].bounds != bounds:
                what = f"the range {list(sets[name].bounds[0])} cannot differ from {list(bounds[0])} of the first one"
                outcomes.append(outcome("carried", f"measurement {m.name!r}: norm factor {name!r}", what))
            m = set_parameter(m, replace(m.parameter(name), bounds=bounds, inits=inits))
        measurements.append(m)
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def _unsayable_settings(workspace: Workspace) -> Rewriting:
    """Settings without a word in XML: constraint centres and widths, unused parameters (and ranges, see below)."""
    outcomes: list[Outcome] = []
    declared = declared_parameters(workspace.channels)
    unused: list[str] = []
    measurements = []
    for m in workspace.measurements:
        bare = replace(m, parameters=tuple(p for p in m.parameters if p.name == "lumi"))
        defaults = parameter_sets(workspace, bare, workspace.conventions)
        parameters: list[ParameterConfig] = []
        for p in m.parameters:
            if p.name not in declared:
                unused.append(p.name)
            elif p.name not in defaults or defaults[p.name].kind in ("normfactor", "lumi"):
                parameters.append(p if p.name != "lumi" else replace(p, bounds=None))
            else:
                for attribute in _differing_constraint(p, defaults[p.name]):
                    what = f"{attribute} {list(getattr(p, attribute))} have no word in XML; ROOT's own are used"
                    outcomes.append(outcome("loss", f"measurement {m.name!r}: parameter {p.name!r}", what))
                inits = None if p.inits == defaults[p.name].inits else p.inits
                if inits is not None or p.fixed:
                    parameters.append(ParameterConfig(name=p.name, inits=inits, fixed=p.fixed or None))
        measurements.append(replace(m, parameters=tuple(parameters)))
    if unused:
        what = f"settings of {listed(dict.fromkeys(unused))}, used by no modifier"
        outcomes.append(outcome("carried", "parameters", what))
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def _differing_constraint(config: ParameterConfig, default: ParameterSet) -> list[str]:
    """The attributes of a constraint that a setting states and that are not the default."""
    differing = []
    for attribute in ("auxdata", "sigmas", "factors"):
        values = getattr(config, attribute)
        if values is None:
            continue
        stated = [None if c is None else c.auxdata if attribute == "auxdata" else c.width for c in default.constraints]
        if any(s is not None and not isclose(v, s, rel_tol=1e-12) for v, s in zip(values, stated, strict=True)):
            differing.append(attribute)
    return differing


def _to_root_conventions(workspace: Workspace) -> Rewriting:
    """ROOT's conventions; ranges that XML cannot state become ROOT's own."""
    ruled = map_parameters(
        replace(workspace, conventions=ROOT), lambda _m, p: p if p.bounds is None else _without_range(workspace, p)
    )
    changed = {}
    for m, new in zip(workspace.measurements, ruled.measurements, strict=True):
        ours, theirs = parameter_sets(workspace, m, workspace.conventions), parameter_sets(ruled, new, ROOT)
        for name, s in ours.items():
            if s.bounds != theirs[name].bounds and not all(s.fixed):
                changed[name] = f"{list(s.bounds[0])} becomes {list(theirs[name].bounds[0])}"
    if not changed:
        return ruled, ()
    name, example = next(iter(changed.items()))
    what = f"ROOT sets the ranges of {listed(changed)} itself (of {name!r}: {example})"
    return ruled, (outcome("carried", "ranges", what),)


def _without_range(workspace: Workspace, p: ParameterConfig) -> ParameterConfig:
    is_norm_factor = any(
        isinstance(m, NormFactor) and m.name == p.name
        for c in workspace.channels
        for s in c.samples
        for m in s.modifiers
    )
    return p if is_norm_factor else replace(p, bounds=None)


#: Rewrites any workspace into the HistFactory XML dialect.
TO_XML: tuple[Step, ...] = (
    Step(name="names", apply=_names),
    Step(name="parameters of interest", apply=_parameters_of_interest),
    Step(name="staterrors", apply=_staterrors),
    Step(name="relative uncertainties", apply=_relative_shapesys),
    Step(name="norm factor ranges", apply=_norm_factor_ranges),
    Step(name="settings", apply=_unsayable_settings),
    Step(name="luminosity", apply=_luminosity),
    Step(name="conventions", apply=_to_root_conventions),
)
