"""A measurement to its XML element."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from math import inf, isclose, nextafter
from typing import Any

from lxml import etree

from hftranslate.errors import InvalidWorkspace, Unsupported
from hftranslate.formats.histfactory_xml.measurements import (
    CENTRE,
    CONSTRAINT_TERMS,
    LUMI_CENTRE,
    NO_CONSTRAINT,
    NO_POI,
)
from hftranslate.formats.histfactory_xml.root_versions import MEASURED, SHAPEFACTOR_RANGES, UNIFORM_LUMI, Version
from hftranslate.workspace import ROOT, Measurement, Number, ShapeFactor, Workspace
from hftranslate.workspace.bin_factors import ROOT_SHAPEFACTOR_RANGE
from hftranslate.workspace.functions import settle_functions
from hftranslate.workspace.parameter_names import DeclaredParameter, declared_parameters, stem
from hftranslate.workspace.parameters import parameter_sets

_WITHOUT_EFFECT = ("BinLow", "BinHigh", "Mode", "ExportOnly")
_TERM_WORDS = {kind: word for word, kind in CONSTRAINT_TERMS.items()}
#: Relative width of a luminosity that is constant, where ROOT makes a constraint all the same.
_OLD_WIDTH = 0.1
_NORMFACTOR = (1.0, (0.0, 10.0))


def number(value: Number) -> str:
    """The shortest text that reads back as the same number."""
    return repr(int(value)) if isinstance(value, int) else repr(float(value))


class Factors:
    """Initial value and range of norm and shape factors. XML states them once: as in the first measurement."""

    def __init__(self, workspace: Workspace, version: Version = MEASURED) -> None:
        self.declared = declared_parameters(workspace.channels)
        self.version = version
        self._shape_ranges = _shape_ranges(workspace, self.declared) if version >= SHAPEFACTOR_RANGES else {}
        settled = settle_functions(workspace.functions)
        self._made = settled.depends.keys()
        self._defined = settled.definitions
        self._first: dict[str, tuple[Number, tuple[Number, Number]]] = {}
        for name, declared in self.declared.items():
            if declared.kind == "normfactor" and name not in self._made:
                self._first[name] = self._common_range(workspace, name)

    def first(self, name: str) -> tuple[Number, tuple[Number, Number]]:
        """Value and range as written on the NormFactor."""
        return self._first.get(name, _NORMFACTOR)

    def start(self, name: str) -> Number:
        """Where ROOT starts a free parameter that no setting moves: a Function may define it."""
        defined = self._defined.get(name)
        return self.first(name)[0] if defined is None or defined.value is None else defined.value

    def shape_value(self, name: str) -> float:
        """Where ROOT starts the entries of a set of bin factors."""
        low, high = self._shape_ranges.get(name, ROOT_SHAPEFACTOR_RANGE)
        return 1.0 if low <= 1.0 <= high else float(low)

    def shape_attributes(self, name: str) -> dict[str, str]:
        """What is written on a ShapeFactor besides its name."""
        if name not in self._shape_ranges:
            return {}
        low, high = self._shape_ranges[name]
        val = self.shape_value(name)
        return ({} if val == 1.0 else {"Val": number(val)}) | {"Low": number(low), "High": number(high)}

    @staticmethod
    def of(measurement: Measurement, name: str) -> tuple[Number, tuple[Number, Number]]:
        """Value and range in a measurement."""
        config = measurement.parameter(name)
        value, bounds = _NORMFACTOR
        return (config.inits[0] if config.inits else value), (config.bounds[0] if config.bounds else bounds)

    def _common_range(self, workspace: Workspace, name: str) -> tuple[Number, tuple[Number, Number]]:
        first, *others = workspace.measurements
        _, bounds = self.of(first, name)
        for other in others:
            if self.of(other, name)[1] != bounds:
                raise Unsupported(
                    f"normfactor {name!r} has the range {list(bounds)} in measurement {first.name!r} and "
                    f"{list(self.of(other, name)[1])} in {other.name!r}; XML states it once for all"
                )
        low, high = bounds
        for measurement in workspace.measurements:
            value, _ = self.of(measurement, name)
            if low >= high or not low <= value <= high:
                raise Unsupported(
                    f"measurement {measurement.name!r}: normfactor {name!r} starts at {value!r} in the range "
                    f"[{low!r}, {high!r}]; ROOT refuses an empty range and a value outside"
                )
        return self.of(first, name)


def _shape_ranges(workspace: Workspace, declared: Mapping[str, DeclaredParameter]) -> dict[str, tuple[Number, Number]]:
    """Ranges of shape factors, where stated alike in all measurements and for all bins."""
    found = {}
    for name, d in declared.items():
        stated = {pair for m in workspace.measurements for pair in m.parameter(name).bounds or ()}
        if len(stated) == 1 and all(isinstance(m, ShapeFactor) for _, _, m in d.uses):
            ((low, high),) = stated
            found[name] = (low, high)
    return found


def render_measurement(workspace: Workspace, measurement: Measurement, factors: Factors, lumi_everywhere: bool) -> Any:
    """The Measurement element.

    Raises
    ------
    Unsupported
        Something that XML has no word for.
    """
    centres = _centres(workspace, measurement)
    _check_values(workspace, measurement, factors)
    lumi, error = _luminosity(measurement) if lumi_everywhere else (1, 0)
    others = parameter_sets(workspace, measurement, ROOT).keys() - factors.declared.keys()
    constants, values = _settings(measurement, factors, lumi, error, others)
    if error == 0 and factors.version < UNIFORM_LUMI:  # which makes a constraint of any width, of zero too
        error = _OLD_WIDTH
        constants.insert(0, "Lumi")
    element = etree.Element("Measurement", Name=measurement.name, Lumi=number(lumi), LumiRelErr=number(error))
    for word, text in measurement.annotations:
        if word in _WITHOUT_EFFECT:
            element.set(word, text)
    _text(element, "POI", _pois(measurement, factors), measurement)
    if constants:
        _text(element, "ParamSetting", constants, measurement, Const="True")
    for value, names in (*values.items(), *centres.items()):
        _text(element, "ParamSetting", names, measurement, Val=number(value))
    _add_settings_of_notes(element, measurement)
    for term in measurement.constraint_terms:
        attributes = {"Type": _TERM_WORDS.get(term.kind, NO_CONSTRAINT)}
        if term.kind != "none":
            # Uniform does not depend on the number, but acts only where it is not zero.
            uncertainty = term.relative_uncertainty or (1.0 if term.kind == "uniform" else 0.0)
            if uncertainty == 0.0:
                raise InvalidWorkspace(
                    f"measurement {measurement.name!r}: the {term.kind} constraint of {term.name!r} "
                    "needs a relative uncertainty other than zero"
                )
            attributes["RelativeUncertainty"] = number(uncertainty)
        systematic = factors.declared.get(term.name)
        name = term.name if systematic is None else stem(systematic.uses[0][2])
        _text(element, "ConstraintTerm", [name], measurement, **attributes)
    return element


def _text(parent: Any, tag: str, names: Iterable[str], measurement: Measurement, **attributes: str) -> None:
    names = list(names)
    for name in names:
        if not name or re.search(r"[\s\\]", name):
            raise Unsupported(
                f"measurement {measurement.name!r}: the parameter {name!r} cannot stand in a <{tag}>, "
                "because ROOT splits such lists at blanks and backslashes"
            )
    etree.SubElement(parent, tag, attributes).text = " ".join(names)


def _centres(workspace: Workspace, measurement: Measurement) -> dict[Number, list[str]]:
    """ROOT's names of the centres of constraints that are not its own, by value.

    Raises
    ------
    Unsupported
        A centre outside the range that ROOT gives it, or a width that is not what ROOT makes of the modifiers.
    """
    lumi = {d.name for d in declared_parameters(workspace.channels).values() if d.kind == "lumi"}
    plain = tuple(
        replace(p, auxdata=None if p.root_nominal is None else (p.root_nominal,))
        if p.name in lumi
        else replace(p, auxdata=None, sigmas=None, factors=None)
        for p in measurement.parameters
    )
    if plain == measurement.parameters:
        return {}
    stated = parameter_sets(workspace, measurement, workspace.conventions)
    default = parameter_sets(workspace, replace(measurement, parameters=plain), workspace.conventions)
    found: dict[Number, list[str]] = {}
    for name, parameters in stated.items():
        where = f"measurement {measurement.name!r}: parameter {name!r}"
        pairs = zip(parameters.root_names, parameters.constraints, default[name].constraints, strict=True)
        for root_name, ours, roots in pairs:
            if ours == roots or ours is None or roots is None:
                continue
            if replace(ours, auxdata=roots.auxdata) != roots:
                raise Unsupported(f"{where} has sigmas or factors of its own; XML has no word for them")
            low, high = ours.domain
            if not low <= ours.auxdata <= high:
                raise Unsupported(
                    f"{where}: the centre {ours.auxdata:g} of its constraint lies outside the range "
                    f"[{low:g}, {high:g}] that ROOT gives it"
                )
            if not isclose(ours.auxdata, roots.auxdata, rel_tol=1e-12):
                centre = LUMI_CENTRE if parameters.kind == "lumi" else f"{CENTRE}{root_name}"
                found.setdefault(ours.auxdata, []).append(centre)
    return found


def _check_values(workspace: Workspace, measurement: Measurement, factors: Factors) -> None:
    """XML states ranges of norm factors only: other values must lie in the range that ROOT gives the parameter."""
    open_ranges = tuple(
        p if p.name in factors.declared and factors.declared[p.name].kind == "normfactor" else replace(p, bounds=None)
        for p in measurement.parameters
    )
    for parameters in parameter_sets(workspace, replace(measurement, parameters=open_ranges), ROOT).values():
        for name, value, (low, high) in zip(parameters.names, parameters.inits, parameters.bounds, strict=True):
            if not low <= value <= high:
                raise Unsupported(
                    f"measurement {measurement.name!r}: parameter {name!r} starts at {value:g}, outside the range "
                    f"[{low:g}, {high:g}] that ROOT gives it; ROOT refuses that"
                )


def _luminosity(measurement: Measurement) -> tuple[Number, Number]:
    """Nominal luminosity and relative uncertainty."""
    config = measurement.parameter("lumi")
    if config.root_nominal is None or config.sigmas is None:
        raise InvalidWorkspace(
            f"measurement {measurement.name!r} does not configure 'lumi' (auxdata and sigmas), which all samples carry"
        )
    lumi, sigma = config.root_nominal, config.sigmas[0]
    if lumi <= 0 or sigma < 0:
        raise Unsupported(
            f"measurement {measurement.name!r}: luminosity {lumi!r} +- {sigma!r}; ROOT needs a positive value"
        )
    if sigma == 0:
        return lumi, 0
    ratio = sigma / lumi
    # ROOT multiplies again: take the neighbour, if any, for which this gives the same number.
    for candidate in (ratio, nextafter(ratio, 0.0), nextafter(ratio, inf)):
        if lumi * candidate == sigma:
            return lumi, candidate
    return lumi, ratio


def _pois(measurement: Measurement, factors: Factors) -> list[str]:
    names = {own: root for d in factors.declared.values() for own, root in zip(d.names, d.root_names, strict=True)}
    names |= {d.name: d.root_names[0] for d in factors.declared.values() if d.size == 1}
    return [names.get(poi, poi) for poi in measurement.pois] or [NO_POI]


def _settings(
    measurement: Measurement, factors: Factors, lumi: Number, error: Number, others: Collection[str]
) -> tuple[list[str], dict[Number, list[str]]]:
    """ROOT's names of the constant parameters, and of those with another value than ROOT's, by value.

    ``others`` are the parameters that no modifier declares.
    """
    constants: list[str] = []
    values: dict[Number, list[str]] = {}
    for config in measurement.parameters:
        declared = factors.declared.get(config.name)
        if declared is None:
            if config.name in others:  # of a Function or a Gamma term
                constants += [config.name] if config.fixed is True else []
                if config.inits is not None and config.inits[0] != factors.start(config.name):
                    values.setdefault(config.inits[0], []).append(config.name)
            continue
        always = declared.kind == "lumi" and error == 0
        flags = config.fixed if isinstance(config.fixed, tuple) else (bool(config.fixed),) * declared.size
        constants += [n for n, fixed in zip(declared.root_names, flags, strict=True) if fixed and not always]
        default = _default(declared, factors, lumi)
        for name, value in zip(declared.root_names, config.inits or (), strict=bool(config.inits)):
            if value != default:
                values.setdefault(value, []).append(name)
    stated = {p.name for p in measurement.parameters}
    for name, declared in factors.declared.items():  # a later measurement that states nothing starts at 1
        if declared.kind == "normfactor" and name not in stated:
            value, _ = factors.of(measurement, name)
            if value != factors.start(name):
                values.setdefault(value, []).append(name)
    return constants, values


def _default(declared: DeclaredParameter, factors: Factors, lumi: Number) -> Number:
    match declared.kind:
        case "lumi":
            return lumi
        case "normfactor":
            return factors.start(declared.name)
        case "alpha":
            return 0.0
        case "gamma":
            return factors.shape_value(declared.name)


def _add_settings_of_notes(element: Any, measurement: Measurement) -> None:
    """Settings without effect in ROOT, kept as notes when they were read."""
    for word, text in measurement.annotations:
        if word == "ParamSetting":
            name, *attributes = text.split(" ")
            _text(element, word, [name], measurement, **dict(a.split("=", 1) for a in attributes))
    for word, text in measurement.annotations:
        if word == "ConstraintTerm":
            kind, uncertainty, *names = text.split(" ")
            _text(element, word, names, measurement, Type=kind, RelativeUncertainty=uncertainty)
