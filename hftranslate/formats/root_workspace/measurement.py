"""A Measurement object in the words of HistFactory XML, so that both have one meaning.

ROOT's own parser makes such an object of the XML, and everything that ROOT does with a model starts from it. So what is
read from the object are the elements that it could have been made of; the rules are those of
:func:`hftranslate.formats.histfactory_xml.interpret`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, TypeAlias

from hftranslate.errors import FormatError, Unsupported
from hftranslate.formats.histfactory_xml.grammar import Node, Notes
from hftranslate.formats.root_histograms import Histogram
from hftranslate.formats.root_workspace.streamed import Object, Undecoded

#: Class of the object.
MEASUREMENT = "RooStats::HistFactory::Measurement"
_CONSTRAINTS = {0: "Gaussian", 1: "Poisson"}
#: ConstraintTerm types, by the member that lists their systematics.
_TERMS = {"fGammaSyst": "Gamma", "fUniformSyst": "Uniform", "fLogNormSyst": "LogNormal"}
_FACTORY = re.compile(r"\s*expr::(?P<Name>\w+)\('(?P<Expression>[^']*)',\s*\{?(?P<Dependents>[^{}']*)\}?\)\s*")
_WAY_OUT = "give the XML that it was made from, or a file of another version of ROOT"

#: Histograms that lie in the object, by the HistoPath and HistoName that stand for them.
Inside: TypeAlias = dict[tuple[str, str], Histogram]


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """What a Measurement object says, as elements.

    Attributes
    ----------
    name
        of the measurement.
    measurement
        the ``Measurement`` element.
    functions
        the ``Function`` elements.
    channels
        the ``Channel`` documents by name.
    inside
        the histograms that lie in the object.
    prefix
        where its files went.
    """

    name: str
    measurement: Node
    functions: tuple[Node, ...]
    channels: Mapping[str, Node]
    inside: Inside
    prefix: str


def elements_of(measurement: Object, source: str, notes: Notes) -> Elements:
    """What a Measurement object says.

    Parameters
    ----------
    measurement
        its members.
    source
        what to call the file in messages.
    notes
        is told what ROOT makes nothing of.

    Raises
    ------
    InputError
        It has no members of these names, has a histogram that is not finite, or something that XML has no word for.
    """
    return _Translator(source, notes).elements(measurement)


@dataclass(slots=True)
class _Translator:
    source: str
    notes: Notes
    inside: Inside = field(default_factory=dict)

    def elements(self, measurement: Object) -> Elements:
        name = str(_member(measurement, "fName"))
        channels: dict[str, Node] = {}
        for channel in _objects(measurement, "fChannels"):
            node = self._channel(channel)
            if node.attributes["Name"] in channels:
                raise FormatError(f"{self.source}: {name!r} has two channels named {node.attributes['Name']!r}")
            channels[node.attributes["Name"]] = node
        return Elements(
            name=name,
            measurement=self._measurement(name, measurement),
            functions=tuple(self._functions(measurement)),
            channels=channels,
            inside=self.inside,
            prefix=str(_member(measurement, "fOutputFilePrefix")),
        )

    def _node(
        self, tag: str, attributes: Mapping[str, Any] | None = None, children: Iterable[Node] = (), text: str = ""
    ) -> Node:
        words = {name: value if isinstance(value, str) else repr(value) for name, value in (attributes or {}).items()}
        return Node(tag=tag, attributes=words, children=tuple(children), text=text, file=self.source, line=0)

    # ------------------------------------------------------------------------------------------------- measurement
    def _measurement(self, name: str, measurement: Object) -> Node:
        pois = _member(measurement, "fPOI")
        if isinstance(pois, str):  # the first version of the class, in ROOT 5
            measurement = {"fParamValues": {}, **measurement, "fPOI": pois.split()}
        said: list[tuple[str, dict[str, Any], Any]] = [("POI", {}, poi) for poi in _list(measurement, "fPOI")]
        said += [("ParamSetting", {"Val": value}, p) for p, value in _mapping(measurement, "fParamValues").items()]
        said += [("ParamSetting", {"Const": "True"}, p) for p in _list(measurement, "fConstantParams")]
        for word, kind in _TERMS.items():
            for systematic, width in _mapping(measurement, word).items():
                said.append(("ConstraintTerm", {"Type": kind, "RelativeUncertainty": width}, systematic))
        said += [("ConstraintTerm", {"Type": "NoConstraint"}, s) for s in _mapping(measurement, "fNoSyst")]
        children = [self._node(tag, attributes, text=self._name(text)) for tag, attributes, text in said]
        numbers = {word: _member(measurement, f"f{word}") for word in ("Lumi", "LumiRelErr")}
        return self._node("Measurement", {"Name": name, **numbers}, children)

    def _name(self, name: Any) -> str:
        """A name in a list, which must be one name there, too."""
        if not isinstance(name, str) or not name or " " in name or "\\" in name:
            raise Unsupported(f"{self.source}: no parameter can have the name {name!r}")
        return name

    def _functions(self, measurement: Object) -> Iterable[Node]:
        for text in measurement.get("fPreprocessFunctions") or ():  # of ROOT 5, in the words of RooFit's factory
            match = _FACTORY.fullmatch(text) if isinstance(text, str) else None
            if match is None:
                raise Unsupported(f"{self.source}: the function {text!r} is not expr::NAME('...',{{...}}); {_WAY_OUT}")
            yield self._node("Function", match.groupdict())
        for function in _objects(measurement, "fFunctionObjects"):
            words = {word: _member(function, f"f{word}") for word in ("Name", "Expression", "Dependents")}
            yield self._node("Function", words)

    # ----------------------------------------------------------------------------------------------------- channels
    def _channel(self, channel: Object) -> Node:
        name = str(_member(channel, "fName"))
        children = []
        for i, data in enumerate((_object(channel, "fData"), *_objects(channel, "fAdditionalData"))):
            place = self._place(data, "", "fhData", f"{name}/data{i or ''}")
            if place.get("HistoName"):
                children.append(self._node("Data", place if i == 0 else {"Name": _member(data, "fName"), **place}))
        config = _object(channel, "fStatErrorConfig")
        attributes = {"RelErrorThreshold": _member(config, "fRelErrorThreshold"), "ConstraintType": _constraint(config)}
        children.append(self._node("StatErrorConfig", attributes))
        children += [self._sample(sample, name) for sample in _objects(channel, "fSamples")]
        return self._node("Channel", {"Name": name}, children)

    def _sample(self, sample: Object, channel: str) -> Node:
        name = str(_member(sample, "fName"))
        inside = f"{channel}/{name}"
        if _list(sample, "fHistoFactorList"):
            names = ", ".join(repr(one.get("fName")) for one in _objects(sample, "fHistoFactorList"))
            what = f"the HistoFactor {names} is in the Measurement; ROOT makes nothing of it, nor do we"
            self.notes.add("convention", f"channel {channel!r}, sample {name!r}", what)
        children: list[Node] = []
        error = _object(sample, "fStatError")
        if _member(error, "fActivate"):
            place = self._uncertainty(error, "fhError", f"{inside}/StatError") if _member(error, "fUseHisto") else {}
            children.append(self._node("StatError", {"Activate": "True", **place}))
        for histosys in _objects(sample, "fHistoSysList"):
            sides: dict[str, Any] = {}
            for side in ("Low", "High"):
                place = self._place(histosys, side, f"fh{side}", f"{inside}/HistoSys {histosys.get('fName')}/{side}")
                sides |= {word.replace("InputFile", "HistoFile") + side: value for word, value in place.items()}
            children.append(self._node("HistoSys", {"Name": _member(histosys, "fName"), **sides}))
        for kind, words in (("OverallSys", ("Low", "High")), ("NormFactor", ("Val", "Low", "High"))):
            stated = [{w: _member(one, f"f{w}") for w in ("Name", *words)} for one in _objects(sample, f"f{kind}List")]
            children += [self._node(kind, attributes) for attributes in stated]
        for shapesys in _objects(sample, "fShapeSysList"):
            place = self._uncertainty(shapesys, "fhError", f"{inside}/ShapeSys {shapesys.get('fName')}")
            words_ = {"Name": _member(shapesys, "fName"), **place, "ConstraintType": _constraint(shapesys)}
            children.append(self._node("ShapeSys", words_))
        children += [self._shape_factor(one, inside) for one in _objects(sample, "fShapeFactorList")]
        attributes = {"Name": name, **self._place(sample, "", "fhNominal", inside)}
        if not _member(sample, "fNormalizeByTheory"):
            attributes["NormalizeByTheory"] = "False"
        return self._node("Sample", attributes, children)

    def _shape_factor(self, factor: Object, inside: str) -> Node:
        attributes = {"Name": _member(factor, "fName")}
        if _member(factor, "fHasInitialShape"):
            attributes |= self._uncertainty(factor, "fhInitialShape", f"{inside}/ShapeFactor {factor.get('fName')}")
        if _member(factor, "fConstant"):
            attributes["Const"] = "True"
        return self._node("ShapeFactor", attributes)

    # --------------------------------------------------------------------------------------------------- histograms
    def _uncertainty(self, one: Object, old: str, inside: str) -> dict[str, str]:
        """Where its only histogram is: since 6.24 the upper of two, before a member of its own."""
        return self._place(one, "High", "fhHigh", inside) if "fhHigh" in one else self._place(one, "", old, inside)

    def _place(self, one: Object, side: str, member: str, inside: str) -> dict[str, str]:
        """Where a histogram is: in the object, or in a file that the object names."""
        words = {word: str(_member(one, f"f{word}{side}")) for word in ("InputFile", "HistoPath", "HistoName")}
        found = _member(one, member)
        if isinstance(found, dict):  # a HistRef
            found = _member(found, "fHist")
        if found is None:
            return {word: value for word, value in words.items() if value}
        if not isinstance(found, Histogram):
            kind = found.class_name if isinstance(found, Undecoded) else "no histogram"
            raise Unsupported(f"{self.source}: {inside}: {kind}; expected TH1, TH2 or TH3")
        for value in (*found.contents, *(found.errors or ())):
            if not isfinite(value):
                raise FormatError(f"{self.source}: {inside}: the histogram has a bin with {value}; it must be finite")
        name = words["HistoName"] or "histogram"
        while (inside, name) in self.inside:  # a systematic that stands twice
            inside += "'"
        self.inside[inside, name] = found
        return {"InputFile": words["InputFile"] or self.source, "HistoPath": inside, "HistoName": name}


def _constraint(one: Object) -> str:
    number = _member(one, "fConstraintType")
    if number not in _CONSTRAINTS:
        raise FormatError(f"a constraint of type {number!r}; expected one of {sorted(_CONSTRAINTS)}")
    return _CONSTRAINTS[number]


def _member(one: Object, name: str) -> Any:
    if name not in one:
        raise Unsupported(f"an object of HistFactory has no {name} but {', '.join(one)}: its version is not known")
    return one[name]


def _list(one: Object, name: str) -> list[Any]:
    found = _member(one, name)
    if not isinstance(found, list):
        raise FormatError(f"{name} is no list")
    return found


def _mapping(one: Object, name: str) -> dict[Any, Any]:
    found = _member(one, name)
    if not isinstance(found, dict):
        raise FormatError(f"{name} is no map")
    return found


def _objects(one: Object, name: str) -> list[Object]:
    found = _list(one, name)
    if not all(isinstance(item, dict) for item in found):
        raise FormatError(f"{name} is no list of objects")
    return found


def _object(one: Object, name: str) -> Object:
    return _mapping(one, name)
