"""HistFactory XML -> ROOT ``Measurement``, as ROOT's ConfigParser reads it.

ROOT's wheel comes without that parser (it needs a build with the ``xml`` option), so the same calls are made from here;
the model itself is ROOT's own. Paths are relative to the working directory, as they are for ROOT.
"""

import xml.etree.ElementTree as ET
from typing import Any

from models import Description, ModelError
from plain import plain_function
from quiet import ROOT

HF: Any = ROOT.RooStats.HistFactory
Element = ET.Element
#: Where a histogram is: file and directory, inherited from the enclosing element.
Place = tuple[str, str]

_CONSTRAINTS = {"Gaussian": "Gaussian", "Gauss": "Gaussian", "Poisson": "Poisson", "Pois": "Poisson"}
_NOTE = "the XML was read by calls to ROOT's HistFactory classes, because ROOT's wheel has no XML parser"
_BOOLEANS = {"True": True, "true": True, "False": False, "false": False}


def read_xml(driver: str, measurement: str | None = None, *, old: bool = False) -> Description:
    """Describe one measurement (the first if not named) of a driver file to ROOT.

    ``old`` passes over NormFactor Const, as ROOT did before 6.28.
    """
    root = _parse(driver, "Combination")
    wanted = [m for m in root.findall("Measurement") if measurement in (None, m.get("Name"))]
    if not wanted:
        raise ModelError(f"{driver}: no Measurement {measurement!r}")
    result = _measurement(wanted[0], root)
    for element in root.findall("Input"):
        result.AddChannel(_channel(element.text or "", old))
    return Description(measurement=result, from_files=True, hidden=_constants_of_terms(wanted[0]), notes=(_NOTE,))


def measurement_names(driver: str) -> list[str]:
    """The measurements of a driver file, in order."""
    return [m.attrib["Name"] for m in _parse(driver, "Combination").findall("Measurement")]


def _parse(path: str, expected: str) -> Element:
    root = ET.parse(path).getroot()
    if root.tag != expected:
        raise ModelError(f"{path}: root element is {root.tag!r}, expected {expected!r}")
    return root


def _names(element: Element) -> list[str]:
    # ROOT splits on blanks and backslashes only; other white space becomes part of the names
    return [name for name in (element.text or "").replace("\\", " ").split(" ") if name]


def _measurement(element: Element, combination: Element) -> Any:
    name = element.attrib["Name"]
    result = HF.Measurement(name, name)
    result.SetOutputFilePrefix(combination.get("OutputFilePrefix", ""))
    result.SetLumi(float(element.get("Lumi", "1")))
    result.SetLumiRelErr(float(element.get("LumiRelErr", "0.1")))
    for child in element:
        match child.tag:
            case "POI":
                for parameter in _names(child):
                    result.AddPOI(parameter)
            case "ParamSetting":
                for parameter in _names(child):
                    if child.get("Const") == "True":  # no other spelling acts
                        result.AddConstantParam(parameter)
                    if "Val" in child.attrib:
                        result.SetParamValue(parameter, float(child.attrib["Val"]))
            case "ConstraintTerm":
                for systematic in _names(child):
                    _constraint_term(result, systematic, child)
            case other:
                raise ModelError(f"Measurement {name!r}: unexpected element {other!r}")
    for function in combination.findall("Function"):
        name, expression, dependents = (function.attrib[key] for key in ("Name", "Expression", "Dependents"))
        result.AddPreprocessFunction(*plain_function(name, expression, dependents))
    return result


def _constraint_term(measurement: Any, systematic: str, element: Element) -> None:
    relative = float(element.get("RelativeUncertainty", "0"))
    match element.get("Type"), relative != 0.0:
        case "Gamma", True:
            measurement.AddGammaSyst(systematic, relative)
        case "LogNormal", True:
            measurement.AddLogNormSyst(systematic, relative)
        case "Uniform", True:
            measurement.AddUniformSyst(systematic)
        case "NoConstraint", False:
            measurement.AddNoSyst(systematic)
        case kind, False:
            raise ModelError(f"ConstraintTerm of type {kind!r} for {systematic!r} needs a RelativeUncertainty")


def _constants_of_terms(measurement: Element) -> frozenset[str]:
    """The constants with which ROOT writes Gamma and LogNormal terms."""
    systematics = [name for term in measurement.findall("ConstraintTerm") for name in _names(term)]
    return frozenset(f"{letter}_{name}" for letter in ("theta", "kappa", "tau") for name in systematics)


def _channel(path: str, old: bool) -> Any:
    root = _parse(path, "Channel")
    place = (root.get("InputFile", ""), root.get("HistoPath", ""))
    result = HF.Channel(root.attrib["Name"])
    result.SetInputFile(place[0])
    result.SetHistoPath(place[1])
    for child in root:
        match child.tag:
            case "Data" if child.get("HistoName") and child is root.find("Data"):
                result.SetData(child.attrib["HistoName"], *_place(child, place))
            case "Data":
                pass  # another data set, or what PrintXML writes for none, which ROOT's own parser refuses
            case "StatErrorConfig":
                config = HF.StatErrorConfig()
                config.SetRelErrorThreshold(float(child.get("RelErrorThreshold", "0.05")))
                config.SetConstraintType(_constraint(child, "Poisson"))
                result.SetStatErrorConfig(config)
            case "Sample":
                result.AddSample(_sample(child, place, old))
            case other:
                raise ModelError(f"{path}: unexpected element {other!r}")
    return result


def _place(element: Element, inherited: Place, suffix: str = "") -> Place:
    file_attribute = f"HistoFile{suffix}" if suffix else "InputFile"
    return element.get(file_attribute, inherited[0]), element.get(f"HistoPath{suffix}", inherited[1])


def _constraint(element: Element, default: str) -> Any:
    return getattr(HF.Constraint, _CONSTRAINTS[element.get("ConstraintType", default)])


def _sample(element: Element, inherited: Place, old: bool) -> Any:
    place = _place(element, inherited)
    result = HF.Sample(element.attrib["Name"], element.attrib["HistoName"], *place)
    result.SetNormalizeByTheory(_BOOLEANS[element.get("NormalizeByTheory", "True")])  # without effect in ROOT 6.40
    for child in element:
        _systematic(result, child, place, old)
    return result


def _shape_factor(element: Element, name: str, place: Place) -> Any:
    """With the attributes that ROOT's parser knows but its DTD forbids."""
    factor = HF.ShapeFactor()
    factor.SetName(name)
    factor.SetConstant(_BOOLEANS[element.get("Const", "False")])
    if "HistoName" in element.attrib:
        file, path = _place(element, place)
        factor.SetHistoName(element.attrib["HistoName"])
        factor.SetInputFile(file)
        factor.SetHistoPath(path)
    return factor


def _systematic(sample: Any, element: Element, place: Place, old: bool) -> None:
    name = element.get("Name", "")
    match element.tag:
        case "NormFactor":
            if "Const" in element.attrib and not old:
                raise ModelError(f"NormFactor {name!r}: ROOT rejects the attribute Const since 6.28")
            sample.AddNormFactor(name, *(float(element.attrib[key]) for key in ("Val", "Low", "High")))
        case "OverallSys":
            sample.AddOverallSys(name, float(element.attrib["Low"]), float(element.attrib["High"]))
        case "HistoSys":
            low = (element.attrib["HistoNameLow"], *_place(element, place, "Low"))
            high = (element.attrib["HistoNameHigh"], *_place(element, place, "High"))
            sample.AddHistoSys(name, *low, *high)
        case "ShapeSys":
            constraint = _constraint(element, "Gaussian")
            sample.AddShapeSys(name, constraint, element.attrib["HistoName"], *_place(element, place))
        case "ShapeFactor":
            sample.AddShapeFactor(_shape_factor(element, name, place))
        case "StatError" if not _BOOLEANS[element.attrib["Activate"]]:
            sample.SetStatError(HF.StatError())  # of several, the last holds
        case "StatError" if element.get("HistoName"):
            # here, unlike elsewhere, an empty attribute counts as absent
            source = element.get("InputFile") or place[0], element.get("HistoPath") or place[1]
            sample.ActivateStatError(element.attrib["HistoName"], *source)
        case "StatError":
            sample.ActivateStatError()
        case other:
            raise ModelError(f"Sample {sample.GetName()}: unexpected element {other!r}")
