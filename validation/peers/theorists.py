"""spey-pyhf, SModelS and hepdata-converter, asked about what we export.

``python -m validation.peers.theorists PYTHON``: the interpreter of an environment that has these packages (the
converter needs ROOT, too); ours need not have them. A made-up likelihood is bundled and exported, each tool loads its
files, and its numbers are shown beside ours.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hftranslate.hepdata import make_bundle, read_record, read_region, write_bundle
from hftranslate.hepdata.export import Tool, export
from hftranslate.signal_grid import PatchSet, ScanSettings, digest, scan

SPEY = """
import json, sys, spey
from pathlib import Path
folder = Path(sys.argv[1])
listed = json.loads((folder / "models.json").read_text())
background = json.loads((folder / listed["background_only_model"]).read_text())
found = {}
for one in listed["models"]:
    patch = json.loads((folder / one["signal_patch"]).read_text())
    model = spey.get_backend("pyhf")(analysis=one["analysis"], background_only_model=background, signal_patch=patch)
    found[one["analysis"]] = 1.0 - float(model.exclusion_confidence_level()[0])
print(json.dumps(found))
"""
SMODELS = """
import ast, json, sys
from pathlib import Path
from smodels.statistics.pyhfInterface import PyhfData, PyhfUpperLimitComputer
folder = Path(sys.argv[1])
line = (folder / "globalInfo.txt").read_text().splitlines()[0].removeprefix("jsonFiles: ").replace("null", "None")
((file, regions),) = ast.literal_eval(line).items()
found = {}
for path in sorted((folder / "signals").glob("*.json")):
    signals = json.loads(path.read_text())
    document = json.loads((folder / file).read_text())
    data = PyhfData(signals, document, regions=regions, includeCRs=True, jsonFileName=file)
    found[path.stem] = float(PyhfUpperLimitComputer(data).getUpperLimitOnMu())
print(json.dumps(found))
"""
#: Each form in which HEPData offers tables, and whether the values in it are those of the tables. YODA is in no package
#: index: where it is not installed, a stand-in takes what the converter hands to it.
CONVERTER = """
import csv, json, math, sys, types
from pathlib import Path
import yaml
try:
    from yoda import core
except ImportError:
    class Taken:
        all = []
        def __init__(self, *arguments): self.values = []
        def __getattr__(self, name): return lambda *arguments: None
        def bin(self, place): return self
        def setVal(self, value): self.values.append(value)
        def indexAt(self, *edges): return edges
    core = types.ModuleType("core")
    for name in ("Estimate", "Scatter", "Point"):
        for n in range(4): setattr(core, f"{name}{n}D", Taken)
    core.writeYODA = core.writeYODA1 = core.writeH5 = lambda objects, file: Taken.all.extend(objects)
    sys.modules["yoda"] = yoda = types.ModuleType("yoda")
    yoda.core, yoda.Axis = core, Taken
import hepdata_converter, ROOT
source, target = Path(sys.argv[1]), Path(sys.argv[2])
def number(cell):
    try:
        return float(cell)
    except ValueError:
        return None
def columns():
    for document in yaml.safe_load_all((source / "submission.yaml").read_text()):
        if "data_file" in document:
            for column in yaml.safe_load((source / document["data_file"]).read_text())["dependent_variables"]:
                yield [number(entry["value"]) for entry in column["values"]]
def from_csv():
    for file in target.rglob("*.csv"):
        for row in csv.reader(file.open()):
            if not row or row[0].startswith("#"): continue
            if number(row[-1]) is None: at = sum(not head.startswith("error") for head in row) - 1
            else: yield number(row[at])
def from_root():
    file = ROOT.TFile(str(target))
    for key in file.GetListOfKeys():
        for item in key.ReadObj().GetListOfKeys():
            graph = item.ReadObj()
            if isinstance(graph, ROOT.TGraph2D): yield from list(graph.GetZ())
            elif isinstance(graph, ROOT.TGraph): yield from list(graph.GetY())
def from_yoda():
    for made in Taken.all: yield from made.values
found = {"tables": sum(len(column) for column in columns())}
for form, values in (("csv", from_csv), ("root", from_root), ("yoda", from_yoda)):
    target = Path(sys.argv[2] + form)
    hepdata_converter.convert(str(source), str(target), options={"output_format": form})
    ours = sorted(v for column in columns() for v in column if v is not None)
    theirs = sorted(values())
    found[form] = sum(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(theirs, ours))
print(json.dumps(found))
"""


def _likelihood() -> tuple[dict[str, Any], dict[str, Any]]:
    """A signal region of three bins and a control region, with the luminosity on the signal as SModelS has it."""
    shape = {"name": "xsec", "type": "normsys", "data": {"lo": 0.9, "hi": 1.1}}
    background = {
        "channels": [
            {"name": "SR", "samples": [{"name": "bkg", "data": [50.0, 30.0, 12.0], "modifiers": [shape]}]},
            {"name": "CR", "samples": [{"name": "bkg", "data": [400.0], "modifiers": [shape]}]},
        ],
        "observations": [{"name": "CR", "data": [410.0]}, {"name": "SR", "data": [52.0, 28.0, 13.0]}],
        "measurements": [
            {
                "name": "meas",
                "config": {
                    "poi": "mu_SIG",
                    "parameters": [
                        {"name": "lumi", "auxdata": [1.0], "sigmas": [0.02], "bounds": [[0.9, 1.1]], "inits": [1.0]}
                    ],
                },
            }
        ],
        "version": "1.0.0",
    }
    modifiers = [{"name": "mu_SIG", "type": "normfactor", "data": None}, {"name": "lumi", "type": "lumi", "data": None}]
    patches = [
        {
            "metadata": {"name": f"s_{m}", "values": [m]},
            "patch": [
                {
                    "op": "add",
                    "path": "/channels/0/samples/-",
                    "value": {"name": "bsm", "data": [n / 4, n / 2, n], "modifiers": modifiers},
                }
            ],
        }
        for m, n in ((300, 12.0), (400, 6.0), (500, 3.0))
    ]
    metadata = {
        "references": {"hepdata": "ins1234567"},
        "digests": {"sha256": digest(background)},
        "labels": ["m"],
        "description": "made up",
    }
    return background, {"metadata": metadata, "patches": patches, "version": "1.0.0"}


def _asked(python: str, program: str, *arguments: str) -> Any:
    done = subprocess.run([python, "-c", program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1:]}
    return json.loads(next(line for line in done.stdout.splitlines()[::-1] if line.startswith("{")))


def main(python: str) -> None:
    """Ask all of them, and show what they say beside ours."""
    background, patches = _likelihood()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, document in (("BkgOnly", background), ("patchset", patches)):
            (folder / f"{name}.json").write_text(json.dumps(document))
        region = read_region("", folder / "BkgOnly.json", folder / "patchset.json")
        write_bundle(make_bundle([region]), folder / "submission")
        record = read_record(folder / "submission")
        signals: PatchSet = record.regions[0].patches
        asked: tuple[tuple[Tool, str, str], ...] = (("spey", SPEY, "cls"), ("smodels", SMODELS, "limit"))
        for tool, program, what in asked:
            for name, data in export(record, tool).items():
                (folder / tool / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / tool / name).write_bytes(data)
            settings = ScanSettings(what="cls" if what == "cls" else "limit")
            key = "CLs_obs" if what == "cls" else "observed"
            ours = {p.name: p.result[key] for p in scan(background, signals, settings).points}
            print(
                tool, what, json.dumps({"theirs": _asked(python, program, str(folder / tool)), "ours": ours}, indent=1)
            )
        print("hepdata-converter", _asked(python, CONVERTER, str(folder / "submission"), str(folder / "converted_")))


if __name__ == "__main__":
    main(sys.argv[1])
