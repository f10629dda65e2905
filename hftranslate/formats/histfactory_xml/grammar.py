"""The words of HistFactory XML: elements, attributes, ROOT's defaults, and how ROOT parses a value."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from hftranslate.errors import FormatError, did_you_mean
from hftranslate.formats.histfactory_xml.root_versions import (
    MEASURED,
    NO_NORMFACTOR_CONST,
    SHAPEFACTOR_RANGES,
    Version,
    version_text,
)
from hftranslate.formats.outcomes import Kind, Outcome
from hftranslate.workspace import BinConstraint

#: What ROOT 6.40 takes for an attribute that is not there. Everything else that is missing is an error, or inherited.
DEFAULTS: dict[tuple[str, str], str] = {
    ("Combination", "OutputFilePrefix"): "",
    ("Measurement", "Lumi"): "1.0",
    ("Measurement", "LumiRelErr"): "0.1",
    ("Sample", "NormalizeByTheory"): "True",
    ("ShapeSys", "ConstraintType"): "Gaussian",
    ("StatErrorConfig", "ConstraintType"): "Poisson",
    ("StatErrorConfig", "RelErrorThreshold"): "0.05",
    ("StatError", "Activate"): "False",
    ("ShapeFactor", "Const"): "False",
}
#: ROOT before 6.22 took another default for the constraint of StatError.
OLD_STATERROR_CONSTRAINT = "Gaussian"


class Refused(NamedTuple):
    """An attribute that ROOT refuses, at least in some versions, and what becomes of it.

    Attributes
    ----------
    effect
        how it is read here.
    since
        the version that accepts it, ``None`` for none.
    until
        the version that refuses it again.
    """

    effect: str
    since: Version | None = None
    until: Version | None = None

    def by(self, version: Version) -> bool:
        """Whether that version refuses it."""
        return self.since is None or version < self.since or (self.until is not None and version >= self.until)


class Element(NamedTuple):
    """What may stand in an element. ``refused`` are attributes that the DTD or the parser of ROOT refuses."""

    attributes: tuple[str, ...] = ()
    children: tuple[str, ...] = ()
    refused: Mapping[str, Refused] = MappingProxyType({})

    @property
    def known(self) -> tuple[str, ...]:
        """All attributes that are read."""
        return (*self.attributes, *self.refused)


_PLACE = ("InputFile", "HistoPath", "HistoName")
_INITIAL_SHAPE = "its DTD does not know it, but its parser: the histogram has the initial values"
_RANGE = "ROOT knows it since 6.42 (6.40 since a patch release): initial value and range of the factors"
GRAMMAR: dict[str, Element] = {
    "Combination": Element(
        ("OutputFilePrefix",),
        ("Function", "Input", "Measurement"),
        {"Mode": Refused("it has no meaning and is kept as a note")},
    ),
    "Function": Element(("Name", "Expression", "Dependents")),
    "Input": Element(),
    "Measurement": Element(
        ("Name", "Lumi", "LumiRelErr", "BinLow", "BinHigh", "Mode", "ExportOnly"),
        ("POI", "ParamSetting", "ConstraintTerm", "Asimov"),
    ),
    "POI": Element(),
    "ParamSetting": Element(("Val", "Const")),
    "ConstraintTerm": Element(("Type", "RelativeUncertainty")),
    "Asimov": Element(("Name", "FixParams")),
    "Channel": Element(("Name", *_PLACE), ("Data", "StatErrorConfig", "Sample")),
    "Data": Element(_PLACE, (), {"Name": Refused("it is the name of a further set of data")}),
    "StatErrorConfig": Element(("RelErrorThreshold", "ConstraintType")),
    "Sample": Element(
        ("Name", *_PLACE, "NormalizeByTheory"),
        ("StatError", "HistoSys", "OverallSys", "ShapeSys", "NormFactor", "ShapeFactor"),
    ),
    "StatError": Element(("Activate", *_PLACE)),
    "HistoSys": Element(
        ("Name", "HistoFileLow", "HistoPathLow", "HistoNameLow", "HistoFileHigh", "HistoPathHigh", "HistoNameHigh"),
        (),
        {"InputFile": Refused("it is taken as the file of both histograms")},
    ),
    "OverallSys": Element(("Name", "Low", "High")),
    "ShapeSys": Element(("Name", *_PLACE, "ConstraintType")),
    "NormFactor": Element(
        ("Name", "Val", "Low", "High"),
        (),
        {
            "Const": Refused(
                "ROOT before 6.28 accepted it without effect, so it is ignored; use ParamSetting Const='True'",
                since=(0, 0),
                until=NO_NORMFACTOR_CONST,
            )
        },
    ),
    "ShapeFactor": Element(
        ("Name",),
        (),
        {
            **{name: Refused(_INITIAL_SHAPE) for name in _PLACE},
            "Const": Refused("its DTD does not know it, but its parser: the factors are constant"),
            **{name: Refused(_RANGE, since=SHAPEFACTOR_RANGES) for name in ("Val", "Low", "High")},
        },
    ),
}

BIN_CONSTRAINTS: dict[str, BinConstraint] = {
    "Gaussian": "gaussian",
    "Gauss": "gaussian",
    "Poisson": "poisson",
    "Pois": "poisson",
}
#: Lists of names are split on these only; ROOT leaves a line break or a tab in the name.
_SEPARATORS = re.compile(r"[ \\]+")
_ANY_SEPARATORS = re.compile(r"[\s\\]+")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An element of a parsed document: checked against :data:`GRAMMAR`, comments removed.

    ``line`` is 0 where the element stands in no document.
    """

    tag: str
    attributes: Mapping[str, str]
    children: tuple["Node", ...]
    text: str
    file: str
    line: int

    @property
    def where(self) -> str:
        """Place of the element, for the beginning of an error message."""
        name = f" Name={self.attributes['Name']!r}" if "Name" in self.attributes else ""
        line = f":{self.line}" if self.line else ""
        return f"{self.file}{line}: <{self.tag}{name}>"

    def all(self, tag: str) -> tuple["Node", ...]:
        """The children of that tag, in order."""
        return tuple(child for child in self.children if child.tag == tag)

    def get(self, attribute: str) -> str:
        """The attribute, or ROOT's default for it.

        Raises
        ------
        FormatError
            It is missing and has no default.
        """
        value = self.attributes.get(attribute)
        if value is None:
            value = DEFAULTS.get((self.tag, attribute))
        if value is None:
            given = ", ".join(self.attributes) or "none"
            raise FormatError(f"{self.where} has no attribute {attribute!r}, which ROOT requires (given: {given})")
        return value


class Notes:
    """The outcomes of reading one model, each once, and whose version of ROOT is followed.

    ``documents`` collects all that were parsed, where an account of them is wanted: large ones need much memory.
    """

    def __init__(self, version: Version = MEASURED, documents: list[Node] | None = None) -> None:
        self.version = version
        self.documents = documents
        self._outcomes: dict[Outcome, None] = {}

    def add(self, kind: Kind, where: str, what: str) -> None:
        """Record an outcome."""
        self._outcomes[Outcome(kind=kind, where=where, what=what)] = None

    def outcomes(self) -> tuple[Outcome, ...]:
        """All outcomes in the order of their first appearance."""
        return tuple(self._outcomes)


def check_element(tag: str, attributes: Iterable[str], where: str) -> None:
    """Refuse an attribute that is not in the grammar, naming the nearest that is."""
    element = GRAMMAR[tag]
    for attribute in attributes:
        if attribute not in element.known:
            raise FormatError(
                f"{where}: <{tag}> has no attribute {attribute!r}" + did_you_mean(attribute, element.attributes)
            )


def note_refused(node: Node, notes: Notes) -> None:
    """Record attributes that ROOT refuses, or accepts without effect."""
    for attribute, refused in GRAMMAR[node.tag].refused.items():
        if attribute not in node.attributes:
            continue
        if refused.by(notes.version):
            what = f"ROOT {version_text(notes.version)} refuses the attribute {attribute!r}: {refused.effect}"
            notes.add("repair", node.where, what)
        elif refused.until is not None:
            notes.add("repair", node.where, f"the attribute {attribute!r}: {refused.effect}")


def boolean(node: Node, attribute: str) -> bool:
    """``True``, ``true``, ``False`` or ``false``; anything else is an error, as in ROOT."""
    value = node.get(attribute)
    if value not in ("True", "true", "False", "false"):
        raise FormatError(f"{node.where}: {attribute}={value!r} must be 'True' or 'False'")
    return value in ("True", "true")


def number(node: Node, attribute: str, notes: Notes) -> float:
    """The number at the beginning of the value; what follows it is ignored, as in ROOT, and recorded."""
    value = node.get(attribute)
    match = _NUMBER.match(value)
    if match is None:
        raise FormatError(f"{node.where}: {attribute}={value!r} is not a number")
    if value[match.end() :].strip():
        notes.add("repair", node.where, f"{attribute}={value!r} was read as {match.group().strip()}, as ROOT does")
    return float(match.group())


def constraint(node: Node, attribute: str = "ConstraintType", value: str | None = None) -> BinConstraint:
    """The kind of constraint of bin factors."""
    word = node.get(attribute) if value is None else value
    if word not in BIN_CONSTRAINTS:
        raise FormatError(f"{node.where}: {attribute}={word!r} is unknown" + did_you_mean(word, BIN_CONSTRAINTS))
    return BIN_CONSTRAINTS[word]


def names(node: Node, notes: Notes) -> tuple[str, ...]:
    """A list of names, separated by white space or backslashes.

    ROOT splits on blanks and backslashes only: with a line break or tab it finds none of the names around it, which
    is recorded.
    """
    found = tuple(name for name in _ANY_SEPARATORS.split(node.text) if name)
    seen_by_root = set(_SEPARATORS.split(node.text))
    unseen = [n for n in found if n not in seen_by_root]
    if unseen:
        notes.add(
            "convention",
            node.where,
            f"line breaks or tabs around {', '.join(map(repr, unseen))}: ROOT would not find these names and ignore "
            "them; they were read as meant",
        )
    if not found:
        raise FormatError(f"{node.where} has no text; expected names of parameters")
    return found


Place: TypeAlias = tuple[str, str]
