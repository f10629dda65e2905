"""What real ROOT makes of HS3 documents: one process imports many, and says yields and NLL at given points.

    python hs3_in_root.py evaluate JOBS.json -o OUT.json
    python hs3_in_root.py export DRIVER.xml... -o FOLDER      FOLDER/0.json, ... as ROOT itself writes the models

JOBS.json is a list of ``{"file": HS3.json, "points": [{"values": {PARAMETER: VALUE}}]}``; the answer is a list of
``{"parameters": ..., "global_observables": ..., "points": [{"nll": ..., "yields": ...}]}``, or ``{"error": ...}``
where ROOT refuses the document. A fork for each document keeps a crash of ROOT from ending the others.

Runs in a Python with ROOT and needs nothing else; never imports hftranslate.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import chdir
from math import isfinite
from pathlib import Path
from typing import Any

from quiet import ROOT, no_standard_output


def imported(text: str) -> Any:
    """The workspace that ROOT makes of a document."""
    workspace = ROOT.RooWorkspace("workspace")
    if not ROOT.RooJSONFactoryWSTool(workspace).importJSONfromString(text):
        raise ValueError("ROOT did not import it")
    return workspace


def yields(workspace: Any) -> dict[str, dict[str, list[float]]]:
    """Expected events of each channel and sample; bins in ROOT's order, the last axis running fastest."""
    found: dict[str, dict[str, list[float]]] = {}
    for pdf in workspace.allPdfs():
        if pdf.ClassName() != "RooRealSumPdf":
            continue
        name = str(pdf.GetName())
        channel = name.removesuffix("_model").removeprefix("model_")
        samples: dict[str, list[float]] = {}
        for function, factor in zip(pdf.funcList(), pdf.coefList(), strict=True):
            data = next(c for c in function.getComponents() if c.ClassName() == "RooHistFunc").dataHist()
            own = str(function.GetName()).removesuffix("_shapes")
            for prefix in (f"model_{channel}_", f"{channel}_"):
                own = own.removeprefix(prefix)
            values = []
            for i in range(data.numEntries()):
                for variable in data.get(i):
                    workspace.var(variable.GetName()).setVal(variable.getVal())
                values.append(float(function.getVal() * factor.getVal() * data.binVolume(i)))
            samples[own.removesuffix(f"_{channel}")] = values
        found[channel] = samples
    return found


def observe(job: Mapping[str, Any]) -> dict[str, Any]:
    """What ROOT says about one document."""
    with no_standard_output():
        workspace = imported(Path(job["file"]).read_text(encoding="utf-8"))
    config = next((o for o in workspace.allGenericObjects() if o.InheritsFrom("RooStats::ModelConfig")), None)
    if config is None:
        raise ValueError("ROOT made no ModelConfig of it")
    data = workspace.data("obsData") or next(iter(workspace.allData()))
    others = {str(v.GetName()) for s in (config.GetObservables(), config.GetGlobalObservables()) for v in s or ()}
    variables = {str(v.GetName()): v for v in workspace.allVars() if str(v.GetName()) not in others}
    nll = config.GetPdf().createNLL(
        data,
        ROOT.RooFit.GlobalObservables(config.GetGlobalObservables()),
        ROOT.RooFit.EvalBackend("cpu"),
        ROOT.RooFit.Offset("none"),
    )
    start = {name: v.getVal() for name, v in variables.items()}
    points = []
    ROOT.RooAbsReal.setEvalErrorLoggingMode(ROOT.RooAbsReal.CountErrors)
    for point in job["points"]:
        for name, value in {**start, **point["values"]}.items():
            variable = variables[name]
            if not variable.getMin() <= value <= variable.getMax():
                raise ValueError(f"{name} = {value} lies outside [{variable.getMin()}, {variable.getMax()}]")
            variable.setVal(value)
        ROOT.RooAbsReal.clearEvalErrorLog()
        value = float(nll.getVal())
        failed = ROOT.RooAbsReal.numEvalErrors() > 0 or not isfinite(value)
        points.append({"nll": None if failed else value, "yields": yields(workspace)})
    return {
        "parameters": {n: described(v, start[n]) for n, v in variables.items()},
        "global_observables": {str(v.GetName()): described(v, v.getVal()) for v in config.GetGlobalObservables() or ()},
        "points": points,
    }


def described(variable: Any, value: float) -> dict[str, Any]:
    """Value, range (an open end is ``None``) and constancy of a variable."""
    ends = (float(variable.getMin()), float(variable.getMax()))
    low, high = (end if isfinite(end) and abs(end) < 1e30 else None for end in ends)
    return {"value": float(value), "low": low, "high": high, "fixed": bool(variable.isConstant())}


def guarded(task: Callable[[Any], dict[str, Any]], job: Any, target: Any) -> None:
    """Send what a task says, or what went wrong."""
    try:
        answer = task(job)
    except Exception as error:  # cppyy makes classes of C++ exceptions as it goes
        answer = {"error": str(error).strip().splitlines()[-1]}
    target.send(answer)
    target.close()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    evaluating = commands.add_parser("evaluate")
    evaluating.add_argument("jobs", type=Path)
    exporting = commands.add_parser("export")
    exporting.add_argument("drivers", type=Path, nargs="+")
    for command in (evaluating, exporting):
        command.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    if options.command == "evaluate":
        jobs = json.loads(options.jobs.read_text(encoding="utf-8"))
        answers = in_forks(observe, jobs)
        options.output.write_text(json.dumps(answers), encoding="utf-8")
    else:
        folder = options.output.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        jobs = [(driver.resolve(), folder / f"{i}.json") for i, driver in enumerate(options.drivers)]
        print(json.dumps(in_forks(export, jobs)))
    return 0


def export(job: tuple[Path, Path]) -> dict[str, Any]:
    """Write the model of a driver as ROOT exports it."""
    from from_xml import read_xml
    from models import build_workspace

    driver, target = job
    with chdir(driver.parent), no_standard_output():
        workspace = build_workspace(read_xml(driver.name, None, old=True))
        ROOT.RooJSONFactoryWSTool(workspace).exportJSON(str(target))
    return {}


def in_forks(task: Callable[[Any], dict[str, Any]], jobs: Sequence[Any]) -> list[dict[str, Any]]:
    """What a task says of each job, in a process of its own."""
    fork = multiprocessing.get_context("fork")
    answers = []
    for job in jobs:
        receiver, sender = fork.Pipe(duplex=False)
        child = fork.Process(target=guarded, args=(task, job, sender))
        child.start()
        sender.close()
        try:
            answers.append(receiver.recv())
        except EOFError:
            answers.append({"error": "ROOT crashed"})
        child.join()
    return answers


if __name__ == "__main__":
    sys.exit(main())
