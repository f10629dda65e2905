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
CONVERTER = """
import json, sys
from pathlib import Path
import hepdata_converter
found = {}
for form in ("csv", "root", "yoda"):
    try:
        hepdata_converter.convert(sys.argv[1], sys.argv[2] + form, options={"output_format": form})
        target = Path(sys.argv[2] + form)
        found[form] = len(list(target.rglob("*"))) if target.is_dir() else target.stat().st_size
    except Exception as error:
        found[form] = f"{type(error).__name__}: {error}"
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
