"""An HS3 document to a Workspace, without ROOT."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import isclose, isfinite

from hftranslate.errors import FormatError, InvalidWorkspace, MissingInput, Unsupported
from hftranslate.formats.hs3.channels import RawChannel, Use, read_channels
from hftranslate.formats.hs3.constraints import Constraints, Gaussian
from hftranslate.formats.hs3.functions import read_functions
from hftranslate.formats.hs3.modifiers import ModifierReader
from hftranslate.formats.hs3.names import CALLED, Sets, every_use, owned_by_others, parameter_sets_of
from hftranslate.formats.hs3.settings import Analysis, Settings, chosen
from hftranslate.formats.hs3.tree import Node
from hftranslate.formats.hs3.words import words_met
from hftranslate.formats.outcomes import Outcome
from hftranslate.formats.rewriting import outcome
from hftranslate.formats.which import TOP_OF_HS3
from hftranslate.workspace import (
    ROOT,
    Channel,
    ConstraintTerm,
    Function,
    Measurement,
    ParameterConfig,
    Sample,
    Workspace,
)
from hftranslate.workspace.map import set_parameters
from hftranslate.workspace.parameters import Constraint, ParameterSet, parameter_sets

_VERSIONS = re.compile(r"0\.[12](\.\d+)*")
#: Annotation of a channel whose staterror is Gaussian for all but ROOT 6.40, which does not read its type.
MISREAD = "HS3 staterror"
#: ROOT's name of the luminosity.
_LUMI = "Lumi"
#: ROOT's infinity.
_INFINITY = 1e30
#: Global observables farther than so many widths from every value of their parameter have no effect on its term.
_FAR = 8.0


def from_document(
    document: object, source: str = "HS3", *, analysis: str | None = None
) -> tuple[Workspace, tuple[Outcome, ...]]:
    """The model of a parsed HS3 document, under ROOT's conventions.

    Parameters
    ----------
    document
        what a JSON parser returned.
    source
        what to call it in messages.
    analysis
        which one is read; by default the first with data that are not Asimov data, and that is said.

    Returns
    -------
    tuple
        the model, and what did not pass unchanged.

    Raises
    ------
    FormatError
        The document is not what the standard demands.
    Unsupported
        It says something that is not HistFactory; the message has the path.
    InvalidWorkspace
        It describes no valid model.
    MissingInput
        It has no such analysis.
    """
    try:
        return _read(Node(document), analysis)
    except (FormatError, Unsupported, InvalidWorkspace, MissingInput) as error:
        raise type(error)(f"{source}: {error}") from None


def _read(document: Node, wanted: str | None) -> tuple[Workspace, tuple[Outcome, ...]]:
    document.only(TOP_OF_HS3)
    packages = _packages(document)
    analyses, outcomes = chosen(document, wanted)
    settings = Settings(document, analyses[0])
    constraints = Constraints(document, analyses[0], settings)
    raw = tuple(_without_constants(c, constraints, settings) for c in read_channels(document, analyses[0]))
    lumi, term = _luminosity(raw, constraints, settings)
    sets, renamings = parameter_sets_of(raw, lumi)
    if lumi not in (None, _LUMI):
        renamings += (outcome("rewrite", f"parameter {lumi!r}", CALLED.format(_LUMI)),)
    in_events = "pyhs3" in packages
    reader = ModifierReader(sets=sets, constraints=constraints, settings=settings, lumi=lumi, in_events=in_events)
    channels = tuple(_channel(c, reader) for c in raw)
    constraints.refuse_unused()
    functions = read_functions(document, raw, sets, settings)
    terms = tuple(ConstraintTerm(name=n, kind="uniform", relative_uncertainty=1.0) for n in sorted(reader.uniform))
    model = _Model(document, channels, functions, sets, terms, (lumi, term))
    measurements = []
    said: list[Outcome] = []
    for one in analyses:
        measurement, notes = model.measurement(one)
        measurements.append(measurement)
        said += notes
    workspace = Workspace(channels=channels, measurements=tuple(measurements), functions=functions, conventions=ROOT)
    return workspace, (*outcomes, *words_met(raw), *renamings, *reader.outcomes, *said)


def _packages(document: Node) -> set[str]:
    """The packages that made the document, of a version that is known."""
    metadata = document.get("metadata")
    version = metadata.get("hs3_version") if metadata is not None else None
    if version is not None and not _VERSIONS.fullmatch(version.text()):
        version.unsupported(f"version {version.text()!r} of the standard is not known; expected 0.1 or 0.2")
    packages = metadata.items("packages") if metadata is not None else ()
    return {node["name"].text() for node in packages if node.get("name") is not None}


def _without_constants(channel: RawChannel, constraints: Constraints, settings: Settings) -> RawChannel:
    """The channel without bin factors that are constant at one: ROOT before 6.36 writes them on every sample."""

    def idle(use: Use) -> bool:
        if use.kind != "gamma" or constraints.word(use.node) != "const":
            return False
        said = [settings.of(p) for p in use.parameters]
        return all(s.constant is not False and s.value in (None, 1.0) for s in said)

    samples = tuple(replace(s, uses=tuple(u for u in s.uses if not idle(u))) for s in channel.samples)
    return replace(channel, samples=samples)


def _luminosity(
    channels: tuple[RawChannel, ...], constraints: Constraints, settings: Settings
) -> tuple[str | None, Gaussian | None]:
    """The document's name of the luminosity, and its constraint: a factor with a Gaussian term.

    Without one it is a constant factor of the name that ROOT gives the luminosity, on all samples.
    """
    owner = owned_by_others(channels)
    found: dict[str, Gaussian] = {}
    for _, _, use in every_use(channels):
        if use.kind != "factor" or use.parameters[0] in owner:
            continue
        if constraints.word(use.node) not in (None, "const", "gaussian"):
            use.node.unsupported("a factor with a constraint that is no Gaussian")
        term = constraints.of_one(use.node, use.parameters[0])
        if term is not None and found.setdefault(use.parameters[0], term) != term:
            use.node.invalid(f"{use.parameters[0]!r} has two different constraints")
        if len(found) > 1:
            use.node.unsupported(f"{' and '.join(map(repr, found))} are constrained factors; HistFactory has one")
    if found:
        return next(iter(found.items()))
    everywhere = all(any(u.parameters == (_LUMI,) for u in s.uses) for c in channels for s in c.samples)
    return (_LUMI if everywhere and settings.of(_LUMI).constant else None), None


def _channel(raw: RawChannel, reader: ModifierReader) -> Channel:
    samples = tuple(Sample(name=s.name, nominal=s.nominal, modifiers=reader.of_sample(raw, s)) for s in raw.samples)
    notes = ((MISREAD, "Gauss"),) if raw.name in reader.misread else ()
    return Channel(name=raw.name, samples=samples, observed=raw.observed, edges=raw.edges, annotations=notes)


class _Model:
    """What the measurements of a document share."""

    def __init__(
        self,
        document: Node,
        channels: tuple[Channel, ...],
        functions: tuple[Function, ...],
        sets: Sets,
        terms: tuple[ConstraintTerm, ...],
        luminosity: tuple[str | None, Gaussian | None],
    ) -> None:
        self.document, self.channels, self.functions = document, channels, functions
        self.lumi, self.term = luminosity
        self.terms = terms
        self.parameters = {named.name: parameters for (_, parameters), named in sets.items() if named.linked is None}
        if self.lumi is not None:
            self.parameters["lumi"] = (self.lumi,)

    def measurement(self, analysis: Analysis) -> tuple[Measurement, list[Outcome]]:
        """A measurement with the settings that are not what its modifiers say by themselves."""
        settings = Settings(self.document, analysis)
        bare = Measurement(
            name=analysis.name,
            pois=self._pois(analysis),
            parameters=self._lumi(settings),
            constraint_terms=self.terms,
        )
        workspace = Workspace(channels=self.channels, measurements=(bare,), functions=self.functions, conventions=ROOT)
        notes: list[Outcome] = []
        configs = []
        for s in parameter_sets(workspace, bare, ROOT).values():
            names = self.parameters.get(s.name, s.root_names)
            config = self._config(s, names, bare.parameter(s.name), settings)
            if config != ParameterConfig(name=s.name):
                configs.append(config)
            notes += self._ranges(s, names, settings)
        return set_parameters(bare, configs), notes

    def _pois(self, analysis: Analysis) -> tuple[str, ...]:
        entries = {
            parameter: name if len(parameters) == 1 and not parameters[0].startswith("gamma_") else f"{name}[{i}]"
            for name, parameters in self.parameters.items()
            for i, parameter in enumerate(parameters)
        }
        return tuple(entries.get(poi, poi) for poi in analysis.pois)

    def _lumi(self, settings: Settings) -> tuple[ParameterConfig, ...]:
        if self.lumi is None:
            return ()
        if self.term is None:
            return (ParameterConfig(name="lumi", auxdata=(settings.of(self.lumi).value or 1.0,), sigmas=(0.0,)),)
        centre = self._centre("lumi", self.lumi, settings)
        value = self.term.centre if centre[0] is None else centre[0]
        nominal = None
        if centre[1] is not None and isfinite(centre[1][1]):  # ROOT ends the range ten widths above the luminosity
            stated = centre[1][1] - 10.0 * self.term.width
            nominal = None if isclose(stated, value, rel_tol=1e-9) else stated
        return (ParameterConfig(name="lumi", auxdata=(value,), sigmas=(self.term.width,), nominal=nominal),)

    def _centre(self, name: str, parameter: str, settings: Settings) -> tuple[float | None, tuple[float, float] | None]:
        """Value and range of the global observable of a parameter, where stated."""
        observable: str | None = f"nom_{parameter}"
        if name == "lumi" and self.term is not None:
            observable = self.term.observable
        if observable is None:
            return None, None
        said = settings.of(observable)
        return said.value, said.range

    def _config(
        self, s: ParameterSet, names: tuple[str, ...], config: ParameterConfig, settings: Settings
    ) -> ParameterConfig:
        said = [settings.of(name) for name in names]
        values = tuple(v if x.value is None else x.value for v, x in zip(s.inits, said, strict=True))
        bounds = tuple(_finite(b if x.range is None else x.range) for b, x in zip(s.bounds, said, strict=True))
        constants = tuple(f if x.constant is None else x.constant for f, x in zip(s.fixed, said, strict=True))
        for name, own, stated in zip(names, s.fixed, constants, strict=True):
            if own and not stated:
                raise Unsupported(f"parameter_points: {name!r} floats, but its modifier has no uncertainty for it")
        if values != s.inits:
            config = replace(config, inits=values)
        if bounds != tuple(map(_finite, s.bounds)) or s.kind == "normfactor":
            config = replace(config, bounds=bounds, inits=values if s.kind == "normfactor" else config.inits)
        if constants != s.fixed:
            config = replace(config, fixed=True if all(constants) else constants)
        centres = [self._centre(s.name, name, settings)[0] for name in names]
        auxdata = tuple(
            (1.0 if c is None else c.auxdata) if c is None or v is None or _same(v, c.auxdata) else v
            for c, v in zip(s.constraints, centres, strict=True)
        )
        if any(c is not None and a != c.auxdata for a, c in zip(auxdata, s.constraints, strict=True)):
            config = replace(config, auxdata=auxdata)
        return config

    def _ranges(self, s: ParameterSet, names: tuple[str, ...], settings: Settings) -> Iterator[Outcome]:
        """What a document says about ranges of global observables and ROOT's HistFactory does not make so."""
        for name, bounds, constraint in zip(names, s.bounds, s.constraints, strict=True):
            stated = self._centre(s.name, name, settings)[1]
            if constraint is None or constraint.kind != "gaussian" or stated is None:
                continue
            if _matters(stated, constraint, bounds):
                low, high = constraint.domain
                what = (
                    f"its global observable lies in [{stated[0]:g}, {stated[1]:g}] here, over which ROOT would "
                    f"normalise its constraint; [{low:g}, {high:g}] is taken, as HistFactory has it"
                )
                yield outcome("convention", f"parameter {name!r}", what)


def _finite(range_: tuple[float, float]) -> tuple[float, float]:
    return max(range_[0], -_INFINITY), min(range_[1], _INFINITY)


def _same(one: float, two: float) -> bool:
    return isclose(one, two, rel_tol=1e-12, abs_tol=1e-15)


def _matters(stated: tuple[float, float], constraint: Constraint, bounds: tuple[float, float]) -> bool:
    (low, high), (own_low, own_high) = stated, constraint.domain
    below, above = max(low, own_low), min(high, own_high)
    far_below = (bounds[0] - below) / constraint.width > _FAR
    far_above = (above - bounds[1]) / constraint.width > _FAR
    return not ((_same(low, own_low) or far_below) and (isclose(high, own_high, rel_tol=1e-9) or far_above))
