"""ROOT's HistFactory with the vectorised CPU backend: AsymptoticCalculator at strategy 1 and default tolerance."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "make_reference"))

from from_json import describe_json
from measure import arguments, report, timed
from models import build_workspace
from quiet import ROOT, no_standard_output

text, repeat = arguments()
RF, RS = ROOT.RooFit, ROOT.RooStats
RS.AsymptoticCalculator.SetPrintLevel(-1)
ROOT.Math.MinimizerOptions.SetDefaultPrintLevel(-1)
ROOT.Math.MinimizerOptions.SetDefaultMinimizer("Minuit2", "migrad")
ROOT.Math.MinimizerOptions.SetDefaultStrategy(1)
keep: list[object] = []


def build_root() -> object:
    description = describe_json(json.loads(text))
    with no_standard_output():
        workspace = build_workspace(description)
    keep.append((description, workspace))
    return workspace


build, workspace = timed(build_root, 1)
config = workspace.obj("ModelConfig")
pdf, data = config.GetPdf(), workspace.data("obsData")
poi = config.GetParametersOfInterest().first()
parameters = pdf.getParameters(data)
workspace.saveSnapshot("start", parameters)


def free_fit() -> float:
    workspace.loadSnapshot("start")
    nll = config.createNLL(data, RF.EvalBackend("cpu"))
    minimizer = ROOT.RooMinimizer(nll)
    minimizer.setPrintLevel(-1)
    minimizer.setStrategy(1)
    minimizer.minimize("Minuit2", "migrad")
    return float(nll.getVal())


def test() -> object:
    workspace.loadSnapshot("start")
    configurations = []
    for name, value in (("null", 1.0), ("alternative", 0.0)):
        copy = config.Clone(name)
        poi.setVal(value)
        copy.SetSnapshot(ROOT.RooArgSet(poi))
        configurations.append(copy)
    calculator = RS.AsymptoticCalculator(data, configurations[1], configurations[0])
    calculator.SetOneSided(True)
    calculator.SetQTilde(True)
    result = calculator.GetHypoTest()
    result.SetBackgroundAsAlt(True)
    return result


with no_standard_output():
    fit, nll = timed(free_fit, max(1, repeat // 2))
    hypotest, result = timed(test, max(1, repeat // 2))
    expected = [
        RS.AsymptoticCalculator.GetExpectedPValues(result.NullPValue(), result.AlternatePValue(), k, True, True)
        for k in (-2, -1, 0, 1, 2)
    ]
report(
    version=ROOT.gROOT.GetVersion(),
    hypotest=hypotest,
    fit=fit,
    logpdf=None,
    build=build,
    cls_obs=result.CLs(),
    cls_exp=expected,
    nll=None,
)
