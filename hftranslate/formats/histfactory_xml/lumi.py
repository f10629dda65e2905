"""The luminosity on some samples only, which ROOT cannot say directly.

ROOT multiplies every sample by the parameter Lumi. An exact way around it: a constant Lumi of 1, and on the samples
that follow the luminosity a NormFactor that a Function makes out of a unit Gaussian parameter::

    <Function Name="lumiscale" Expression="L+S*alpha_lumi" Dependents="alpha_lumi[0,-5,5]"/>
    <NormFactor Name="lumiscale" .../>                   on each of these samples
    <OverallSys Name="lumi" Low="1" High="1"/>           on one of them, which makes the constraint
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hftranslate.formats.histfactory_xml.grammar import Node, Notes, number
from hftranslate.workspace import Channel, Function, HistoSys, Lumi, Modifier, NormFactor, NormSys, Sample, StatError

DEPENDENTS = "alpha_lumi[0,-5,5]"
_SYSTEMATIC = "lumi"
_UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_EXPRESSION = re.compile(rf"\s*({_UNSIGNED})\s*\+\s*({_UNSIGNED})\s*\*\s*alpha_lumi\s*")
_ALPHA = re.compile(r"\balpha_lumi\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialLumi:
    """Luminosity and its absolute uncertainty, as the Function states them."""

    function: str
    lumi: float
    sigma: float


def expression(function: Function) -> tuple[float, float] | None:
    """L and S of ``L+S*alpha_lumi``, ``None`` where it is another function."""
    match = _EXPRESSION.fullmatch(function.expression)
    if match is None or "".join(function.dependents.split()) != DEPENDENTS:
        return None
    return float(match[1]), float(match[2])


def recognise(
    channels: Sequence[Channel], functions: Sequence[Function], measurements: Sequence[Node], notes: Notes
) -> PartialLumi | None:
    """The luminosity of the samples that carry such a NormFactor, if the whole pattern holds."""
    candidates = [(f, found) for f in functions if (found := expression(f)) is not None]
    if len(candidates) != 1 or sum(bool(_ALPHA.search(f"{f.expression} {f.dependents}")) for f in functions) != 1:
        return None
    ((function, (lumi, sigma)),) = candidates
    modifiers = [m for c in channels for s in c.samples for m in s.modifiers]
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

    def modifier(m: Modifier) -> Modifier:
        return Lumi() if m == NormFactor(name=partial.function) else m

    def sample(s: Sample) -> Sample:
        kept = (m for m in s.modifiers if not (isinstance(m, NormSys) and m.name == _SYSTEMATIC))
        return replace(s, modifiers=tuple(map(modifier, kept)))

    return replace(channel, samples=tuple(map(sample, channel.samples)))


def with_lumi(channel: Channel, constant: float | None) -> Channel:
    """The channel with Lumi as the first modifier of every sample.

    With ``constant``, samples annotated with NormalizeByTheory=False are multiplied by this number instead.
    """

    def sample(s: Sample) -> Sample:
        if constant is None or ("NormalizeByTheory", "False") not in s.annotations:
            return replace(s, modifiers=(Lumi(), *s.modifiers))
        return _scaled(s, constant)

    return replace(channel, samples=tuple(map(sample, channel.samples)))


def _scaled(sample: Sample, factor: float) -> Sample:
    if factor == 1.0:
        return sample

    def times(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(factor * v for v in values)

    modifiers: list[Modifier] = []
    for m in sample.modifiers:
        if isinstance(m, HistoSys):
            modifiers.append(replace(m, lo_data=times(m.lo_data), hi_data=times(m.hi_data)))
        elif isinstance(m, StatError):
            modifiers.append(replace(m, data=times(m.data)))
        else:
            modifiers.append(m)
    return replace(sample, nominal=times(sample.nominal), modifiers=tuple(modifiers))
