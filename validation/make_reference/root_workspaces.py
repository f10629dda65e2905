"""The ROOT files that hist2workspace writes, and what ROOT says about the RooWorkspace in them.

    python root_workspaces.py write DRIVER.xml... -o FOLDER [--basedir DIR]    FOLDER/0/model_combined_..._model.root
    python root_workspaces.py small -o FOLDER                                  the files of tests/data/root_workspace
    python root_workspaces.py alone FILE.root... -o FOLDER                     the RooWorkspace of each, without more
    python root_workspaces.py nll FILE.root... -o OUT.json                     the NLL of each at its points

Runs in a Python with ROOT and needs nothing else; never imports hftranslate.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import chdir
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

#: So many points at least.
POINTS = 12
CASES = Path(__file__).resolve().parents[1] / "cases"
SMALL = ("constraint_gamma", "histosys", "shapefactor", "shapesys_poisson", "staterror_external")


def write(drivers: Sequence[Path], folder: Path, basedir: Path | None) -> None:
    """Write the files of all measurements of each driver, as hist2workspace does, into folders 0, 1, ..."""
    from from_xml import measurement_names, read_xml
    from quiet import ROOT, no_standard_output

    for i, driver in enumerate(drivers):
        prefix = folder / str(i) / "model"
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with chdir(basedir or driver.parent), no_standard_output():
            for name in measurement_names(str(driver)):
                measurement = read_xml(str(driver), name, old=True).measurement
                measurement.SetOutputFilePrefix(str(prefix))
                measurement.CollectHistograms()
                ROOT.RooStats.HistFactory.MakeModelAndMeasurementFast(measurement)


def small(folder: Path) -> None:
    """The small files that tests read: cases, one channel, three measurements, and a RooWorkspace alone."""
    from from_xml import measurement_names, read_xml
    from quiet import ROOT

    with TemporaryDirectory() as place:
        for case in SMALL:
            inputs = Path(place) / case
            shutil.copytree(CASES / case, inputs)
            with chdir(inputs):  # so that no path of this machine gets into the files
                write([Path("model.xml")], Path("results"), Path())
        made = [(case, f"{case}/results/0/model_combined_measurement_model.root") for case in SMALL]
        for name, path in (*made, ("shapefactor_VR", "shapefactor/results/0/model_VR_measurement_model.root")):
            shutil.copy(Path(place) / path, folder / f"{name}.root")
        shutil.copytree(CASES / "measurements", Path(place) / "measurements")
        with chdir(Path(place) / "measurements"):
            file = ROOT.TFile("several.root", "RECREATE")
            for name in measurement_names("model.xml"):
                measurement = read_xml("model.xml", name).measurement
                measurement.CollectHistograms()
                file.cd()
                measurement.Write()
            file.Close()
            shutil.copy("several.root", folder / "measurements.root")
        with chdir(Path(place) / SMALL[0]):
            file = ROOT.TFile.Open("results/0/model_combined_measurement_model.root")
            file.Get("combined").writeToFile("alone.root")
            shutil.copy("alone.root", folder / "without_measurement.root")
        shutil.copytree(CASES / "demo", Path(place) / "demo")
        with chdir(Path(place) / "demo"):
            write([Path("demo.xml")], Path("results"), Path())
            edited(Path("results/0/model_combined_demo_model.root"), folder)
            renamed(Path("results/0/model_combined_demo_model.root"), folder)


def alone(files: Sequence[Path], folder: Path) -> None:
    """The RooWorkspace of each file by itself, as FOLDER/0.root, 1.root, ..."""
    from quiet import ROOT

    folder.mkdir(parents=True, exist_ok=True)
    for i, file in enumerate(files):
        opened = ROOT.TFile.Open(str(file))
        opened.Get("combined").writeToFile(str(folder / f"{i}.root"))


def edited(file: Path, folder: Path) -> None:
    """RooWorkspaces that no Measurement could make: settings, codes, data; and some that are no HistFactory model."""
    from quiet import ROOT

    opened = ROOT.TFile.Open(str(file))
    space = opened.Get("combined")
    for name, value in (("mu", 1.3), ("alpha_btag", 0.5), ("nom_alpha_btag", 0.4), ("gamma_stat_SR_bin_1", 1.05)):
        space.var(name).setVal(value)
    space.var("mu").setRange(-2.0, 7.0)
    space.var("mu_ttbar").setConstant(True)
    space.var("alpha_JES").setRange(-3.0, 4.0)
    space.var("gamma_fakes_rate_bin_2").setConstant(True)
    for name, code in (("ttbar_SR_Hist_alpha", 0), ("Wjets_SR_Hist_alpha", 2), ("signal_SR_Hist_alpha", 5)):
        space.function(name).setAllInterpCodes(code)
    for name, code in (("signal_SR_epsilon", 1), ("signal_CR_epsilon", 2), ("ttbar_CR_epsilon", 0)):
        space.function(name).setAllInterpCodes(code)
    other = space.obj("ModelConfig").Clone("background")
    other.SetWS(space)
    other.SetParametersOfInterest(ROOT.RooArgSet(space.var("mu_ttbar"), space.var("mu")))
    getattr(space, "import")(other)
    binned = ROOT.RooDataHist("binned", "", space.data("obsData").get(), space.data("asimovData"))
    getattr(space, "import")(binned)
    parameters = ROOT.RooArgSet(space.var("mu"), space.var("alpha_JES"), space.var("nom_alpha_btag"))
    kept = {parameter.GetName(): parameter.getVal() for parameter in parameters}
    space.var("mu").setVal(2.5)
    space.var("alpha_JES").setVal(-0.7)
    space.saveSnapshot("shifted", parameters)
    for name, value in kept.items():
        space.var(name).setVal(value)
    save(space, folder / "edited.root")
    foreign = ROOT.RooWorkspace("foreign")
    foreign.factory("SUM::shape(f[0.3,0,1]*Gaussian::peak(x[0,10],5,1),Exponential::falling(x,-0.3))")
    config = ROOT.RooStats.ModelConfig("ModelConfig", foreign)
    config.SetPdf("shape")
    getattr(foreign, "import")(config)
    save(foreign, folder / "foreign.root")


def save(space: Any, path: Path) -> None:
    """Write a workspace; the file has the path in it that it was made at, which is none of this machine."""
    space.writeToFile(path.name)
    shutil.copy(path.name, path)


#: Parameters under other names, as combinations have them.
OTHER_NAMES = {
    "Lumi": "LUMI_13TeV",
    "alpha_JES": "ATLAS_JES",
    "nom_alpha_btag": "centre_of_btag",
    "mu_ttbar": "k_tt",
    **{f"gamma_stat_SR_bin_{i}": f"MC_SR_{i}" for i in range(4)},
    **{f"gamma_fakes_rate_bin_{i}": f"fakes{i}" for i in range(4)},
}


def renamed(file: Path, folder: Path) -> None:
    """The same model under other names, with a Function of a Function for a factor, its data as a RooDataHist."""
    from quiet import ROOT

    opened = ROOT.TFile.Open(str(file))
    source, first, space = opened.Get("combined"), ROOT.RooWorkspace("first"), ROOT.RooWorkspace("combined")
    names = {old: new for old, new in OTHER_NAMES.items() if source.var(old)}
    rename = ROOT.RooFit.RenameVariable(",".join(names), ",".join(names.values()))
    getattr(first, "import")(source.pdf("simPdf"), rename)
    first.factory("expr::half('0.5*whole',whole[2,0,20])")
    first.factory("expr::strength('half*half*tilt',half,tilt[1,0.5,1.5])")
    first.factory("EDIT::editedPdf(simPdf,mu=strength)")
    getattr(space, "import")(first.pdf("editedPdf"))
    data = source.data("obsData")
    binned = ROOT.RooDataHist("observed", "", data.get(), data)
    getattr(space, "import")(binned)
    old = source.obj("ModelConfig")
    config = ROOT.RooStats.ModelConfig("ModelConfig", space)
    config.SetPdf("editedPdf")
    config.SetParametersOfInterest(ROOT.RooArgSet(space.var("whole"), space.var("ATLAS_JES")))
    config.SetObservables(ROOT.RooArgSet(space.cat("channelCat"), space.var("obs_x_SR"), space.var("obs_x_CR")))
    centres = (names.get(v.GetName(), v.GetName()) for v in old.GetGlobalObservables())
    config.SetGlobalObservables(ROOT.RooArgSet(*(space.var(name) for name in centres)))
    getattr(space, "import")(config)
    space.var("ATLAS_JES").setVal(0.5)
    space.saveSnapshot("moved", ROOT.RooArgSet(space.var("ATLAS_JES"), space.var("MC_SR_1"), space.var("whole")))
    space.var("ATLAS_JES").setVal(0.0)
    getattr(space, "import")(data)
    save(space, folder / "renamed.root")


def nlls(file: Path) -> list[dict[str, Any]]:
    """The NLL of the combined workspace of a file, without what a simultaneous pdf of several channels adds."""
    from evaluation import RootModel
    from models import finished
    from points import Point, parameter_points

    model = RootModel(finished(file))
    points: dict[tuple[tuple[str, float], ...], Point] = {}
    for attempt in count():
        for point in parameter_points(f"{file.name} {attempt}", model.parameters, 0.1):
            points.setdefault(tuple(sorted(point.values.items())), point)
        if len(points) >= POINTS or attempt == POINTS:
            break
    found = []
    for point in points.values():
        nll, failed = model.nll(point.values)
        if not failed:
            found.append({"values": point.values, "nll": nll - model.constant})
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("drivers", type=Path, nargs="+")
    writing.add_argument("--basedir", type=Path, help="what paths are relative to; default: the folder of each driver")
    making = commands.add_parser("small")
    lonely = commands.add_parser("alone")
    lonely.add_argument("files", type=Path, nargs="+")
    evaluating = commands.add_parser("nll")
    evaluating.add_argument("files", type=Path, nargs="+")
    for command in (writing, making, lonely, evaluating):
        command.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    if options.command == "write":
        drivers, output = [path.resolve() for path in options.drivers], options.output.resolve()
        write(drivers, output, options.basedir)
    elif options.command == "small":
        small(options.output.resolve())
    elif options.command == "alone":
        alone(options.files, options.output)
    else:
        text = json.dumps({str(file): nlls(file) for file in options.files})
        options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
