"""Exact rewriting of a Workspace into what a target format can say.

A dialect is a sequence of steps, each a function ``Workspace -> (Workspace, outcomes)``. A step either says the same
likelihood in other words (outcomes of kind ``rewrite``), drops what has no meaning for the likelihood (``carried``: the
sidecar keeps it), or gives up something (``loss``; :mod:`hftranslate.translation.account` measures what that does to
the likelihood). What no step can rewrite, the writer of the format refuses by name.

:data:`TO_PYHF` leads to what pyhf JSON can say: Gaussian staterror without thresholds, Poisson shapesys with absolute
uncertainties, one parameter of interest, pyhf's conventions with every range that differs from pyhf's default written
out. The way to HistFactory XML is in :mod:`hftranslate.formats.histfactory_xml.dialect`.
"""

from collections.abc import Iterable
from dataclasses import replace
from sys import float_info

from hftranslate.errors import Unsupported
from hftranslate.formats.outcomes import Kind, Outcome
from hftranslate.formats.pyhf_json.products_of_functions import without_functions
from hftranslate.formats.rewriting import Replacements, Rewriting, Step, listed, outcome
from hftranslate.workspace import (
    PYHF,
    Channel,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormSys,
    Numbers,
    ParameterConfig,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
    TermKind,
    Workspace,
)
from hftranslate.workspace.bin_factors import bin_factors, bin_widths
from hftranslate.workspace.map import map_modifiers, map_parameters, modifiers_of, set_parameter, set_parameters
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters
from hftranslate.workspace.parameters import parameter_sets


# ------------------------------------------------------------------------------------------------- towards pyhf JSON
def _constant_lumi(workspace: Workspace) -> Rewriting:
    """ROOT's luminosity without an uncertainty: left out where it is one, a fixed parameter otherwise."""
    if not any(modifiers_of(workspace.channels, Lumi)):
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
    """One parameter of interest: the first that a modifier declares, because ROOT drops the others."""
    outcomes = []
    measurements = []
    declared = declared_parameters(workspace.channels)
    single = {name: d.name for d in declared.values() if d.size == 1 for name in (d.name, *d.names)}
    for m in workspace.measurements:
        known = [p for p in m.pois if p in single] or list(m.pois)
        chosen = tuple(single.get(p, p) for p in known[:1])
        if len(m.pois) > 1:
            what = f"of the parameters of interest {', '.join(m.pois)} only {chosen[0]!r} is named"
            outcomes.append(outcome("carried", f"measurement {m.name!r}", what))
        measurements.append(replace(m, pois=chosen))
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def without_constraint_terms(workspace: Workspace, kept: frozenset[TermKind] = frozenset()) -> Rewriting:
    """Every systematic with the unit Gaussian that it has without a ConstraintTerm, but for kinds that are kept."""
    workspace, outcomes = _removed_normsys(workspace)
    account = list(outcomes)
    scaled = {m.name for m in modifiers_of(workspace.channels, NormSys)}
    for m in workspace.measurements:
        for t in m.constraint_terms:
            where = f"measurement {m.name!r}: {t.name!r}"
            if t.kind in kept:
                continue
            if t.kind == "uniform" or t.name in scaled:
                size = f" (relative uncertainty {t.relative_uncertainty:g})" if t.relative_uncertainty else ""
                account.append(outcome("loss", where, f"the {t.kind} constraint{size} becomes a unit Gaussian"))
            else:
                account.append(outcome("carried", where, f"the {t.kind} constraint acts on normsys only; it has none"))
    measurements = tuple(
        replace(m, constraint_terms=tuple(t for t in m.constraint_terms if t.kind in kept))
        for m in workspace.measurements
    )
    return replace(workspace, measurements=measurements), tuple(account)


def _removed_normsys(workspace: Workspace) -> Rewriting:
    """NoConstraint removes a normsys in ROOT: from the samples, or by a constant where a measurement keeps it."""
    outcomes: list[Outcome] = []
    removed = [{t.name for t in m.constraint_terms if t.kind == "none"} for m in workspace.measurements]
    everywhere = set.intersection(*removed)
    kinds = {
        name: {type(m) for _, _, m in d.uses} for name, d in declared_parameters(workspace.channels).items() if d.uses
    }
    if everywhere:
        workspace = map_modifiers(
            workspace, lambda _c, _s, m: None if isinstance(m, NormSys) and m.name in everywhere else m
        )
        what = "NoConstraint removes the normsys, as in ROOT"
        outcomes += [outcome("rewrite", f"{name!r}", what) for name in sorted(everywhere & kinds.keys())]
    measurements = []
    for m, names in zip(workspace.measurements, removed, strict=True):
        constant = {name for name in names - everywhere if kinds.get(name) == {NormSys}}
        m = set_parameters(m, [replace(m.parameter(name), inits=(0.0,), fixed=True) for name in sorted(constant)])
        for name in sorted(constant):
            what = "NoConstraint removes the normsys from this measurement, as in ROOT: said by a constant zero"
            outcomes.append(outcome("rewrite", f"measurement {m.name!r}: {name!r}", what))
        kept = tuple(t for t in m.constraint_terms if t.kind != "none" or t.name not in everywhere | constant)
        measurements.append(replace(m, constraint_terms=kept))
    return replace(workspace, measurements=tuple(measurements)), tuple(outcomes)


def _zero_factors(workspace: Workspace) -> Rewriting:
    """Factors of zero, which pyhf takes the logarithm of, become the smallest number, as they do in ROOT."""
    if workspace.conventions == PYHF:
        return workspace, ()
    outcomes: list[Outcome] = []
    smallest = float_info.min

    def change(c: Channel, s: Sample, m: Modifier) -> Modifier:
        if not isinstance(m, NormSys) or 0.0 not in (m.lo, m.hi):
            return m
        where = f"channel {c.name!r}, sample {s.name!r}: normsys {m.name!r}"
        outcomes.append(outcome("rewrite", where, f"a factor of zero is said as {smallest:.3g}; pyhf fails at zero"))
        return replace(m, lo=m.lo or smallest, hi=m.hi or smallest)

    return map_modifiers(workspace, change), tuple(outcomes)


def _constant_bin_factors(workspace: Workspace) -> Rewriting:
    """Bin factors that are held constant one by one (below the threshold, say): pyhf fixes those without an error."""
    outcomes: list[Outcome] = []
    zeroed: dict[tuple[str, str], list[bool]] = {}
    for name, declared in declared_parameters(workspace.channels).items():
        kind, widths = bin_widths(declared) if declared.kind == "gamma" else (None, [])
        if kind is None or not _has_constants_one_by_one(workspace, declared, widths):
            continue
        flags = [parameter_sets(workspace, m, workspace.conventions)[name].fixed for m in workspace.measurements]
        empty = tuple(w <= 0.0 for w in widths)
        constant = _common_constants(workspace, name, flags, empty)
        measurements = []
        for m, fixed in zip(workspace.measurements, flags, strict=True):
            said = True if all(fixed) and not all(constant) else False if any(empty) and not any(fixed) else None
            config = m.parameter(name)
            measurements.append(m if said == config.fixed else set_parameter(m, replace(config, fixed=said)))
        workspace = replace(workspace, measurements=tuple(measurements))
        if constant != empty:
            which = [i for i, (c, e) in enumerate(zip(constant, empty, strict=True)) if c and not e]
            what = f"the constant factors of bins {which} are said by errors of zero"
            outcomes.append(outcome("rewrite", f"{name!r}", what))
            start = 0
            for channel in declared.bin_channels:
                n = workspace.channel(channel).n_bins
                zeroed[name, channel] = list(constant[start : start + n])
                start += n
    if zeroed:
        workspace = map_modifiers(workspace, lambda c, _s, m: _zero_errors(m, zeroed.get((m.name, c.name))))
    return _without_thresholds(workspace), tuple(outcomes)


def _has_constants_one_by_one(workspace: Workspace, declared: DeclaredParameter, widths: list[float]) -> bool:
    """Whether thresholds or settings hold factors constant otherwise than pyhf by itself."""
    settings = [m.parameter(declared.name).fixed for m in workspace.measurements]
    return (
        any(m.threshold > 0.0 for _, _, m in declared.uses if isinstance(m, StatError))
        or any(f.constant and f.width > 0.0 for f in bin_factors(declared))  # by an uncertainty of zero elsewhere
        or any(isinstance(fixed, tuple) for fixed in settings)
        or (workspace.conventions.root_ranges and False in settings and not all(widths))
    )


def _common_constants(
    workspace: Workspace, name: str, flags: list[tuple[bool, ...]], empty: tuple[bool, ...]
) -> tuple[bool, ...]:
    """The bins without an error in JSON, which has one set of errors for all measurements.

    Raises
    ------
    Unsupported
        The measurements hold different bins constant.
    """
    some = {m.name: fixed for m, fixed in zip(workspace.measurements, flags, strict=True) if not all(fixed)}
    if not any(map(any, some.values())):
        return empty
    first, *others = some
    for other in others:
        if some[other] != some[first]:
            raise Unsupported(
                f"{name!r}: measurement {first!r} holds other bin factors constant than measurement {other!r}; "
                "pyhf JSON cannot say that, because factors are fixed one by one only through errors of zero, which "
                "all measurements share"
            )
    if any(e and not f for e, f in zip(empty, some[first], strict=True)):
        raise Unsupported(
            f"{name!r}: measurement {first!r} holds some bin factors constant but frees others that have no "
            "uncertainty; pyhf JSON cannot say that"
        )
    return some[first]


def _zero_errors(m: Modifier, zeroed: list[bool] | None) -> Modifier:
    if zeroed is None or not isinstance(m, StatError | ShapeSys):
        return m
    if isinstance(m, ShapeSys):
        further = tuple(replace(u, data=_with_zeros(u.data, zeroed)) for u in m.further)
        return replace(m, data=_with_zeros(m.data, zeroed), further=further)
    return replace(m, data=_with_zeros(m.data, zeroed))


def _with_zeros(data: Numbers, zeroed: list[bool]) -> Numbers:
    return tuple(0.0 if z else d for d, z in zip(data, zeroed, strict=True))


def _without_thresholds(workspace: Workspace) -> Workspace:
    return map_modifiers(
        workspace, lambda _c, _s, m: replace(m, threshold=0.0) if isinstance(m, StatError) and m.threshold else m
    )


def _bin_uncertainties(workspace: Workspace) -> Rewriting:
    """Constraint kinds: pyhf's staterror is Gaussian, its shapesys Poisson and private to one sample."""
    outcomes: list[Outcome] = []
    replacements: Replacements = {}
    for name, declared in declared_parameters(workspace.channels).items():
        if declared.kind != "gamma":
            continue
        staterrors = [(c, s, m) for c, s, m in declared.uses if isinstance(m, StatError)]
        shapes = [(c, s, m) for c, s, m in declared.uses if isinstance(m, ShapeSys)]
        if len({type(m) for _, _, m in declared.uses}) > 1 or _unsayable(shapes):
            outcomes += _shape_uncertainties(declared, replacements)
        elif staterrors and staterrors[0][2].constraint == "poisson":
            outcomes.append(_poisson_staterror(name, staterrors, replacements))
    changed = map_modifiers(
        workspace,
        lambda c, s, m: (
            replacements.get((c.name, s.name, m.name), m) if isinstance(m, StatError | ShapeSys | ShapeFactor) else m
        ),
    )
    return _fitting_settings(workspace, changed) if replacements else changed, tuple(outcomes)


def _fitting_settings(before: Workspace, after: Workspace) -> Workspace:
    """The second workspace with its settings made to fit the bin factors that are not as in the first."""
    old, new = (
        {name: bin_widths(d) for name, d in declared_parameters(w.channels).items() if d.kind == "gamma"}
        for w in (before, after)
    )

    def change(_m: Measurement, p: ParameterConfig) -> ParameterConfig:
        if p.name not in new:
            return p
        if old[p.name][0] != new[p.name][0] and new[p.name][0] == "gaussian":
            p = replace(p, auxdata=None, factors=None)  # counts and their scales mean nothing to a Gaussian
        emptied = any(a > 0.0 and b <= 0.0 for a, b in zip(old[p.name][1], new[p.name][1], strict=True))
        frees_others = not before.conventions.root_ranges and not all(old[p.name][1])  # as pyhf does where told so
        return replace(p, fixed=None) if emptied and p.fixed is False and not frees_others else p

    changed = map_parameters(after, change)
    return replace(changed, measurements=tuple(_with_former_ranges(before, changed, m) for m in changed.measurements))


def _with_former_ranges(before: Workspace, after: Workspace, measurement: Measurement) -> Measurement:
    """The measurement with the ranges stated that modifiers said before and no longer say."""
    former = parameter_sets(before, before.measurement(measurement.name), before.conventions)
    present = parameter_sets(after, measurement, after.conventions)
    lost = (n for n, s in present.items() if s.kind == "gamma" and s.bounds != former[n].bounds)
    return set_parameters(measurement, [replace(measurement.parameter(n), bounds=former[n].bounds) for n in lost])


def _poisson_staterror(name: str, uses: list[tuple[Channel, Sample, StatError]], replacements: Replacements) -> Outcome:
    where = f"channel {uses[0][0].name!r}: {name!r}"
    if len(uses) == 1:
        channel, sample, m = uses[0]
        replacements[channel.name, sample.name, name] = ShapeSys(name=name, data=m.data)
        return outcome("rewrite", where, "a Poisson staterror of one sample is a shapesys")
    for channel, sample, m in uses:
        replacements[channel.name, sample.name, name] = replace(m, constraint="gaussian")
    what = f"the Poisson constraint of a staterror shared by {len(uses)} samples becomes Gaussian"
    return outcome("loss", where, what)


def _unsayable(shapes: Iterable[tuple[Channel, Sample, ShapeSys]]) -> bool:
    """Relative uncertainties or Gaussian constraints, or several of one factor."""
    return any(m.relative or m.constraint == "gaussian" or m.further for _, _, m in shapes)


def _shape_uncertainties(declared: DeclaredParameter, replacements: Replacements) -> Iterable[Outcome]:
    """A shapesys that pyhf has no word for, which may share its factors with a staterror and with shapefactors."""
    name, uses = declared.name, declared.uses
    kind, widths = bin_widths(declared)
    channel, first, _ = next(declared.modifiers(ShapeSys, StatError))
    where = f"channel {channel.name!r}: shapesys {name!r}"
    channels = dict.fromkeys(c.name for c, _, _ in uses)
    if len(channels) > 1:
        raise Unsupported(
            f"shapesys {name!r} is shared by the channels {listed(channels)}; pyhf JSON knows factors shared by "
            "channels only as a shapefactor, without a constraint"
        )
    if len({s.name for _, s, _ in uses}) < len(uses):
        raise Unsupported(f"{where}: its factors multiply a sample twice, which pyhf JSON cannot say")
    total = [sum(float(s.nominal[i]) for _, s, _ in uses) for i in range(channel.n_bins)]
    absolute = tuple(w * t if t > 0.0 else 0.0 for w, t in zip(widths, total, strict=True))
    if kind == "poisson" and len(uses) == 1:
        replacements[channel.name, first.name, name] = ShapeSys(name=name, data=absolute)
    else:
        for c, s, _ in uses:
            data = absolute if s is first else (0.0,) * channel.n_bins
            replacements[c.name, s.name, name] = StatError(name=name, data=data)
        if kind == "poisson":
            what = f"the Poisson constraint of a shapesys shared by {len(uses)} samples becomes Gaussian"
            yield outcome("loss", where, what)
        else:
            yield outcome("rewrite", where, "a Gaussian shapesys is a staterror of its own")
    for i, (w, t) in enumerate(zip(widths, total, strict=True)):
        if w > 0.0 and t <= 0.0:
            matters: Kind = "loss" if any(_moves(s, i) for _, s, _ in uses) else "rewrite"
            what = f"bin {i} has a yield of {t:g}: its uncertainty of {w:g} is left out, the factor fixed"
            yield outcome(matters, where, what)


def _moves(sample: Sample, i: int) -> bool:
    """Whether the sample ever has a yield other than zero in this bin."""
    shifts = (h for h in sample.modifiers if isinstance(h, HistoSys))
    return sample.nominal[i] != 0 or any(h.lo_data[i] != 0 or h.hi_data[i] != 0 for h in shifts)


def _to_pyhf_conventions(workspace: Workspace) -> Rewriting:
    """pyhf's conventions, with ROOT's ranges written out where they differ from pyhf's defaults."""
    if workspace.conventions == PYHF:
        return workspace, ()
    measurements = []
    for m in workspace.measurements:
        new = m
        ours = parameter_sets(workspace, m, workspace.conventions)
        theirs = parameter_sets(workspace, m, PYHF)
        stated = []
        for name, s in ours.items():
            if s.kind == "normfactor" or s.bounds != theirs[name].bounds:
                config = new.parameter(name)
                inits = config.inits if config.inits is not None or s.kind != "normfactor" else s.inits
                stated.append(replace(config, bounds=s.bounds, inits=inits))
        measurements.append(set_parameters(new, stated))
    changed = replace(workspace, conventions=PYHF, measurements=tuple(measurements))
    outcomes = tuple(
        outcome(
            "carried", f"measurement {m.name!r}: lumi", f"ROOT makes its range from {p.nominal}, not from its centre"
        )
        for m in measurements
        for p in m.parameters
        if p.nominal is not None
    )
    return map_parameters(changed, lambda _m, p: replace(p, nominal=None)) if outcomes else changed, outcomes


#: Rewrites any workspace into the pyhf JSON dialect.
TO_PYHF: tuple[Step, ...] = (
    Step(name="functions", apply=without_functions),
    Step(name="constraint terms", apply=without_constraint_terms),
    Step(name="factors of zero", apply=_zero_factors),
    Step(name="constant luminosity", apply=_constant_lumi),
    Step(name="parameters of interest", apply=_first_poi),
    Step(name="constant bin factors", apply=_constant_bin_factors),
    Step(name="bin uncertainties", apply=_bin_uncertainties),
    Step(name="conventions and ranges", apply=_to_pyhf_conventions),
)
