"""The ROOT files that hist2workspace writes, and what ROOT says about the RooWorkspace in them.

    python root_workspaces.py write DRIVER.xml... -o FOLDER [--basedir DIR]    FOLDER/0/model_combined_..._model.root
    python root_workspaces.py small -o FOLDER                                  the files of tests/data/root_workspace
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
    evaluating = commands.add_parser("nll")
    evaluating.add_argument("files", type=Path, nargs="+")
    for command in (writing, making, evaluating):
        command.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    if options.command == "write":
        drivers, output = [path.resolve() for path in options.drivers], options.output.resolve()
        write(drivers, output, options.basedir)
    elif options.command == "small":
        small(options.output.resolve())
    else:
        text = json.dumps({str(file): nlls(file) for file in options.files})
        options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
