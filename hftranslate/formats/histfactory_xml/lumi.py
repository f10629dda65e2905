"""The luminosity in HistFactory XML: every sample follows it in ROOT, or none.

ROOT multiplies every sample by the parameter Lumi. Where only some samples follow the luminosity, there is an exact way
around that: a constant Lumi of 1, and on these samples a NormFactor that a Function makes out of a unit Gaussian
parameter::

    <Function Name="lumiscale" Expression="L+S*alpha_lumi" Dependents="alpha_lumi[0,-5,5]"/>
    <NormFactor Name="lumiscale" .../>                   on each of these samples
    <OverallSys Name="lumi" Low="1" High="1"/>           on one of them, which makes the constraint
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from hftranslate.errors import Unsupported
from hftranslate.formats.histfactory_xml.grammar import Node, Notes, number
from hftranslate.formats.histfactory_xml.names import unique
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, UNIFORM_LUMI, Version
from hftranslate.formats.rewriting import Rewriting, outcome
from hftranslate.records import record
from hftranslate.workspace import (
    Annotations,
    Channel,
    Function,
    Lumi,
    Measurement,
    Modifier,
    NormFactor,
    NormSys,
    Numbers,
    ParameterConfig,
    Sample,
    Workspace,
)
from hftranslate.workspace.map import (
    Replacement,
    all_modifiers,
    has,
    map_modifiers,
    map_samples,
    scaled,
    set_parameter,
    with_events,
    with_modifiers,
    with_samples,
)
from hftranslate.workspace.parameter_names import declared_parameters

_DEPENDENTS = "alpha_lumi[0,-5,5]"
_SYSTEMATIC = "lumi"
_FALSE = ("NormalizeByTheory", "False")
_UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_EXPRESSION = re.compile(rf"\s*({_UNSIGNED})\s*\+\s*({_UNSIGNED})\s*\*\s*alpha_lumi\s*")
_ALPHA = re.compile(r"\balpha_lumi\b")


@record
class PartialLumi:
    """Luminosity and its absolute uncertainty, as the Function states them."""

    function: str
    lumi: float
    sigma: float


def _numbers(function: Function) -> tuple[float, float] | None:
    """L and S of ``L+S*alpha_lumi``, ``None`` where it is another function."""
    match = _EXPRESSION.fullmatch(function.expression)
    if match is None or "".join(function.dependents.split()) != _DEPENDENTS:
        return None
    return float(match[1]), float(match[2])


def recognise(
    channels: Sequence[Channel], functions: Sequence[Function], measurements: Sequence[Node], notes: Notes
) -> PartialLumi | None:
    """The luminosity of the samples that carry such a NormFactor, if the whole pattern holds."""
    candidates = [(f, found) for f in functions if (found := _numbers(f)) is not None]
    if len(candidates) != 1 or sum(bool(_ALPHA.search(f"{f.expression} {f.dependents}")) for f in functions) != 1:
        return None
    ((function, (lumi, sigma)),) = candidates
    modifiers = list(all_modifiers(channels))
    factors = {m for m in modifiers if isinstance(m, NormFactor) and m.name == function.name}
    if factors != {NormFactor(name=function.name)}:
        return None
    named = [m for m in modifiers if m.name == _SYSTEMATIC]
    if not named or any(not isinstance(m, NormSys) or m.lo != 1.0 or m.hi != 1.0 for m in named):
        return None
    for node in measurements:
        if number(node, "Lumi", notes) != 1.0 or number(node, "LumiRelErr", notes) != 0.0:
            return None
        settings = [word for element in node.all("ParamSetting") for word in re.split(r"[\s\\]+", element.text)]
        if "Lumi" in settings or function.name in settings:
            return None
        if any(_SYSTEMATIC in re.split(r"[\s\\]+", term.text) for term in node.all("ConstraintTerm")):
            return None
    return PartialLumi(function=function.name, lumi=lumi, sigma=sigma)


def with_partial_lumi(channel: Channel, partial: PartialLumi) -> Channel:
    """The channel with Lumi modifiers in place of the NormFactor, and without the empty systematic."""

    factor = NormFactor(name=partial.function)

    def change(m: Modifier) -> Modifier | None:
        if isinstance(m, NormSys) and m.name == _SYSTEMATIC:
            return None
        return Lumi() if isinstance(m, NormFactor) and m == factor else m

    return with_modifiers(channel, change)


def with_lumi(channel: Channel, constant: float | None) -> Channel:
    """The channel with Lumi as the first modifier of every sample.

    With ``constant``, samples annotated with NormalizeByTheory=False are multiplied by this number instead.
    """

    def sample(s: Sample) -> Sample:
        if constant is None or _FALSE not in s.annotations:
            return replace(s, modifiers=(Lumi(), *s.modifiers))
        return scaled(s, constant)

    return with_samples(channel, sample)


# ------------------------------------------------------------------------------------------------------------ writing
def luminosity(workspace: Workspace, version: Version = MEASURED) -> Rewriting:
    """Every sample follows Lumi in ROOT: a constant one where no sample does, a Function where some do.

    ROOT before 6.24 knows samples that follow only the nominal luminosity: those with NormalizeByTheory=False.
    """
    workspace = _with_old_marks(workspace, version)
    carries = [has(s, Lumi) for c in workspace.channels for s in c.samples]
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


def _with_old_marks(workspace: Workspace, version: Version) -> Workspace:
    """The workspace with NormalizeByTheory=False where it says what the version makes of it, or nothing."""

    def mark(_c: Channel, s: Sample) -> Sample:
        old = version < UNIFORM_LUMI
        wanted = not has(s, Lumi) if old else _FALSE in s.annotations and has(s, Lumi)
        return s if (_FALSE in s.annotations) == wanted else replace(s, annotations=_with_mark(s, wanted))

    return map_samples(workspace, mark)


def _with_mark(sample: Sample, wanted: bool) -> Annotations:
    others = tuple(a for a in sample.annotations if a != _FALSE)
    return (*others, _FALSE) if wanted else others


def _partial_in_old_root(workspace: Workspace) -> Rewriting:
    """The others follow the nominal luminosity, as a constant: their yields are divided by it."""
    values = {m.parameter("lumi").root_nominal for m in workspace.measurements}
    if len(values) != 1 or None in values:
        raise Unsupported(
            "only some samples depend on the luminosity, and the measurements configure it differently "
            f"({_luminosities(workspace)}); in ROOT before 6.24 the others would need different histograms for each"
        )
    (nominal,) = values
    assert nominal is not None
    if nominal <= 0:
        raise Unsupported(f"a luminosity of {nominal}; expected a positive number")
    what = "only some samples depend on it: the others say NormalizeByTheory=False"
    if nominal != 1:
        what += f", and their yields are divided by {nominal}"

        def divided(_c: Channel, s: Sample) -> Sample:
            return s if has(s, Lumi) else with_events(s, lambda events: events / float(nominal))

        workspace = map_samples(workspace, divided)
    return workspace, (outcome("rewrite", "lumi", what),)


def _lumi_everywhere(workspace: Workspace) -> Workspace:
    def change(_c: Channel, s: Sample) -> Sample:
        marked = _with_mark(s, False)
        return s if has(s, Lumi) else replace(s, modifiers=(Lumi(), *s.modifiers), annotations=marked)

    return map_samples(workspace, change)


def _partial_luminosity(workspace: Workspace) -> Rewriting:
    """Some samples follow the luminosity: a norm factor ``L + sigma * alpha_lumi``, defined by a Function.

    An OverallSys of one on one of the samples makes ROOT create ``alpha_lumi`` with its unit Gaussian.
    """
    configs = [m.parameter("lumi") for m in workspace.measurements]
    nominal, sigma = configs[0].root_nominal, configs[0].sigmas
    if nominal is None or sigma is None or any((c.root_nominal, c.sigmas) != (nominal, sigma) for c in configs):
        raise Unsupported(
            "only some samples depend on the luminosity, and the measurements configure it differently "
            f"({_luminosities(workspace)}); in XML it is then a Function, which all measurements share"
        )
    if nominal < 0 or sigma[0] < 0:
        raise Unsupported(f"a luminosity of {nominal} +- {sigma[0]}; expected numbers that are not negative")
    used = set(declared_parameters(workspace.channels))
    name = unique("lumiscale", used)
    systematic: list[Modifier] = [NormSys(name=_SYSTEMATIC, lo=1.0, hi=1.0)]  # on the first of the samples only

    def change(_c: Channel, _s: Sample, m: Modifier) -> Replacement:
        if not isinstance(m, Lumi):
            return m
        return (NormFactor(name=name), systematic.pop()) if systematic else NormFactor(name=name)

    changed = map_modifiers(workspace, change)
    expression = f"{float(nominal)!r}+{float(sigma[0])!r}*alpha_lumi"
    function = Function(name=name, expression=expression, dependents=_DEPENDENTS)
    measurements = tuple(_alpha_lumi(m, float(nominal), float(sigma[0])) for m in changed.measurements)
    changed = replace(changed, measurements=measurements, functions=(*workspace.functions, function))
    outcomes = [outcome("rewrite", "lumi", f"only some samples depend on it: the Function {expression}")]
    for m, config in zip(workspace.measurements, configs, strict=True):
        usual = (nominal - 5 * sigma[0], nominal + 5 * sigma[0])
        if config.bounds is not None and config.bounds != (usual,):
            what = f"the range {list(config.bounds[0])} cannot be said in XML; it becomes {list(usual)}"
            outcomes.append(outcome("carried", f"measurement {m.name!r}: lumi", what))
    return changed, tuple(outcomes)


def _luminosities(workspace: Workspace) -> str:
    """What each measurement says of the luminosity."""
    texts = []
    for m in workspace.measurements:
        config = m.parameter("lumi")
        known = None if config.root_nominal is None or config.sigmas is None else config.sigmas[0]
        texts.append(f"{m.name!r}: " + ("not at all" if known is None else f"{config.root_nominal} +- {known}"))
    return ", ".join(texts)


def _alpha_lumi(measurement: Measurement, nominal: float, sigma: float) -> Measurement:
    config = measurement.parameter("lumi")

    def alpha(values: Numbers | None) -> Numbers | None:
        return None if values is None or values[0] == nominal or sigma == 0.0 else ((values[0] - nominal) / sigma,)

    inits, centre = alpha(config.inits), alpha(config.auxdata)
    return set_parameter(measurement, ParameterConfig(name="lumi", inits=inits, auxdata=centre, fixed=config.fixed))
