"""Assembles the result document of one case (schema: ``hftranslate/crosscheck/schemas/results.schema.json``)."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import floor, log10
from typing import Any

import roostats
from asymptotics import Asymptotics, HypoTest
from evaluation import Minimum, RootModel
from models import Description, ModelError
from points import Point, parameter_points

Json = dict[str, Any]
Progress = Callable[[str], None]

#: What is particular to ROOT in evaluating the words of a model.
CONVENTIONS = {
    "name": "root",
    "clip_samples": True,
    "truncate_constraints": True,
    "root_ranges": True,
    "constrain_empty": False,
}
LEVEL = 0.05
#: Sizes: yields in a document (about), rows of a correlation matrix, digits of what is not exact anyway.
MOST_YIELDS = 6000
MOST_CORRELATED = 40
YIELD_DIGITS, CORRELATION_DECIMALS = 14, 7
#: Values of the POI that are tested, in small models and in those whose fits take long.
GRID, COARSE_GRID = 6, 3
#: RooStats' calculator refits everything for every tested value. (Of several POIs it holds all, we hold the first.)
CHECKED_PARAMETERS = 70


def result_document(
    case: str,
    description: Description,
    model: RootModel,
    options: Json,
    provenance: Json,
    progress: Progress,
) -> Json:
    """Everything ROOT says about a model. ``options``: ``test_pois``, ``toys``, ``limit`` of the case, if there."""
    document: Json = {
        "schema": "hftranslate-results/1",
        "provenance": provenance,
        "measurement": description.name,
        "poi": model.poi,
        "conventions": CONVENTIONS,
        "constant": model.constant,
        "parameters": [asdict(p) for p in model.parameters],
        "parametrisation": [asdict(r) for r in description.parametrisation],
        "data": model.data(),
    }
    document["points"] = _points(case, description, model)
    progress(f"  {len(document['points'])} points")
    tests = Asymptotics(model) if model.poi is not None and model.is_free(model.poi) else None
    free = tests.free if tests else model.fit()
    document["fit"] = _fit(model, free)
    progress(f"  best fit {document['fit']['status']}, NLL {document['fit']['nll']:.6f}")
    if tests is not None and tests.impossible is None:
        try:
            document |= _inference(tests, options, progress)
        except ModelError as error:
            provenance["notes"].append(f"no tests: {error}")
    elif tests is not None:
        provenance["notes"].append(f"no tests: {tests.impossible}")
    return document


# ----------------------------------------------------------------------------------------------------------- the points
def _points(case: str, description: Description, model: RootModel) -> list[Json]:
    points = list(parameter_points(case, model.parameters, description.lumi_error))
    with_yields = _with_yields(points, model)
    found = []
    for point in points:
        nll, failed = model.nll(point.values)
        entry: Json = {
            "label": point.label,
            "values": point.values,
            "nll": None if failed else nll,
            "evaluation_error": failed,
        }
        if point.label in with_yields:
            entry["yields"] = {
                channel: {sample: [_digits(x, YIELD_DIGITS) for x in bins] for sample, bins in samples.items()}
                for channel, samples in model.yields(point.values).items()
            }
        found.append(entry)
    return found


def _with_yields(points: Sequence[Point], model: RootModel) -> set[str]:
    """Labels of the points at which yields are recorded: all, or those that tell most where they would be many."""
    cells = sum(len(bins) for samples in model.yields({}).values() for bins in samples.values())
    room = max(MOST_YIELDS // max(cells, 1), 3)
    ordered = [points[0], *(p for p in points if p.label.startswith("random")), *points[1:]]
    return set(list(dict.fromkeys(p.label for p in ordered))[:room])


def _digits(x: float, digits: int) -> float:
    return float(f"{x:.{digits}g}")


# -------------------------------------------------------------------------------------------------------------- the fit
def _fit(model: RootModel, free: Minimum) -> Json:
    poi = [model.poi] if model.poi and model.is_free(model.poi) else []
    fit = model.fit(starts=[None, free.values], uncertainties=True, minos=poi)
    document: Json = {
        "nll": fit.nll,
        "status": fit.status,
        "edm": fit.edm,
        "values": {p.name: fit.values[p.name] for p in model.parameters},
        "at_limit": fit.at_limit,
        "uncertainties": fit.uncertainties,
        "minos": {name: errors for name, errors in fit.minos.items() if name not in fit.at_limit},
    }
    exact = model.exact_uncertainties(fit) if fit.correlation is not None and fit.uncertainties else None
    if exact is not None:
        document["uncertainties"] = exact[0]
        document["correlation"] = _correlation(list(exact[0]), exact[1], model.poi)
    return document


def _correlation(names: list[str], matrix: list[list[float]], poi: str | None) -> Json:
    """The matrix; in large models that of the POI and of the parameters that are most correlated with any other."""
    chosen = list(range(len(names)))
    if len(names) > MOST_CORRELATED:
        strongest = [max(abs(x) for j, x in enumerate(row) if j != i) for i, row in enumerate(matrix)]
        chosen.sort(key=lambda i: (names[i] != poi, -strongest[i], names[i]))
        chosen = sorted(chosen[:MOST_CORRELATED])
    return {
        "names": [names[i] for i in chosen],
        "matrix": [[round(matrix[i][j], CORRELATION_DECIMALS) for j in chosen] for i in chosen],
    }


# ------------------------------------------------------------------------------------------------------------ the tests
def _inference(tests: Asymptotics, options: Json, progress: Progress) -> Json:
    limit: Json = {}
    if options.get("limit", True):
        observed, expected = tests.limits(LEVEL)
        progress(f"  limit {observed}, expected {expected[2]}")
        limit = {"limit": {"level": LEVEL, "observed": observed, "expected": expected}}
    pois = options.get("test_pois") or _grid(tests, **limit["limit"])
    hypotests = [_hypotest(tests.hypotest(value), tests.statistic) for value in pois]
    progress("  CLs " + ", ".join(f"{h['CLs_obs']:.6f} ({h['poi']:g})" for h in hypotests))
    model = tests.model
    if len(model.parameters) <= CHECKED_PARAMETERS and model.n_pois == 1:
        hypotests += [roostats.asymptotic(model, value, tests.statistic) for value in pois]
        progress("  RooStats " + ", ".join(f"{h['CLs_obs']:.6f}" for h in hypotests[len(pois) :]))
    if "toys" in options:
        hypotests.append(roostats.toys(model, statistic=tests.statistic, **options["toys"]))
        progress("  toys {CLs_obs:.4f} +- {toys[CLs_error]:.4f}".format(**hypotests[-1]))
    return {
        "hypotests": hypotests,
        "discovery": tests.discovery(),
        **limit,
    }


def _grid(tests: Asymptotics, level: float, observed: float | None, expected: Sequence[float | None]) -> list[float]:
    """Round values up to one and a half times the limit, where CLs is between one and very little."""
    reach = 1.5 * max([x for x in (observed, expected[2]) if x is not None], default=min(tests.high, 10.0) / 1.5)
    n = COARSE_GRID if tests.many else GRID
    power = 10.0 ** floor(log10(reach / n))
    step = next(
        s * power for s in (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0) if s * power >= 0.999 * reach / n
    )
    grid = {float(f"{step * (k + 1):.6g}") for k in range(n)}
    if step < 1.0 < n * step:
        grid.add(1.0)
    return sorted(value for value in grid if value <= tests.high)


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
