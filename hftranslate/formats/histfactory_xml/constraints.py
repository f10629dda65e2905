"""Centres and widths of constraints on the way to HistFactory XML (:mod:`hftranslate.formats.histfactory_xml.dialect`).

ROOT's ParamSetting sets any variable of the workspace, the centres of constraints (global observables, ``nom_...``)
included, within their range. The width of the constraint of a bin factor is the relative uncertainty of its bin, so
another width is said by another uncertainty.
"""

from dataclasses import replace
from math import isclose, sqrt

from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import Replacements, Rewriting, listed, outcome
from hftranslate.workspace import Measurement, ParameterConfig, ShapeSys, StatError, Workspace
from hftranslate.workspace.bin_factors import bin_widths
from hftranslate.workspace.map import map_modifiers, set_parameter
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import Constraint, ParameterSet, parameter_sets

_SAME = 1e-12


def same_number(one: float, two: float) -> bool:
    """Whether two numbers differ by rounding only."""
    return isclose(one, two, rel_tol=_SAME)


def bare(workspace: Workspace, measurement: Measurement) -> Measurement:
    """The measurement without any settings but those of the luminosity: what the modifiers alone say."""
    lumi = {d.name for d in declared_parameters(workspace.channels).values() if d.kind == "lumi"}
    return replace(measurement, parameters=tuple(p for p in measurement.parameters if p.name in lumi))


def centres_inside(config: ParameterConfig, default: ParameterSet) -> bool:
    """Whether ROOT accepts all the centres that a setting states."""
    pairs = zip(config.auxdata or (), default.constraints, strict=True)
    return all(c is None or c.domain[0] <= value <= c.domain[1] for value, c in pairs)


def constraint_widths(workspace: Workspace) -> Rewriting:
    """Widths of bin factors that the settings state become those of the uncertainties."""
    outcomes: list[Outcome] = []
    replacements: Replacements = {}
    factors = {n: d for n, d in declared_parameters(workspace.channels).items() if d.kind == "gamma"}
    rewritable = {n: d for n, d in factors.items() if _rewritable(workspace, d)}
    if not rewritable:
        return workspace, ()
    stated = [parameter_sets(workspace, m, workspace.conventions) for m in workspace.measurements]
    plain = [parameter_sets(workspace, bare(workspace, m), workspace.conventions) for m in workspace.measurements]
    measurements = list(workspace.measurements)
    for name, declared in rewritable.items():
        widths, default = [s[name].constraints for s in stated], plain[0][name].constraints
        if _same_widths(widths[0], default) or not all(_same_widths(widths[0], w) for w in widths[1:]):
            continue
        replacements |= _with_widths(workspace, declared, widths[0])
        for i, m in enumerate(measurements):
            centres = tuple(1.0 if c is None else c.auxdata for c in widths[i])
            config = replace(m.parameter(name), sigmas=None, factors=None, auxdata=centres)
            measurements[i] = set_parameter(m, config)
        outcomes.append(outcome("rewrite", f"parameter {name!r}", "the widths of its constraints become uncertainties"))
    if not replacements:
        return workspace, ()
    changed = map_modifiers(workspace, lambda c, s, m: replacements.get((c.name, s.name, m.name), m))
    return replace(changed, measurements=tuple(measurements)), tuple(outcomes)


def _rewritable(workspace: Workspace, declared: DeclaredParameter) -> bool:
    """Whether settings state widths, and no threshold depends on the uncertainties."""
    configs = [m.parameter(declared.name) for m in workspace.measurements]
    if all(c.sigmas is None and c.factors is None for c in configs):
        return False
    return not any(isinstance(m, StatError) and m.threshold > 0.0 for _, _, m in declared.uses)


def _same_widths(one: tuple[Constraint | None, ...], two: tuple[Constraint | None, ...]) -> bool:
    pairs = zip(one, two, strict=True)
    return all(a is None or b is None or same_number(a.width, b.width) for a, b in pairs)


def _with_widths(
    workspace: Workspace, declared: DeclaredParameter, constraints: tuple[Constraint | None, ...]
) -> Replacements:
    _, old = bin_widths(declared)
    wanted = [
        0.0 if w <= 0.0 or c is None else 1.0 / sqrt(c.width) if c.kind == "poisson" else c.width
        for w, c in zip(old, constraints, strict=True)
    ]
    found: Replacements = {}
    for channel, sample, m in declared.uses:
        if isinstance(m, ShapeSys):
            found[channel.name, sample.name, m.name] = replace(m, data=tuple(wanted), relative=True, further=())
    start = 0
    for channel_name in declared.bin_channels if any(declared.modifiers(StatError)) else ():
        n = workspace.channel(channel_name).n_bins
        uses = [(s, m) for c, s, m in declared.uses if c.name == channel_name and isinstance(m, StatError)]
        totals = [sum(float(s.nominal[i]) for s, _ in uses) for i in range(n)]
        errors = tuple(w * t for w, t in zip(wanted[start : start + n], totals, strict=True))
        for i, (s, m) in enumerate(uses):
            found[channel_name, s.name, m.name] = replace(m, data=errors if i == 0 else (0.0,) * n)
        start += n
    return found


def unsayable_centres(config: ParameterConfig, default: ParameterSet, where: str) -> Outcome | None:
    """The loss of centres that ROOT refuses, if any."""
    if config.auxdata is None or centres_inside(config, default):
        return None
    outside = [
        name
        for name, value, c in zip(default.names, config.auxdata, default.constraints, strict=True)
        if c is not None and not c.domain[0] <= value <= c.domain[1]
    ]
    what = f"auxdata {list(config.auxdata)} lie outside the range that ROOT gives {listed(outside)}; its own are used"
    return outcome("loss", where, what)
