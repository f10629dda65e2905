"""What became of every attribute of the XML documents of a model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from hftranslate.display import terminal
from hftranslate.formats.histfactory_xml.grammar import DEFAULTS, OLD_STATERROR_CONSTRAINT, Node
from hftranslate.formats.histfactory_xml.root_versions import POISSON_STATERROR, UNIFORM_LUMI, Version, version_text

Fate = Literal["kept", "converted", "defaulted", "dropped"]
#: What each fate means.
FATES: dict[Fate, str] = {
    "kept": "in the model as stated",
    "converted": "in the model in other words",
    "defaulted": "not stated; ROOT's default was written out",
    "dropped": "without effect in ROOT and not in the model",
}
_NOTE = "a note without effect on the likelihood, in the sidecar"
_CONTENTS = "the contents of the histogram"
_CONVERTED = {
    ("Measurement", "LumiRelErr"): "the absolute uncertainty of the luminosity",
    ("OverallSys", "Low"): "the factor at -1 sigma",
    ("OverallSys", "High"): "the factor at +1 sigma",
    ("StatErrorConfig", "RelErrorThreshold"): "constant bin factors",
    ("StatErrorConfig", "ConstraintType"): "the constraint of the bin factors",
    ("ShapeSys", "ConstraintType"): "the constraint of the bin factors",
    ("ConstraintTerm", "Type"): "the constraint of the systematic, where ROOT acts on it",
    ("ConstraintTerm", "RelativeUncertainty"): "the width of the constraint, where ROOT acts on it",
    ("StatError", "Activate"): "a staterror, or none",
}
_NOTES = {
    ("Combination", "OutputFilePrefix"),
    ("Combination", "Mode"),
    *(("Measurement", word) for word in ("BinLow", "BinHigh", "Mode", "ExportOnly")),
    *(("Asimov", word) for word in ("Name", "FixParams")),
    ("Data", "Name"),
}
_DROPPED = {
    ("NormFactor", "Const"): "ROOT ignores it, or refuses it since 6.28; ParamSetting Const is what acts",
    ("Channel", "HistoName"): "deprecated; ROOT ignores it",
}
_PLACES = ("InputFile", "HistoPath", "HistoName", "HistoFile")
_SOURCE = "ConfigParser.cxx and HistFactorySchema.dtd of ROOT {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeFate:
    """What became of one attribute.

    Attributes
    ----------
    where
        file, line and element.
    attribute, value
        as stated, or ROOT's default.
    fate
        one of :data:`FATES`.
    becomes
        what it is in the model.
    source
        where ROOT's default is laid down; empty for what is stated.
    """

    where: str
    attribute: str
    value: str
    fate: Fate
    becomes: str
    source: str = ""


def account(documents: Iterable[Node], version: Version) -> tuple[AttributeFate, ...]:
    """The fate of every attribute of these documents, and of every default that was taken."""
    return tuple(fate for document in documents for node in _nodes(document) for fate in _fates(node, version))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)


def _fates(node: Node, version: Version) -> Iterator[AttributeFate]:
    for attribute, value in node.attributes.items():
        fate, becomes = _fate_of_statement(node.tag, attribute, version)
        yield AttributeFate(where=node.where, attribute=attribute, value=value, fate=fate, becomes=becomes)
    for (tag, attribute), default in DEFAULTS.items():
        if tag == node.tag and attribute not in node.attributes:
            yield _default(node, attribute, default, version)
    if node.tag == "Channel" and not node.all("StatErrorConfig"):
        for (tag, attribute), default in DEFAULTS.items():
            if tag == "StatErrorConfig":
                yield _default(node, f"StatErrorConfig {attribute}", default, version)


def _default(node: Node, attribute: str, default: str, version: Version) -> AttributeFate:
    if attribute.endswith("ConstraintType") and node.tag != "ShapeSys" and version < POISSON_STATERROR:
        default = OLD_STATERROR_CONSTRAINT
    return AttributeFate(
        where=node.where,
        attribute=attribute,
        value=default,
        fate="defaulted",
        becomes="as if it were stated",
        source=_SOURCE.format(version_text(version)),
    )


def _fate_of_statement(tag: str, attribute: str, version: Version) -> tuple[Fate, str]:
    key = (tag, attribute)
    if key in _DROPPED:
        return "dropped", _DROPPED[key]
    if key == ("Sample", "NormalizeByTheory"):
        if version >= UNIFORM_LUMI:
            return "kept", _NOTE + "; every sample follows the luminosity"
        return "converted", "whether the sample follows the luminosity"
    if key in _NOTES:
        return "kept", _NOTE
    if key in _CONVERTED:
        return "converted", _CONVERTED[key]
    if attribute.startswith(_PLACES):
        return "converted", _CONTENTS
    return "kept", "as stated"


def table(fates: Iterable[AttributeFate]) -> str:
    """A readable table: for each element and attribute, how often it met which fate.

    Parameters
    ----------
    fates
        what became of each attribute, as :func:`read_accounted` tells.

    Returns
    -------
    str
        lines for a terminal.
    """
    counts: dict[tuple[str, str, Fate, str], int] = {}
    for f in fates:
        element = f.where.partition("<")[2].partition(">")[0].split(" ")[0]
        value = f"{f.becomes} ({f.value}; {f.source})" if f.fate == "defaulted" else f.becomes
        key = (element, f.attribute, f.fate, value)
        counts[key] = counts.get(key, 0) + 1
    rows = [("element", "attribute", "fate", "n", "in the model")]
    rows += [(e, a, fate, str(n), text) for (e, a, fate, text), n in sorted(counts.items())]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[4]]) for row in rows]
    return "\n".join(terminal(line.rstrip()) for line in lines) + "\n"
