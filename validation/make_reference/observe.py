"""What ROOT makes of pairs of XML models: parameters, data, and yields and likelihoods at common points.

    python validation/make_reference/observe.py < PAIRS.json > RESULTS.json

Each pair is ``{"label": ..., "original": [DRIVER, FOLDER], "copy": [DRIVER, FOLDER]}``: a model and what a translation
there and back made of it, each with the folder that its relative paths start from. The result has, by label and
measurement, two descriptions at the same points, which are those of the original; or the sentence of an error.
"""

import json
import sys
from contextlib import chdir
from math import isfinite
from typing import Any

from evaluation import RootModel
from from_xml import measurement_names, read_xml
from models import ModelError
from points import Point, parameter_points

Json = dict[str, Any]
#: Enough to see a difference anywhere; every point costs a second or so on the largest models.
MOST_POINTS = 60


def open_model(driver: str, folder: str, measurement: str) -> tuple[RootModel, float]:
    """The model with its relative uncertainty of the luminosity. Without observed data, ROOT's Asimov data serve."""
    with chdir(folder):
        description = read_xml(driver, measurement, old=True)
        try:
            model = RootModel(description)
        except ModelError:
            description = read_xml(driver, measurement, old=True)
            model = RootModel(description, "asimovData")
    return model, float(description.measurement.GetLumiRelErr())


def observe(model: RootModel, points: list[Point]) -> Json:
    """Everything that two models of one likelihood have in common."""
    return {
        "pois": model.pois,
        "parameters": {p.name: [p.init, p.low, p.high, p.fixed] for p in model.parameters},
        "global_observables": model.global_observables,
        "data": model.data(),
        "points": [
            {
                "label": point.label,
                "values": point.values,
                "yields": model.yields(point.values),
                # also where ROOT logs an evaluation error, as it does for most points of Gamma and LogNormal terms
                "nll": found if isfinite(found := model.nll(point.values)[0]) else None,
            }
            for point in points
        ],
    }


def compare(pair: Json) -> Json:
    """Both models of a pair, by measurement."""
    results = {}
    originals, copies = pair["original"], pair["copy"]
    names = []
    for side in ("original", "copy"):
        driver, folder = pair[side]
        with chdir(folder):
            names.append(measurement_names(driver))
    if names[0] != names[1]:
        raise ModelError(f"the measurements differ: {names[0]} and {names[1]}")
    for measurement in names[0]:
        original, lumi_error = open_model(originals[0], originals[1], measurement)
        points = list(parameter_points(measurement, original.parameters, lumi_error))
        points = points[:: max(1, len(points) // MOST_POINTS)]
        copy, _ = open_model(copies[0], copies[1], measurement)
        results[measurement] = {"original": observe(original, points), "copy": observe(copy, points)}
    return results


def main() -> None:
    """Read pairs from standard input, write results to standard output."""
    results: Json = {}
    for pair in json.load(sys.stdin):
        try:
            results[pair["label"]] = compare(pair)
        except (ModelError, KeyError, OSError) as error:
            results[pair["label"]] = f"{type(error).__name__}: {error}"
        except Exception as error:  # whatever ROOT throws
            results[pair["label"]] = f"ROOT: {type(error).__name__}: {str(error).strip().splitlines()[-1]}"
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
