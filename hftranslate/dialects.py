"""Exact rewriting of a Workspace into what a target format can say.

A dialect is a sequence of steps, each a function ``Workspace -> (Workspace, outcomes)``. A step either says the same
likelihood in other words (outcomes of kind ``rewrite``), drops what has no meaning for the likelihood (``carried``: the
sidecar keeps it), or gives up something (``loss``; :mod:`hftranslate.translate` measures what that does to the
likelihood). What no step can rewrite, the writer of the format refuses by name.

:data:`TO_PYHF` leads to what pyhf JSON can say: Gaussian staterror without thresholds, Poisson shapesys with absolute
uncertainties, one parameter of interest, pyhf's conventions with every range that differs from pyhf's default written
out. The way to HistFactory XML is in :mod:`hftranslate.dialect_xml`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from hftranslate.naming import DeclaredParameter, declared_parameters
from hftranslate.outcomes import Kind, Outcome
from hftranslate.parameters import bin_widths, parameter_sets
from hftranslate.workspace import (
    PYHF,
    Channel,
    HistoSys,
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

Outcomes: TypeAlias = tuple[Outcome, ...]
Rewriting: TypeAlias = tuple[Workspace, Outcomes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rewriting of a dialect, with a name for reports."""

    name: str
    apply: Callable[[Workspace], Rewriting]


def outcome(kind: Kind, where: str, what: str) -> Outcome:
    """An outcome without a measured effect."""
    return Outcome(kind=kind, where=where, what=what)


def map_modifiers(workspace: Workspace, change: Callable[[Channel, Sample, Modifier], Modifier | None]) -> Workspace:
    """The workspace with every modifier replaced by ``change(...)``, or removed where that is ``None``."""
    channels = []
    for channel in workspace.channels:
        samples = []
        for sample in channel.samples:
            modifiers = tuple(n for m in sample.modifiers if (n := change(channel, sample, m)) is not None)
            samples.append(sample if modifiers == sample.modifiers else replace(sample, modifiers=modifiers))
        channels.append(replace(channel, samples=tuple(samples)))
    return replace(workspace, channels=tuple(channels))


def map_parameters(
    workspace: Workspace, change: Callable[[Measurement, ParameterConfig], ParameterConfig | None]
) -> Workspace:
    """The workspace with every parameter setting replaced by ``change(...)``, or removed where that is ``None``."""
    measurements = tuple(
        replace(m, parameters=tuple(n for p in m.parameters if (n := change(m, p)) is not None))
        for m in workspace.measurements
    )
    return replace(workspace, measurements=measurements)


def set_parameter(measurement: Measurement, config: ParameterConfig) -> Measurement:
    """The measurement with the settings of one parameter replaced, or added at the end."""
    if any(p.name == config.name for p in measurement.parameters):
        parameters = tuple(config if p.name == config.name else p for p in measurement.parameters)
    else:
        parameters = (*measurement.parameters, config)
    return replace(measurement, parameters=parameters)


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few of many."""
    all_names = list(names)
    shown = ", ".join(repr(n) for n in all_names[:4])
    return shown + (f" and {len(all_names) - 4} more" if len(all_names) > 4 else "")


# ------------------------------------------------------------------------------------------------- towards pyhf JSON
def _constant_lumi(workspace: Workspace) -> Rewriting:
    """ROOT's luminosity without an uncertainty: left out where it is one, a fixed parameter otherwise."""
    if not any(isinstance(m, Lumi) for c in workspace.channels for s in c.samples for m in s.modifiers):
        return workspace, ()
    configs = [m.parameter("lumi") for m in workspace.measurements]
    if any(c.sigmas != (0.0,) for c in configs):
        return _placeholder_width(workspace)
    if all(c.auxdata == (1.0,) and c.inits in (None, (1.0,)) for c in configs):
        without = map_modifiers(workspace, lambda _c, _s, m: None if isinstance(m, Lumi) else m)
        without = map_parameters(without, lambda _m, p: None if p.name == "lumi" else p)
        what = "a constant luminosity of one is left out"
        return without, (outcome("rewrite", "lumi", what),)
    return _placeholder_width(workspace)


def _placeholder_width(workspace: Workspace) -> Rewriting:
    found = []

    def change(measurement: Measurement, p: ParameterConfig) -> ParameterConfig:
        if p.name != "lumi" or p.sigmas != (0.0,) or p.auxdata is None:
            return p
        found.append(measurement.name)
        return replace(p, sigmas=(abs(float(p.auxdata[0])) or 1.0,), fixed=True)

    changed = map_parameters(workspace, change)
    what = "a constant luminosity is a fixed parameter with a placeholder for its width (a constant of the NLL)"
    return changed, tuple(outcome("rewrite", f"measurement {name!r}: lumi", what) for name in found)


def _first_poi(workspace: Workspace) -> Rewriting:
    outcomes = []
    measurements = []
    for m in workspace.measurements:
        if len(m.pois) > 1:
            what = f"only the first of the parameters of interest {', '.join(m.pois)} is named"
            outcomes.append(outcome("carried", f"measurement {m.name!r}", what))
        measurements.append(replace(m, pois=m.pois[:1]))
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def _constraint_terms(workspace: Workspace) -> Rewriting:
    outcomes = []
    removed = [{t.name for t in m.constraint_terms if t.kind == "none"} for m in workspace.measurements]
    if removed[0] and all(r == removed[0] for r in removed):
        workspace = map_modifiers(
            workspace, lambda _c, _s, m: None if isinstance(m, NormSys) and m.name in removed[0] else m
        )
        what = "NoConstraint removes the normsys, as in ROOT"
        outcomes += [outcome("rewrite", f"{name!r}", what) for name in sorted(removed[0])]
    for m in workspace.measurements:
        for t in m.constraint_terms:
            if t.kind == "none" and all(t.name in r for r in removed):
                continue
            what = f"the {t.kind} constraint (relative uncertainty {t.relative_uncertainty}) becomes a unit Gaussian"
            outcomes.append(outcome("loss", f"measurement {m.name!r}: {t.name!r}", what))
    measurements = tuple(replace(m, constraint_terms=()) for m in workspace.measurements)
    return replace(workspace, measurements=measurements), tuple(outcomes)


def _functions(workspace: Workspace) -> Rewriting:
    used = {m.name for c in workspace.channels for s in c.samples for m in s.modifiers if isinstance(m, NormFactor)}
    outcomes = tuple(
        outcome("loss", f"function {f.name!r}", f"{f.expression!r} becomes a free norm factor")
        if f.name in used
        else outcome("carried", f"function {f.name!r}", f"{f.expression!r} is used by no norm factor")
        for f in workspace.functions
    )
    return replace(workspace, functions=()), outcomes


def _pruned_bins(workspace: Workspace) -> Rewriting:
    """Bin factors that ROOT holds constant (below the threshold, or one by one): pyhf fixes those without an error."""
    outcomes: list[Outcome] = []
    zeroed: dict[str, list[bool]] = {}
    for name, declared in declared_parameters(workspace.channels).items():
        if declared.kind != "gamma":
            continue
        kind, widths = bin_widths(declared)
        threshold = max((m.threshold for _, _, m in declared.uses if isinstance(m, StatError)), default=0.0)
        below = [0.0 < w < threshold for w in widths]
        constant = _constant_bins(workspace, name, len(widths))
        if kind is None or not (any(below) or any(constant)):
            continue
        zeroed[name] = [a or b for a, b in zip(below, constant, strict=True)]
        which = f"bins {[i for i, z in enumerate(zeroed[name]) if z]}"
        outcomes.append(outcome("rewrite", f"{name!r}", f"the constant factors of {which} are said by errors of zero"))
    if not zeroed:
        return _without_thresholds(workspace), ()
    changed = map_modifiers(workspace, lambda c, _s, m: _zero_errors(m, zeroed.get(m.name), c, workspace))
    changed = map_parameters(changed, lambda _m, p: replace(p, fixed=_uniform(p.fixed)) if p.name in zeroed else p)
    return _without_thresholds(changed), tuple(outcomes)


def _constant_bins(workspace: Workspace, name: str, size: int) -> list[bool]:
    """Bins that every measurement holds constant at one although not the whole set is constant."""
    constant = [True] * size
    for m in workspace.measurements:
        p = m.parameter(name)
        if not isinstance(p.fixed, tuple) or all(p.fixed):
            return [False] * size
        inits = p.inits or (1.0,) * size
        constant = [c and f and v == 1.0 for c, f, v in zip(constant, p.fixed, inits, strict=True)]
    return constant


def _uniform(fixed: bool | tuple[bool, ...] | None) -> bool | tuple[bool, ...] | None:
    return None if isinstance(fixed, tuple) and not all(fixed) else fixed


def _zero_errors(m: Modifier, zeroed: list[bool] | None, channel: Channel, workspace: Workspace) -> Modifier:
    if zeroed is None or not isinstance(m, StatError | ShapeSys):
        return m
    declared = declared_parameters(workspace.channels)[m.name]
    start = 0
    for name in (
        declared.bin_channels[: declared.bin_channels.index(channel.name)] if len(declared.bin_channels) > 1 else ()
    ):
        start += workspace.channel(name).n_bins
    data = tuple(0.0 if z else d for d, z in zip(m.data, zeroed[start:], strict=False))
    return replace(m, data=data)


def _without_thresholds(workspace: Workspace) -> Workspace:
    return map_modifiers(
        workspace, lambda _c, _s, m: replace(m, threshold=0.0) if isinstance(m, StatError) and m.threshold else m
    )


def _bin_uncertainties(workspace: Workspace) -> Rewriting:
    """Constraint kinds: pyhf's staterror is Gaussian, its shapesys Poisson and private to one sample."""
    outcomes: list[Outcome] = []
    replacements: dict[tuple[str, str, str], Modifier] = {}
    for name, declared in declared_parameters(workspace.channels).items():
        if declared.kind != "gamma":
            continue
        staterrors = [(c, s, m) for c, s, m in declared.uses if isinstance(m, StatError)]
        shapes = [(c, s, m) for c, s, m in declared.uses if isinstance(m, ShapeSys)]
        if staterrors and staterrors[0][2].constraint == "poisson":
            outcomes.append(_poisson_staterror(name, staterrors, replacements))
        elif shapes and (shapes[0][2].relative or shapes[0][2].constraint == "gaussian"):
            outcomes += _shape_uncertainties(name, declared, shapes, replacements)
    changed = map_modifiers(
        workspace,
        lambda c, s, m: replacements.get((c.name, s.name, m.name), m) if isinstance(m, StatError | ShapeSys) else m,
    )
    return changed, tuple(outcomes)


def _poisson_staterror(
    name: str, uses: list[tuple[Channel, Sample, StatError]], replacements: dict[tuple[str, str, str], Modifier]
) -> Outcome:
    if len(uses) == 1:
        channel, sample, m = uses[0]
        replacements[channel.name, sample.name, name] = ShapeSys(name=name, data=m.data)
        return outcome(
            "rewrite", f"channel {channel.name!r}: {name!r}", "a Poisson staterror of one sample is a shapesys"
        )
    for channel, sample, m in uses:
        replacements[channel.name, sample.name, name] = replace(m, constraint="gaussian")
    what = f"the Poisson constraint of a staterror shared by {len(uses)} samples becomes Gaussian"
    return outcome("loss", f"channel {uses[0][0].name!r}: {name!r}", what)


def _shape_uncertainties(
    name: str,
    declared: DeclaredParameter,
    uses: list[tuple[Channel, Sample, ShapeSys]],
    replacements: dict[tuple[str, str, str], Modifier],
) -> Iterable[Outcome]:
    kind, widths = bin_widths(declared)
    channel, first, _ = uses[0]
    where = f"channel {channel.name!r}: shapesys {name!r}"
    if (
        len({c.name for c, _, _ in uses}) > 1
        or len(uses) != len(declared.uses)
        or (kind == "poisson" and len(uses) > 1)
    ):
        return  # shared over channels, with a shapefactor, or Poisson over samples: the writer refuses it by name
    total = [sum(float(s.nominal[i]) for _, s, _ in uses) for i in range(channel.n_bins)]
    absolute = tuple(w * t if t > 0.0 else 0.0 for w, t in zip(widths, total, strict=True))
    if kind == "poisson":
        replacements[channel.name, first.name, name] = ShapeSys(name=name, data=absolute)
    else:
        for c, s, _ in uses:
            data = absolute if s is first else (0.0,) * channel.n_bins
            replacements[c.name, s.name, name] = StatError(name=name, data=data)
        yield outcome("rewrite", where, "a Gaussian shapesys is a staterror of its own")
    for i, (w, t) in enumerate(zip(widths, total, strict=True)):
        if w > 0.0 and t <= 0.0:
            moved = t < 0.0 or any(
                h.lo_data[i] != 0 or h.hi_data[i] != 0
                for _, s, _ in uses
                for h in s.modifiers
                if isinstance(h, HistoSys)
            )
            kind_: Kind = "loss" if moved else "rewrite"
            yield outcome(
                kind_, where, f"bin {i} has a yield of {t:g}: its uncertainty of {w:g} is left out, the factor fixed"
            )


def _to_pyhf_conventions(workspace: Workspace) -> Rewriting:
    """pyhf's conventions, with ROOT's ranges written out where they differ from pyhf's defaults."""
    if workspace.conventions == PYHF:
        return workspace, ()
    measurements = []
    for m in workspace.measurements:
        new = m
        ours = parameter_sets(workspace, m, workspace.conventions)
        theirs = parameter_sets(workspace, m, PYHF)
        for name, s in ours.items():
            if s.kind == "normfactor" or s.bounds != theirs[name].bounds:
                config = new.parameter(name)
                inits = config.inits if config.inits is not None or s.kind != "normfactor" else s.inits
                new = set_parameter(new, replace(config, bounds=s.bounds, inits=inits))
        measurements.append(new)
    return replace(workspace, conventions=PYHF, measurements=tuple(measurements)), ()


#: Rewrites any workspace into the pyhf JSON dialect.
TO_PYHF: tuple[Step, ...] = (
    Step(name="functions", apply=_functions),
    Step(name="constraint terms", apply=_constraint_terms),
    Step(name="constant luminosity", apply=_constant_lumi),
    Step(name="parameters of interest", apply=_first_poi),
    Step(name="constant bin factors", apply=_pruned_bins),
    Step(name="bin uncertainties", apply=_bin_uncertainties),
    Step(name="conventions and ranges", apply=_to_pyhf_conventions),
)
