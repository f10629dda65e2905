"""What ROOT makes of random measurements: one line of JSON in, one line out; never imports hftranslate.

    python in_root.py < TASKS.jsonl > RESULTS.jsonl

A task is ``{"folder": ..., "histograms": ..., "seed": ..., "points": ...}``: a folder with XML, the histograms of its
``data.root``, which is written here, and the seed and number of random points. Or it is ``{"folder": ..., "workspace":
..., "driver": ..., "names": ...}``: a pyhf workspace and XML that was made of it (see ``of_pair.py``).
"""

import json
import os
import random
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "make_reference"))

from evaluation import Parameter, RootModel
from from_xml import read_xml
from models import ModelError
from of_pair import compare, open_side
from quiet import ROOT

Json = dict[str, Any]


def write_histograms(path: Path, histograms: Mapping[str, Json]) -> None:
    """A ROOT file with histograms of any class in it."""
    file = ROOT.TFile(str(path), "RECREATE")
    for name, h in histograms.items():
        made = getattr(ROOT, h["class"])(name, "", len(h["contents"]), np.asarray(h["edges"], dtype=float))
        if h["errors"] is not None:
            made.Sumw2()
        for i, content in enumerate(h["contents"], start=1):
            made.SetBinContent(i, content)
            if h["errors"] is not None:
                made.SetBinError(i, h["errors"][i - 1])
        made.Write()
    file.Close()


def observe(model: RootModel, points: Iterable[Mapping[str, float]]) -> Json:
    """Everything that a reader of the model must agree with."""
    pdf = model.configuration.GetPdf()
    acting = {v.GetName() for v in pdf.getParameters(model.observed.data)}
    found = []
    for values in points:
        nll, failed = model.nll(values)
        value = None if failed else nll - model.constant
        found.append({"values": dict(values), "nll": value, "yields": model.yields(values)})
    return {
        "pois": model.pois,
        "parameters": {p.name: [p.init, p.low, p.high, p.fixed] for p in model.parameters},
        "acting": sorted(acting & {p.name for p in model.parameters}),
        "data": model.data(),
        "points": found,
    }


def random_points(parameters: Iterable[Parameter], seed: int, n: int) -> list[dict[str, float]]:
    """The start, and points inside the ranges: near the start, and far away."""
    r = random.Random(seed)
    points: list[dict[str, float]] = [{}]
    free = [p for p in parameters if not p.fixed]
    for i in range(n):
        reach = (0.15, 0.5, 1.0)[i % 3]
        point = {}
        for p in free:
            if r.random() < 0.75:
                point[p.name] = _inside(p, p.init + reach * r.uniform(-2.5, 2.5) * _width(p))
        points.append(point)
    return points


def _width(p: Parameter) -> float:
    if p.name.startswith("alpha_"):
        return 1.0
    return 0.2 * abs(p.init) if p.name == "Lumi" else 0.4


def _inside(p: Parameter, value: float) -> float:
    low = -1e9 if p.low is None else p.low
    if p.name.startswith("gamma_"):
        low = max(low, 0.0)  # below, a Poisson constraint has no meaning
    high = 1e9 if p.high is None else p.high
    margin = 1e-3 * min(high - low, 1.0)
    return round(min(max(value, low + margin), high - margin), 6)


def pair(task: Json) -> Json:
    """A workspace and the XML that was made of it, at common points."""
    folder = Path(task["folder"])
    common = {"measurement": None, "lumi_function": None}
    sides = [
        Namespace(kind="pyhf-json", file=folder / task["workspace"], basedir=folder, **common),
        Namespace(kind="xml", file=folder / task["driver"], basedir=folder, **common),
    ]
    return compare(open_side(sides[0]), open_side(sides[1]), task["names"])


def judged(task: Json) -> Json:
    """What ROOT says, or why it does not."""
    folder = Path(task["folder"])
    if "workspace" in task:
        try:
            return pair(task)
        except Exception as error:  # whatever ROOT throws
            return {"refused": f"{type(error).__name__}: {str(error).strip()[-300:]}"}
    if task["histograms"] is not None:
        write_histograms(folder / "data.root", task["histograms"])
    try:
        with chdir(folder):
            try:
                model = RootModel(read_xml("top.xml"))
            except ModelError as error:
                if "no data set" not in str(error):
                    raise
                model = RootModel(read_xml("top.xml"), "asimovData")
        return observe(model, random_points(model.parameters, task["seed"], task["points"]))
    except Exception as error:  # whatever ROOT throws
        return {"refused": f"{type(error).__name__}: {str(error).strip()[-300:]}"}


def main() -> None:
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    for line in sys.stdin:
        lines.write(json.dumps(judged(json.loads(line))) + "\n")


if __name__ == "__main__":
    main()
