"""A RooWorkspace in a file as ROOT exports it to HS3, with the NLL that ROOT itself evaluates at some points.

    python workspace_as_hs3.py FILE.root -o OUT.json [--workspace NAME] [--measurement MODELCONFIG] [--data NAME]

OUT.json has ``document``, the HS3; ``analysis``, the name of the one of the data; ``points``, each with values and the
NLL (``None`` where ROOT has none). Opening a RooWorkspace may run code that lies in it: for files that one trusts.

Runs in a Python with ROOT and needs nothing else; never imports hftranslate.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from evaluation import Parameter
from points import parameter_points
from quiet import ROOT, no_standard_output

#: Relative uncertainty of the luminosity, for the distance of points.
_LUMI_ERROR = 0.05


def one_of(wanted: str | None, known: Iterable[Any], what: str, preferred: Sequence[str] = ()) -> Any:
    """The one of a name, a preferred one, or the only one."""
    by_name = {str(each.GetName()): each for each in known}
    names = [wanted] if wanted is not None else [n for n in preferred if n in by_name] or list(by_name)
    if len(names) > 1:
        raise SystemExit(f"there are the {what}s {', '.join(names)}; choose one")
    if not names or names[0] not in by_name:
        raise SystemExit(f"there is no {what} {wanted or ''}; there are {', '.join(by_name) or 'none'}")
    return by_name[names[0]]


def observed(data: Iterable[Any]) -> list[Any]:
    """The data sets whose names do not say Asimov."""
    every = list(data)
    return [d for d in every if "asimov" not in str(d.GetName()).lower()] or every


def evaluated(config: Any, pdf: Any, data: Any) -> list[dict[str, Any]]:
    """The NLL at points in the ranges of the parameters."""
    centres = {str(v.GetName()) for v in config.GetGlobalObservables() or ()}
    variables = {
        str(v.GetName()): v
        for v in pdf.getParameters(data)
        if v.ClassName() == "RooRealVar" and v.GetName() not in centres
    }
    start = {name: float(v.getVal()) for name, v in variables.items()}
    parameters = [
        Parameter(n, start[n], v.getMin() if v.hasMin() else None, v.getMax() if v.hasMax() else None, v.isConstant())
        for n, v in variables.items()
    ]
    arguments = [ROOT.RooFit.EvalBackend("cpu"), ROOT.RooFit.Offset("none")]
    if centres:
        arguments.append(ROOT.RooFit.GlobalObservables(config.GetGlobalObservables()))
    nll = pdf.createNLL(data, *arguments)
    ROOT.RooAbsReal.setEvalErrorLoggingMode(ROOT.RooAbsReal.CountErrors)
    found = []
    for point in parameter_points("export", parameters, _LUMI_ERROR):
        for name, value in {**start, **point.values}.items():
            variables[name].setVal(value)
        ROOT.RooAbsReal.clearEvalErrorLog()
        value = float(nll.getVal())
        failed = ROOT.RooAbsReal.numEvalErrors() > 0 or not isfinite(value)
        found.append({"values": point.values, "nll": None if failed else value})
    for name, value in start.items():
        variables[name].setVal(value)
    return found


def only(document: dict[str, Any], name: str, pois: set[str]) -> dict[str, Any]:
    """The document with one analysis: ROOT gives those of several ModelConfigs of a pdf the same name."""
    same = [a for a in document["analyses"] if a["name"] == name and set(a.get("parameters_of_interest") or ()) == pois]
    domains = {domain["name"]: domain for domain in reversed(document["domains"])}
    return {**document, "analyses": same[:1], "domains": list(domains.values())}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("-o", "--output-file", type=Path, required=True)
    for word in ("--workspace", "--measurement", "--data"):
        parser.add_argument(word)
    options = parser.parse_args(arguments)
    file = ROOT.TFile.Open(str(options.file))
    keys = [key for key in file.GetListOfKeys() if key.GetClassName() == "RooWorkspace"]
    workspace = one_of(options.workspace, keys, "RooWorkspace", ["combined"]).ReadObj()
    configs = [o for o in workspace.allGenericObjects() if o.InheritsFrom("RooStats::ModelConfig")]
    config = one_of(options.measurement, configs, "ModelConfig", ["ModelConfig"])
    every = workspace.allData()
    data = one_of(options.data, every if options.data else observed(every), "data set", ["obsData"])
    pdf = config.GetPdf()
    with no_standard_output():
        points = evaluated(config, pdf, data)
        text = str(ROOT.RooJSONFactoryWSTool(workspace).exportJSONtoString())
    name = f"{pdf.GetName()}_{data.GetName()}"
    pois = {str(v.GetName()) for v in config.GetParametersOfInterest() or ()}
    found = {
        "version": str(ROOT.gROOT.GetVersion()),
        "analysis": name,
        "document": only(json.loads(text), name, pois),
        "points": points,
    }
    options.output_file.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
