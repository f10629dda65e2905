"""The luminosity on the way to HistFactory XML (:mod:`hftranslate.formats.histfactory_xml.dialect`)."""

from collections.abc import Callable
from dataclasses import replace

from hftranslate.errors import Unsupported
from hftranslate.formats.histfactory_xml.names import unique
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, UNIFORM_LUMI, Version
from hftranslate.formats.rewriting import Rewriting, map_modifiers, outcome, set_parameter
from hftranslate.workspace import (
    Annotations,
    Channel,
    Function,
    HistoSys,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Numbers,
    ParameterConfig,
    Sample,
    StatError,
    Workspace,
)
from hftranslate.workspace.parameter_names import declared_parameters

_FALSE = ("NormalizeByTheory", "False")


def luminosity(workspace: Workspace, version: Version = MEASURED) -> Rewriting:
    """Every sample follows Lumi in ROOT: a constant one where no sample does, a Function where some do.

    ROOT before 6.24 knows samples that follow only the nominal luminosity: those with NormalizeByTheory=False.
    """
    workspace = _marked(workspace, version)
    carries = [_carries(s) for c in workspace.channels for s in c.samples]
    if all(carries):
        return workspace, ()
    what = "no sample depends on it: a luminosity of one without uncertainty"
    if not any(carries) and Lumi().name in declared_parameters(workspace.channels):  # something else is called so
        return workspace, (outcome("rewrite", "lumi", what),)
    if not any(carries):
        constant = ParameterConfig(name="lumi", inits=(1.0,), auxdata=(1.0,), sigmas=(0.0,), fixed=True)
        measurements = tuple(set_parameter(m, constant) for m in workspace.measurements)
        return _lumi_everywhere(replace(workspace, measurements=measurements)), (outcome("rewrite", "lumi", what),)
    return _partial_luminosity(workspace) if version >= UNIFORM_LUMI else _partial_in_old_root(workspace)


def _carries(sample: Sample) -> bool:
    return any(isinstance(m, Lumi) for m in sample.modifiers)


def _marked(workspace: Workspace, version: Version) -> Workspace:
    """The workspace with NormalizeByTheory=False where it says what the version makes of it, or nothing."""

    def mark(s: Sample) -> Sample:
        old = version < UNIFORM_LUMI
        wanted = not _carries(s) if old else _FALSE in s.annotations and _carries(s)
        return s if (_FALSE in s.annotations) == wanted else replace(s, annotations=_with_mark(s, wanted))

    return _map_samples(workspace, mark)


def _with_mark(sample: Sample, wanted: bool) -> Annotations:
    others = tuple(a for a in sample.annotations if a != _FALSE)
    return (*others, _FALSE) if wanted else others


def _map_samples(workspace: Workspace, change: Callable[[Sample], Sample]) -> Workspace:
    channels = tuple(replace(c, samples=tuple(map(change, c.samples))) for c in workspace.channels)
    return replace(workspace, channels=channels)


def _partial_in_old_root(workspace: Workspace) -> Rewriting:
    """The others follow the nominal luminosity, as a constant: their yields are divided by it."""
    values = {m.parameter("lumi").root_nominal for m in workspace.measurements}
    if len(values) != 1 or None in values:
        raise Unsupported(
            "only some samples depend on the luminosity, and the measurements configure it differently "
            f"({', '.join(f'{m.name!r}: {_luminosity_text(m)}' for m in workspace.measurements)}); in ROOT before 6.24 "
            "the others would need different histograms for each"
        )
    (nominal,) = values
    assert nominal is not None
    if nominal <= 0:
        raise Unsupported(f"a luminosity of {nominal}; expected a positive number")
    what = "only some samples depend on it: the others say NormalizeByTheory=False"
    if nominal != 1:
        what += f", and their yields are divided by {nominal}"
        workspace = _map_samples(workspace, lambda s: s if _carries(s) else _divided(s, float(nominal)))
    return workspace, (outcome("rewrite", "lumi", what),)


def _divided(sample: Sample, by: float) -> Sample:
    def divided(values: Numbers) -> Numbers:
        return tuple(v / by for v in values)

    modifiers: list[Modifier] = []
    for m in sample.modifiers:
        if isinstance(m, HistoSys):
            modifiers.append(replace(m, lo_data=divided(m.lo_data), hi_data=divided(m.hi_data)))
        elif isinstance(m, StatError):
            modifiers.append(replace(m, data=divided(m.data)))
        else:
            modifiers.append(m)
    return replace(sample, nominal=divided(sample.nominal), modifiers=tuple(modifiers))


def _lumi_everywhere(workspace: Workspace) -> Workspace:
    return _map_samples(
        workspace,
        lambda s: s if _carries(s) else replace(s, modifiers=(Lumi(), *s.modifiers), annotations=_with_mark(s, False)),
    )


def _partial_luminosity(workspace: Workspace) -> Rewriting:
    """Some samples follow the luminosity: a norm factor ``L + sigma * alpha_lumi``, defined by a Function.

    An OverallSys of one on one of the samples makes ROOT create ``alpha_lumi`` with its unit Gaussian.
    """
    configs = [m.parameter("lumi") for m in workspace.measurements]
    nominal, sigma = configs[0].root_nominal, configs[0].sigmas
    if nominal is None or sigma is None or any((c.root_nominal, c.sigmas) != (nominal, sigma) for c in configs):
        raise Unsupported(
            "only some samples depend on the luminosity, and the measurements configure it differently "
            f"({', '.join(f'{m.name!r}: {_luminosity_text(m)}' for m in workspace.measurements)}); in XML it is then "
            "a Function, which all measurements share"
        )
    if nominal < 0 or sigma[0] < 0:
        raise Unsupported(f"a luminosity of {nominal} +- {sigma[0]}; expected numbers that are not negative")
    used = set(declared_parameters(workspace.channels))
    name = unique("lumiscale", used)
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
    expression = f"{float(nominal)!r}+{float(sigma[0])!r}*alpha_lumi"
    function = Function(name=name, expression=expression, dependents="alpha_lumi[0,-5,5]")
    measurements = tuple(_alpha_lumi(m, float(nominal), float(sigma[0])) for m in changed.measurements)
    changed = replace(
        changed, channels=tuple(channels), measurements=measurements, functions=(*workspace.functions, function)
    )
    outcomes = [outcome("rewrite", "lumi", f"only some samples depend on it: the Function {expression}")]
    for m, config in zip(workspace.measurements, configs, strict=True):
        usual = (nominal - 5 * sigma[0], nominal + 5 * sigma[0])
        if config.bounds is not None and config.bounds != (usual,):
            what = f"the range {list(config.bounds[0])} cannot be said in XML; it becomes {list(usual)}"
            outcomes.append(outcome("carried", f"measurement {m.name!r}: lumi", what))
    return changed, tuple(outcomes)


def _luminosity_text(measurement: Measurement) -> str:
    config = measurement.parameter("lumi")
    if config.root_nominal is None or config.sigmas is None:
        return "not at all"
    return f"{config.root_nominal} +- {config.sigmas[0]}"


def _alpha_lumi(measurement: Measurement, nominal: float, sigma: float) -> Measurement:
    config = measurement.parameter("lumi")

    def alpha(values: Numbers | None) -> Numbers | None:
        return None if values is None or values[0] == nominal or sigma == 0.0 else ((values[0] - nominal) / sigma,)

    inits, centre = alpha(config.inits), alpha(config.auxdata)
    return set_parameter(measurement, ParameterConfig(name="lumi", inits=inits, auxdata=centre, fixed=config.fixed))
