"""What NormFactor and ShapeFactor elements say about their parameters: initial values, ranges, constants."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from hftranslate.errors import InvalidWorkspace
from hftranslate.formats.histfactory_xml.grammar import Node, Notes, boolean, number
from hftranslate.formats.root_histograms import Histogram
from hftranslate.workspace import Modifier, NormFactor, ShapeFactor
from hftranslate.workspace.bin_factors import ROOT_SHAPEFACTOR_RANGE
from hftranslate.workspace.parameter_names import DeclaredParameter, stem


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What one element states; ``None`` leaves a thing to ROOT.

    ``inits`` has one entry for a NormFactor, one per bin for a ShapeFactor.
    """

    where: str
    inits: tuple[float, ...] | None
    bounds: tuple[float, float] | None
    fixed: bool = False


#: By channel, sample, kind of modifier, and name.
StatedFactors: TypeAlias = dict[tuple[str, str, type[Modifier], str], Stated]


def norm_factor(node: Node, notes: Notes) -> Stated:
    """Value and range of a NormFactor.

    Raises
    ------
    InvalidWorkspace
        The range is empty, or the value lies outside.
    """
    val, low, high = (number(node, attribute, notes) for attribute in ("Val", "Low", "High"))
    return _within(Stated(where=node.where, inits=(val,), bounds=(low, high)))


def shape_factor(node: Node, notes: Notes, n_bins: int, initial_shape: Callable[[], Histogram]) -> Stated | None:
    """Initial values, range and constancy of a ShapeFactor; ``None`` where it has a name only.

    Raises
    ------
    InvalidWorkspace
        The range is empty, or a value lies outside: ROOT refuses both.
    """
    if set(node.attributes) <= {"Name"}:
        return None
    low, high = (
        number(node, side, notes) if side in node.attributes else default
        for side, default in zip(("Low", "High"), ROOT_SHAPEFACTOR_RANGE, strict=True)
    )
    inits = None
    if "HistoName" in node.attributes:
        inits = initial_shape().contents
    elif "Val" in node.attributes:
        inits = (number(node, "Val", notes),) * n_bins
    stated = Stated(where=node.where, inits=inits, bounds=(low, high), fixed=boolean(node, "Const"))
    checked = _within(stated)
    return checked if {"Low", "High"} & set(node.attributes) else replace(checked, bounds=None)


def _within(stated: Stated) -> Stated:
    low, high = stated.bounds or (0.0, 0.0)
    if low >= high:
        raise InvalidWorkspace(f"{stated.where}: Low={low:g} must be below High={high:g}")
    for value in stated.inits or ():
        if not low <= value <= high:
            raise InvalidWorkspace(f"{stated.where}: Val={value:g} lies outside [Low, High] = [{low:g}, {high:g}]")
    return stated


def settle(
    declared: DeclaredParameter, stated: Mapping[tuple[str, str, type[Modifier], str], Stated], notes: Notes
) -> Stated | None:
    """Where elements of one name disagree, the first sample of the alphabetically first channel decides, as in ROOT."""
    if declared.kind == "alpha":  # of systematics no element states a value or a range
        return None
    channel, sample, first = declared.uses[0]
    name = stem(first)  # in the XML
    kind = type(first)
    if kind not in (NormFactor, ShapeFactor):
        return None
    chosen = stated.get((channel.name, sample.name, kind, name))
    for c, s, m in declared.uses[1:]:
        other = stated.get((c.name, s.name, type(m), name))
        if type(m) is kind and _content(other) != _content(chosen):
            notes.add("repair", f"parameter {declared.name!r}", _disagreement(kind, chosen))
    return chosen


def _content(stated: Stated | None) -> Stated:
    return replace(stated or Stated(where="", inits=None, bounds=None), where="")


def _disagreement(kind: type[Modifier], chosen: Stated | None) -> str:
    if kind is ShapeFactor:
        return "its ShapeFactors disagree; as in ROOT, the first sample of the alphabetically first channel decides"
    if chosen is None or chosen.inits is None or chosen.bounds is None:
        raise AssertionError("a NormFactor states its value and range")
    low, high = chosen.bounds
    return (
        f"its NormFactors disagree in Val, Low or High; as in ROOT, {chosen.inits[0]:g} in [{low:g}, {high:g}] of "
        f"{chosen.where} holds"
    )
