"""Assembles the result document of one case (schema: ``hftranslate/crosschecking/schemas/results.schema.json``)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from asymptotics import Asymptotics, HypoTest
from evaluation import RootModel
from models import Description
from points import parameter_points

Json = dict[str, Any]

#: What is particular to ROOT in evaluating the words of a model.
CONVENTIONS = {
    "name": "root",
    "clip_samples": True,
    "truncate_constraints": True,
    "root_ranges": True,
    "constrain_empty": False,
}
LEVEL = 0.05


def result_document(
    case: str,
    description: Description,
    model: RootModel,
    test_pois: Sequence[float],
    provenance: Json,
    progress: Callable[[str], None],
) -> Json:
    """Everything ROOT says about a model."""
    document: Json = {
        "schema": "hftranslate-results/1",
        "provenance": provenance,
        "measurement": str(description.measurement.GetName()),
        "poi": model.poi,
        "conventions": CONVENTIONS,
        "constant": model.constant,
        "parameters": [asdict(p) for p in model.parameters],
        "parametrisation": [asdict(r) for r in description.parametrisation],
        "data": model.data(),
    }
    document["points"] = _points(case, description, model)
    progress(f"  {len(document['points'])} points")
    document["fit"] = _fit(model)
    progress(f"  best fit {document['fit']['status']}, NLL {document['fit']['nll']:.6f}")
    if model.poi is not None:
        document |= _inference(model, test_pois, progress)
    return document


def _points(case: str, description: Description, model: RootModel) -> list[Json]:
    found = []
    lumi_error = float(description.measurement.GetLumiRelErr())
    for point in parameter_points(case, model.parameters, lumi_error):
        nll, failed = model.nll(point.values)
        found.append(
            {
                "label": point.label,
                "values": point.values,
                "nll": None if failed else nll,
                "evaluation_error": failed,
                "yields": model.yields(point.values),
            }
        )
    return found


def _fit(model: RootModel) -> Json:
    fit = model.fit(uncertainties=True, minos=[model.poi] if model.poi else [])
    names, matrix = fit.correlation or ([], [])
    return {
        "nll": fit.nll,
        "status": fit.status,
        "edm": fit.edm,
        "values": {p.name: fit.values[p.name] for p in model.parameters},
        "at_limit": fit.at_limit,
        "uncertainties": fit.uncertainties,
        "minos": {name: errors for name, errors in fit.minos.items() if name not in fit.at_limit},
        "correlation": {"names": names, "matrix": matrix},
    }


def _inference(model: RootModel, test_pois: Sequence[float], progress: Callable[[str], None]) -> Json:
    tests = Asymptotics(model)
    poi = next(p for p in model.parameters if p.name == model.poi)
    # the comparison is with the minimum within the range of the POI: a range from zero makes it q-tilde
    statistic = "qtilde" if poi.low == 0.0 else "q"
    hypotests = [_hypotest(tests.hypotest(value), statistic) for value in test_pois]
    progress("  CLs " + ", ".join(f"{h['CLs_obs']:.6f} ({h['poi']:g})" for h in hypotests))
    observed, expected = tests.limits(LEVEL, float(poi.high or 0.0))
    progress(f"  limit {observed}, expected {expected[2]}")
    return {
        "hypotests": hypotests,
        "discovery": tests.discovery(),
        "limit": {"level": LEVEL, "observed": observed, "expected": expected},
    }


def _hypotest(test: HypoTest, statistic: str) -> Json:
    return {
        "poi": test.poi,
        "test_stat": statistic,
        "calculator": "asymptotic",
        "q": test.q,
        "q_asimov": test.q_asimov,
        "muhat": test.muhat,
        "nll_conditional": test.nll_conditional,
        "CLsb": test.clsb,
        "CLb": test.clb,
        "CLs_obs": test.cls_obs,
        "CLs_exp": test.cls_exp,
    }
