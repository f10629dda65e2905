"""Our results against the stored references of ROOT; and every number of a reference counts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from functools import cache
from math import copysign
from typing import Any

import jsonschema
import pytest

from hftranslate.crosscheck.cases import Case, read_cases
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.comparison import MAX_FAILURES, TOLERANCES
from hftranslate.crosscheck.document import (
    Reparametrised,
    from_document,
    read_results,
    results_schema,
)
from hftranslate.crosscheck.results import results
from hftranslate.errors import FormatError, MissingInput
from hftranslate.translation.load import load
from hftranslate.workspace import PYHF, Workspace
from tests.conftest import REPOSITORY

CASES = {case.name: case for case in read_cases(REPOSITORY / "validation" / "cases.toml")}
RUNGS = ["model", "yields", "nll", "best fit", "uncertainties", "test statistic", "CLs", "limit", "toys"]
#: Small models that show what the comparison does; all cases are compared in test_references_of_root.
SMALL = ("demo", "staterror_poisson", "staterror_gaussian", "shapesys_gaussian", "coupled_channels")


@cache
def report_of(name: str) -> Report:
    case = CASES[name]
    if case.absent is not None:
        pytest.skip(f"{case.absent.name} is not beside the repository")
    return case.run()


@cache
def workspace_of(name: str) -> Workspace:
    return load(CASES[name].input).workspace


@pytest.mark.parametrize("name", SMALL)
def test_agrees_with_root(name: str) -> None:
    report = report_of(name)
    assert report.passed, report.text()
    assert [rung.name for rung in report.rungs] == RUNGS
    assert [rung.verdict for rung in report.rungs] == ["passed"] * 8 + ["skipped"]
    assert report.conventions_note is None
    assert report.first_failure is None


@pytest.mark.parametrize("name", SMALL)
def test_agreement_is_far_better_than_tolerated(name: str) -> None:
    worst = {rung.name: rung.worst for rung in report_of(name).rungs}
    for rung in ("yields", "nll", "CLs", "limit"):
        entry = worst[rung]
        assert entry is not None
        assert entry.excess < 5e-3, entry


@pytest.mark.parametrize("name", SMALL)
def test_documents_are_valid_and_come_back(name: str) -> None:
    report = report_of(name)
    for document in (report.ours, report.reference):
        plain = json.loads(json.dumps(document.to_document(), allow_nan=False))
        jsonschema.validate(plain, results_schema(), cls=jsonschema.Draft202012Validator)
        assert from_document(plain) == document
    json.dumps(report.to_document(), allow_nan=False)


# ----------------------------------------------------------------------------------------------------------- tampering
Path = tuple[Any, ...]


def numbers(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where a document has numbers that say something about the model."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if (*path, key) not in {("provenance",), ("fit", "edm")}:
                yield from numbers(entry, (*path, key))
    elif isinstance(value, list):
        for i, entry in enumerate(value):
            yield from numbers(entry, (*path, i))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def tampered(value: Any, path: Path) -> Any:
    """Results, or a part of them, with one number changed by 1% and 0.05."""
    if not path:
        return value + copysign(0.01 * abs(value) + 0.05, value)
    key, *rest = path
    if isinstance(value, tuple):
        return (*value[:key], tampered(value[key], tuple(rest)), *value[key + 1 :])
    if isinstance(value, Mapping):
        return {**value, key: tampered(value[key], tuple(rest))}
    name = {f.metadata.get("key", f.name): f.name for f in fields(value)}[key]
    return replace(value, **{name: tampered(getattr(value, name), tuple(rest))})


def is_evaluated(path: Path) -> bool:
    """Whether our own evaluation depends on the number: a wrong one makes other numbers differ."""
    return (path[0] == "points" and path[2] == "values") or path[-1] in ("poi", "level")


def is_check(document: Any, path: Path) -> bool:
    """Whether the number is one of RooStats' own, which are recorded beside and not compared."""
    return path[0] == "hypotests" and document["hypotests"][path[1]]["calculator"] == "roostats"


def location(document: Any, path: Path) -> str:
    """What the report says about where a number stands."""
    match path:
        case ("constant",):
            return "constant of the NLL"
        case ("parameters", i, key):
            words = {"init": "initial value", "low": "lower end of its range", "high": "upper end of its range"}
            return f"parameter {document['parameters'][i]['name']}, {words[key]}"
        case ("data", channel, i):
            return f"data, channel {channel}, bin {i}"
        case ("points", i, "nll"):
            return f"NLL at point {document['points'][i]['label']!r}"
        case ("points", i, "yields", channel, sample, k):
            label = document["points"][i]["label"]
            return f"yields at point {label!r}, channel {channel}, sample {sample}, bin {k}"
        case ("fit", "nll"):
            return "fit, NLL at the minimum"
        case ("fit", "values", name):
            return f"fit, value of {name}"
        case ("fit", "uncertainties", name):
            return f"uncertainty of {name}"
        case ("fit", "minos", name, i):
            return f"MINOS error of {name}, {('downwards', 'upwards')[i]}"
        case ("fit", "correlation", "matrix", i, k):
            names = document["fit"]["correlation"]["names"]
            return f"correlation of {names[i]} and {names[k]}"
        case ("hypotests", i, "CLs_exp", k):
            return f"test of {document['hypotests'][i]['poi']:g} with qtilde, CLs expected at {k - 2:+d} sigma"
        case ("hypotests", i, key):
            return f"test of {document['hypotests'][i]['poi']:g} with qtilde, {key.replace('_obs', ' observed')}"
        case ("discovery", key):
            return f"discovery, {key}"
        case ("limit", "expected", k):
            return f"limit, expected at {k - 2:+d} sigma"
        case ("limit", "observed"):
            return "limit, observed"
    raise AssertionError(path)


@pytest.mark.slow
def test_every_number_counts() -> None:
    """Any changed number of ROOT's document is found, alone, and by its place."""
    report = report_of("demo")
    document = report.reference.to_document()
    paths = [path for path in numbers(document) if not is_evaluated(path) and not is_check(document, path)]
    assert len(paths) > 2500
    for path in paths:
        # each point is compared by itself: the changed one is enough, with three others to tell differences
        kept = sorted({0, 1, 2, 3} | ({path[1]} if path[0] == "points" else set()))
        theirs = tampered(report.reference, path)
        theirs = replace(theirs, points=tuple(theirs.points[i] for i in kept))
        found = crosscheck(report.ours, theirs)
        failing = [entry.where for rung in found.rungs for entry in (*rung.failures, *rung.lower)]
        assert location(document, path) in failing, (path, failing)
        if path[0] not in ("points", "fit", "data"):
            assert len(failing) == 1, (path, failing)
        assert location(document, path) in found.text() or len(failing) > 5


def test_every_point_counts() -> None:
    """Changed values of a point change what we evaluate there."""
    workspace, reference = workspace_of("demo"), report_of("demo").reference
    document = reference.to_document()
    paths = [path for path in numbers(document) if path[0] == "points" and path[2] == "values"]
    assert len(paths) > 100
    for path in paths:
        wrong = tampered(reference, path)
        # the point itself, with the nominal one and another to tell differences
        points = tuple(wrong.points[i] for i in sorted({0, 1, 2, path[1]}))
        wrong = replace(wrong, points=points, fit=None, hypotests=None, discovery=None, limit=None)
        found = crosscheck(results(workspace, like=wrong), wrong)
        failing = [entry.where for rung in found.rungs for entry in rung.failures]
        assert any(f"point {document['points'][path[1]]['label']!r}" in where for where in failing), path


def test_tested_values_and_level_count() -> None:
    reference = report_of("demo").reference
    document = reference.to_document()
    wanted = [p for p in numbers(document) if p[-1] in ("poi", "level") and not is_check(document, p)]
    for path in wanted:
        wrong = replace(tampered(reference, path), points=(), fit=None)
        found = crosscheck(results(workspace_of("demo"), like=wrong), wrong)
        place = "limit" if path[0] == "limit" else f"test of {wrong.hypotests[path[1]].poi:g}"
        assert found.first_failure is not None, path
        assert any(place in entry.where for rung in found.rungs for entry in rung.failures), path


def test_failures_are_listed_up_to_a_number() -> None:
    report = report_of("demo")
    shifted = tuple(replace(p, nll=(p.nll or 0.0) + i) for i, p in enumerate(report.reference.points))
    rung = crosscheck(report.ours, replace(report.reference, points=shifted)).rungs[2]
    assert rung.verdict == "failed"
    assert len(rung.failures) == MAX_FAILURES < rung.n_failures


def test_structure_counts() -> None:
    report = report_of("demo")
    reference = report.reference
    for wrong, where in (
        (replace(reference, measurement="other"), "measurement"),
        (replace(reference, poi="mu_ttbar"), "parameter of interest"),
        (replace(reference, parameters=reference.parameters[1:]), "parameter mu"),
        (replace(reference, data={**reference.data, "VR": (1.0,)}), "data, channel VR"),
        (replace(reference, data={**reference.data, "SR": (162.0,)}), "data, channel SR, number of bins"),
        (replace(reference, parametrisation=(_LUMI,)), "parametrisation of Lumi by alpha_lumi, scale"),
    ):
        found = crosscheck(report.ours, wrong)
        assert found.first_failure is not None
        assert found.first_failure.name == "model"
        assert where in [entry.where for entry in found.first_failure.failures]


@pytest.mark.parametrize(
    ("factor", "at_limit", "engine", "verdict"),
    [
        (0.9, ("SigXsecOverSM",), "ROOT", "passed"),
        (1.0, ("SigXsecOverSM",), "ROOT", "passed"),
        (1.1, ("SigXsecOverSM",), "ROOT", "failed"),
        (-0.9, ("SigXsecOverSM",), "ROOT", "failed"),
        (0.9, (), "ROOT", "failed"),
        (0.9, ("SigXsecOverSM",), "hftranslate", "failed"),
    ],
)
def test_minuit_holds_in_minos_what_ended_at_a_limit(
    factor: float, at_limit: tuple[str, ...], engine: str, verdict: str
) -> None:
    """Its errors are too short then, never too long."""
    report = report_of("demo")
    assert report.reference.fit is not None
    assert report.ours.fit is not None
    ((name, (low, high)),) = (report.reference.fit.minos or {}).items()
    assert high is not None
    theirs = replace(report.reference.fit, at_limit=at_limit, minos={name: (low, factor * high)})
    provenance = replace(report.reference.provenance, engine=engine)
    reference = replace(report.reference, fit=theirs, provenance=provenance, hypotests=(), limit=None, discovery=None)
    rungs = crosscheck(replace(report.ours, fit=replace(report.ours.fit, at_limit=at_limit)), reference).rungs
    (found,) = (r for r in rungs if r.name == "uncertainties")
    assert found.verdict == verdict
    assert ("Minuit may hold" in found.reason) == (factor == 0.9 and verdict == "passed")


def test_a_background_that_waits_for_its_signal_agrees_with_root() -> None:
    """Its measurement names a parameter that no modifier uses: ROOT then knows no parameter of interest."""
    ours = results(replace_poi(workspace_of("demo"), "mu_of_signals_to_come"), conventions=PYHF)
    assert ours.poi == "mu_of_signals_to_come"
    assert crosscheck(ours, replace(ours, poi=None)).passed
    assert not crosscheck(ours, replace(ours, poi=ours.parameters[0].name)).passed


def replace_poi(workspace: Workspace, poi: str) -> Workspace:
    return replace(workspace, measurements=tuple(replace(m, pois=(poi,)) for m in workspace.measurements))


def test_missing_parts_of_ours_fail_and_missing_parts_of_the_reference_are_skipped() -> None:
    report = report_of("demo")
    bare = {"fit": None, "hypotests": None, "discovery": None, "limit": None}
    missing = crosscheck(replace(report.ours, points=(), **bare), report.reference)  # type: ignore[arg-type]
    assert [rung.verdict for rung in missing.rungs] == ["passed"] + ["failed"] * 7 + ["skipped"]
    assert "evaluated at all points" in missing.text()
    skipped = crosscheck(report.ours, replace(report.reference, points=(), **bare))  # type: ignore[arg-type]
    assert [rung.verdict for rung in skipped.rungs] == ["passed"] + ["skipped"] * 8
    assert skipped.passed
    assert all(rung.reason for rung in skipped.rungs[1:])


def test_tolerances_have_reasons() -> None:
    widest = {
        "settings": 1e-9,
        "ranges": 1e-7,
        "yields": 1e-9,
        "nll": 1e-6,
        "best fit": 5e-3,
        "uncertainties": 1e-2,
        "correlations": 5e-3,
        "q": 1e-3,
        "p-values": 5e-4,
        "limits": 1e-3,
        "toys": 4.0,
    }
    assert {name: tolerance.value for name, tolerance in TOLERANCES.items()} == widest
    assert all(tolerance.reason for tolerance in TOLERANCES.values())


# --------------------------------------------------------------------------------------------------------- our results
_LUMI = Reparametrised(name="alpha_lumi", parameter="Lumi", offset=1.0, scale=0.02)


@pytest.mark.parametrize("name", SMALL)
def test_own_document(name: str) -> None:
    own = results(workspace_of(name), inputs=(CASES[name].input,), command="test")
    plain = json.loads(json.dumps(own.to_document(), allow_nan=False))
    jsonschema.validate(plain, results_schema(), cls=jsonschema.Draft202012Validator)
    assert own.points[0].label == "nominal"
    assert len({point.label for point in own.points}) == len(own.points) > 10
    ranges = {p.name: (p.low, p.high) for p in own.parameters}
    assert all(ranges[n][0] <= v <= ranges[n][1] for p in own.points for n, v in p.values.items())
    assert own.fit is not None
    assert own.hypotests is not None
    assert [t.poi for t in own.hypotests] == [0.5, 1.0, 2.0]
    assert own.discovery is not None
    assert own.limit is not None
    assert results(workspace_of(name), inputs=(CASES[name].input,), command="test") == own
    assert crosscheck(own, own).passed


def test_other_parametrisation_is_the_same_model() -> None:
    """A document in ``alpha_lumi`` instead of ``Lumi``: other names and units, another constant, the same model."""
    reference = report_of("demo").reference
    points = tuple(
        replace(p, values={("alpha_lumi" if n == "Lumi" else n): ((v - 1.0) / 0.02 if n == "Lumi" else v)
                           for n, v in p.values.items()})
        for p in reference.points
    )  # fmt: skip
    ours = results(workspace_of("demo"), like=replace(reference, parametrisation=(_LUMI,), points=points))
    plain = report_of("demo").ours
    constants = {round(b.nll - a.nll, 9) for a, b in zip(plain.points, ours.points, strict=True)}
    assert constants == {3.912023005}  # -ln(0.02)
    lumi = next(p for p in ours.parameters if p.name == "alpha_lumi")
    assert (lumi.init, lumi.low, lumi.high) == (0.0, -50.0, 450.0)
    assert ours.fit is not None
    assert plain.fit is not None
    assert ours.fit.values["alpha_lumi"] == pytest.approx((plain.fit.values["Lumi"] - 1.0) / 0.02)
    assert ours.fit.uncertainties["alpha_lumi"] == pytest.approx(plain.fit.uncertainties["Lumi"] / 0.02)
    assert ours.fit.correlation.matrix == plain.fit.correlation.matrix


def test_points_outside_the_domain() -> None:
    reference = report_of("demo").reference
    outside = replace(
        reference.points[0], label="outside", values={"mu": -1e3}, nll=None, evaluation_error=True, yields=None
    )
    like = replace(reference, points=(*reference.points, outside))
    report = crosscheck(results(workspace_of("demo"), like=like), like)
    assert report.ours.points[-1].evaluation_error
    assert report.ours.points[-1].nll is None
    assert report.passed
    assert "1 points at which the reference reports evaluation errors are left out" in report.rungs[2].reason
    far = replace(reference.points[0], label="far", values={"mu": 1e9}, nll=2e10, yields=None)
    away = replace(reference, points=(*reference.points, far))
    assert (
        "1 points with an NLL above 1e+09" in crosscheck(results(workspace_of("demo"), like=away), away).rungs[2].reason
    )
    evaluated = replace(like, points=(*reference.points, replace(outside, nll=1.0, evaluation_error=False)))
    failing = crosscheck(report.ours, evaluated).first_failure
    assert failing is not None
    assert failing.failures[0].where == "NLL at point 'outside', evaluation error"


def test_other_conventions_are_said_first() -> None:
    reference = report_of("shapesys_gaussian").reference
    ours = results(workspace_of("shapesys_gaussian"), like=reference, conventions=PYHF)
    report = crosscheck(ours, reference)
    assert report.text().startswith("Note: the two documents follow different conventions")
    assert report.to_document()["conventions"]["note"] == report.conventions_note
    assert not report.passed


def test_unknown_parameter_of_a_reference() -> None:
    reference = report_of("demo").reference
    wrong = replace(reference, points=(replace(reference.points[0], values={"alpha_JSE": 1.0}),))
    with pytest.raises(MissingInput, match="no parameter 'alpha_JSE'; did you mean 'alpha_JES'"):
        results(workspace_of("demo"), like=wrong)


def test_missing_input_file() -> None:
    with pytest.raises(MissingInput, match=r"nowhere\.xml cannot be read"):
        results(workspace_of("staterror_poisson"), inputs=("nowhere.xml",))


# ------------------------------------------------------------------------------------------------------------- reading
def test_reading_refuses_what_is_against_the_schema(tmp_path: Any) -> None:
    document = report_of("demo").reference.to_document()
    document["points"][3]["nll"] = "much"
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(document))
    with pytest.raises(
        FormatError, match=r"wrong\.json is no result document .* at points/3/nll: 'much' is not of type"
    ):
        read_results(path)
    with pytest.raises(FormatError, match=r"this is a JSON patch; expected a result document"):
        from_document([])


def test_written_documents_come_back(tmp_path: Any) -> None:
    ours = report_of("demo").ours
    ours.write(tmp_path / "ours.json")
    assert read_results(tmp_path / "ours.json") == ours


def test_absent_shared_input() -> None:
    case: Case = replace(CASES["demo"], shared=True)
    assert case.absent is None
    assert replace(case, input=case.input / "nothing").absent == case.input / "nothing"
