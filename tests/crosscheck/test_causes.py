"""Planted causes: a document made by our engine with one thing changed, or two, is explained by what was changed."""

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from hftranslate.crosscheck.cases import read_cases
from hftranslate.crosscheck.causes import LADDER, Diagnosis
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.document import Results, from_document, read_results
from hftranslate.crosscheck.ladder import climb
from hftranslate.crosscheck.results import AS_STATED, Variation, results
from hftranslate.crosscheck.variants import (
    with_all,
    with_interpolation,
    with_lumi,
    with_lumi_width,
    with_ranges,
)
from hftranslate.formats.histfactory_xml import XmlOptions
from hftranslate.inference.minimize import FitOptions
from hftranslate.translation.load import load
from hftranslate.workspace import ROOT, Conventions, ShapeSys, StatError, Workspace
from tests.conftest import REPOSITORY

CASES = {case.name: case for case in read_cases(REPOSITORY / "validation" / "cases.toml")}
Change = Callable[[Workspace], Workspace]


@cache
def workspace_of(name: str) -> Workspace:
    return CASES[name].workspace()


@cache
def reference_of(name: str) -> Results:
    """ROOT's document without toys, which take long and say nothing here."""
    found = read_results(CASES[name].reference)
    return replace(found, hypotests=tuple(t for t in found.hypotests or () if t.calculator == "asymptotic"))


def unchanged(workspace: Workspace) -> Workspace:
    return workspace


def explained(
    name: str,
    change: Change = unchanged,
    *,
    conventions: Conventions = ROOT,
    variation: Variation = AS_STATED,
    limit: bool = True,
) -> Report:
    """Compare with what an engine says that has the cause and does not say so."""
    workspace = workspace_of(name)
    like = reference_of(name)
    if not limit:
        like = replace(like, limit=None, hypotests=like.hypotests and like.hypotests[:1])
    wrong = results(change(workspace), like=like, conventions=conventions, variation=variation)
    wrong = replace(wrong, conventions=like.conventions)
    return crosscheck(results(workspace, like=wrong), wrong, workspace=workspace)


def diagnosis(report: Report) -> Diagnosis:
    assert not report.passed
    assert report.diagnosis is not None
    first = report.first_failure
    assert first is not None
    assert (report.diagnosis.rung, report.diagnosis.where) == (first.name, first.worst)
    return report.diagnosis


not_background = lambda channel, sample: sample.name != "background"  # noqa: E731

#: The case, what is planted, the rung, the cause and a part of its sentence. Where the curves have kinks, each of the
#: many fits of a limit, and of tests, looks for other minima: limits of such cases, and all but one test, are compared
#: with those of ROOT only.
PLANTED: dict[str, tuple[str, dict[str, Any], str, str, str]] = {
    "staterror_gaussian": (
        "staterror_poisson",
        {"change": lambda w: with_all(w, StatError, constraint="gaussian")},
        "nll",
        "constraint type",
        "StatError is constrained by a Gaussian in the reference, by a Poisson term in ours",
    ),
    "staterror_poisson": (
        "staterror_gaussian",
        {"change": lambda w: with_all(w, StatError, constraint="poisson")},
        "nll",
        "constraint type",
        "StatError is constrained by a Poisson term in the reference, by a Gaussian in ours",
    ),
    "shapesys_poisson": (
        "shapesys_gaussian",
        {"change": lambda w: with_all(w, ShapeSys, constraint="poisson")},
        "nll",
        "constraint type",
        "ShapeSys is constrained by a Poisson term in the reference, by a Gaussian in ours",
    ),
    "no_threshold": (
        "staterror_poisson",
        {"change": lambda w: with_all(w, StatError, threshold=0.0)},
        "model",
        "stat threshold",
        "the reference prunes StatErrors below 0 (none), ours below 0.05",
    ),
    "another_threshold": (
        "staterror_gaussian",
        {"change": lambda w: with_all(w, StatError, threshold=0.1)},
        "model",
        "stat threshold",
        "below some 0.11 (between 0.0791 and 0.152), ours below 0",
    ),
    "theory_as_in_pyhf": (
        "normalize_by_theory",
        {"change": lambda w: with_lumi(w, not_background)},
        "model",
        "NormalizeByTheory",
        "samples with NormalizeByTheory=False do not follow Lumi in the reference",
    ),
    "theory_as_intended": (
        "normalize_by_theory",
        {"change": lambda w: with_lumi(w, not_background, constant=2.0)},
        "model",
        "NormalizeByTheory",
        "are multiplied by the constant 2 in the reference",
    ),
    "histosys_linear": (
        "histosys",
        {"change": lambda w: with_interpolation(w, histosys="code0"), "limit": False},
        "yields",
        "interpolation code",
        "histosys are interpolated with code0 in the reference, with code4p in ours",
    ),
    "normsys_exponential": (
        "normsys",
        {"change": lambda w: with_interpolation(w, normsys="code1"), "limit": False},
        "yields",
        "interpolation code",
        "normsys are interpolated with code1 in the reference, with code4 in ours",
    ),
    "lumi_error_relative": (
        "lumi_all",
        {"change": lambda w: with_lumi_width(w, lambda lumi, sigma: sigma / lumi)},
        "nll",
        "lumi error",
        "absolute in the reference, relative in ours",
    ),
    "lumi_error_absolute": (
        "lumi_all",
        {"change": lambda w: with_lumi_width(w, lambda lumi, sigma: sigma * lumi)},
        "nll",
        "lumi error",
        "relative in the reference, absolute in ours",
    ),
    "no_clip": (
        "coupled_channels",
        {"conventions": replace(ROOT, clip_samples=False)},
        "yields",
        "clip at zero",
        "samples with histosys are clipped at zero in ours only",
    ),
    "no_truncation": (
        "staterror_large_gaussian",
        {"conventions": replace(ROOT, truncate_constraints=False)},
        "nll",
        "truncated constraints",
        "Gaussian constraints are normalised over a finite range in ours only",
    ),
    "q_in_place_of_qtilde": (
        "deficit",
        {"variation": Variation(other_statistic=True)},
        "test statistic",
        "q against q-tilde",
        "the reference's tests say q-tilde and are made with q",
    ),
    "qtilde_in_place_of_q": (
        "negative_poi",
        {"variation": Variation(other_statistic=True)},
        "test statistic",
        "q against q-tilde",
        "the reference's tests say q and are made with q-tilde",
    ),
    "range": (
        "normfactor",
        {"change": lambda w: with_ranges(w, {"mu": (0.0, 1.2)})},
        "model",
        "parameter range",
        "ranges in the reference: mu [0, 1.2], in ours [0, 10]",
    ),
}


@cache
def report_of(planted: str) -> Report:
    name, what, *_ = PLANTED[planted]
    return explained(name, **what)


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_cause_is_named(planted: str) -> None:
    _, _, rung, cause, words = PLANTED[planted]
    report = report_of(planted)
    found = diagnosis(report)
    assert found.rung == rung
    assert [c.name for c in found.causes] == [cause]
    assert words in found.causes[0].says
    assert found.remaining is None
    assert f"Cause: {cause}: {found.causes[0].says}" in report.text()
    assert cause in str(found)


PAIRS: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "on_different_rungs": (
        "staterror_gaussian",
        {
            "change": lambda w: with_interpolation(with_all(w, StatError, constraint="poisson"), normsys="code1"),
            "limit": False,
        },
        {"interpolation code", "constraint type"},
    ),
    "on_one_rung": (
        "negative_bins_clipped",
        {
            "change": lambda w: with_interpolation(w, histosys="code0"),
            "conventions": replace(ROOT, clip_samples=False),
            "limit": False,
        },
        {"interpolation code", "clip at zero"},
    ),
    "on_the_same_parameters": (
        "staterror_poisson",
        {"change": lambda w: with_all(w, StatError, constraint="gaussian", threshold=0.0)},
        {"stat threshold", "constraint type"},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("planted", PAIRS)
def test_two_planted_causes_are_both_named(planted: str) -> None:
    name, what, causes = PAIRS[planted]
    found = diagnosis(explained(name, **what))
    assert {c.name for c in found.causes} == causes
    assert len(found.causes) == 2
    assert found.remaining is None


def test_a_cause_is_named_only_if_it_explains() -> None:
    """Numbers that no known cause makes are not blamed on one."""
    workspace, like = workspace_of("histosys"), reference_of("histosys")
    points = tuple(replace(p, nll=None if p.nll is None else p.nll + 0.01 * i) for i, p in enumerate(like.points))
    wrong = replace(like, points=points)
    report = crosscheck(results(workspace, like=wrong), wrong, workspace=workspace)
    found = diagnosis(report)
    assert found.causes == ()
    assert "no known cause explains it" in str(found)
    assert "Cause: none of the known ones explains it" in report.text()


@pytest.mark.slow
def test_what_remains_is_said() -> None:
    """A known cause explains the first rung; something else differs above."""
    workspace, like = workspace_of("staterror_poisson"), reference_of("staterror_poisson")
    wrong = results(with_all(workspace, StatError, constraint="gaussian"), like=like)
    assert wrong.limit is not None
    wrong = replace(wrong, hypotests=None, discovery=None, limit=replace(wrong.limit, observed=1.0))
    found = diagnosis(crosscheck(results(workspace, like=wrong), wrong, workspace=workspace))
    assert [c.name for c in found.causes] == ["constraint type"]
    assert found.remaining == "limit"
    assert "'limit' still differs" in str(found)


def test_a_minimum_that_the_reference_did_not_reach() -> None:
    workspace, like = workspace_of("normfactor"), reference_of("normfactor")
    assert like.fit is not None
    early = replace(like.fit, nll=like.fit.nll + 0.02, values={**like.fit.values, "mu": like.fit.values["mu"] + 0.3})
    wrong = replace(like, fit=early, hypotests=None, discovery=None, limit=None)
    report = crosscheck(results(workspace, like=wrong), wrong, workspace=workspace)
    assert report.passed
    rung = report.rungs[LADDER.index("best fit")]
    assert rung.verdict == "lower"
    assert rung.lower[0].by == pytest.approx(0.02, abs=1e-6)
    assert rung.unjudged == 1
    assert "best fit: 1 numbers differ that follow from these minima" in report.text()
    assert report.diagnosis is not None
    assert [c.name for c in report.diagnosis.causes] == ["minimum not reached"]
    assert "the reference's fit ends 0.02 above ours" in report.diagnosis.causes[0].says
    assert "fit, NLL at the minimum: 281.232886  281.212886  0.02" in report.text()


def test_a_minimum_that_we_did_not_reach() -> None:
    workspace, like = workspace_of("normfactor"), reference_of("normfactor")
    like = replace(like, hypotests=None, discovery=None, limit=None)
    ours = results(workspace, like=like, options=FitOptions(max_iterations=1))
    found = diagnosis(crosscheck(ours, like, workspace=workspace))
    assert found.rung == "best fit"
    assert "minimum not reached" in {c.name for c in found.causes}
    assert "our fit did not reach the minimum that the reference found" in found.causes[0].says


def test_a_lower_minimum_counts_only_for_the_same_function() -> None:
    """Where the NLLs differ, a lower value proves nothing."""
    workspace, like = workspace_of("normfactor"), reference_of("normfactor")
    assert like.fit is not None
    points = tuple(replace(p, nll=None if p.nll is None else p.nll + 0.01 * i) for i, p in enumerate(like.points))
    wrong = replace(like, points=points, fit=replace(like.fit, nll=like.fit.nll + 5.0))
    rungs = climb(results(workspace, like=wrong), wrong)
    assert rungs[LADDER.index("best fit")].verdict == "failed"


@pytest.mark.slow
def test_causes_stand_in_the_document_of_the_report() -> None:
    document = report_of("histosys_linear").to_document()
    assert document["diagnosis"]["causes"][0]["name"] == "interpolation code"
    json.dumps(document, allow_nan=False)


def test_ladder_has_the_names_of_its_rungs() -> None:
    like = reference_of("normfactor")
    assert tuple(rung.name for rung in climb(like, like)) == LADDER


# ------------------------------------------------------------------------------------------------- pyhf's own numbers
def _script(name: str) -> ModuleType:
    path = REPOSITORY / "validation" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.filterwarnings("ignore")
def test_pyhf_import_is_explained_by_its_own_numbers(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyhf's xml2json makes Gaussian stat errors of the Poisson ones that ROOT's default says."""
    from pyhf import readxml

    folder = shared / "xml" / "pyhf_xmlimport_input"
    monkeypatch.chdir(folder)
    config = Path("config/example.xml")
    spec = readxml.parse(str(config), ".", validation_as_error=False)
    like = json.loads(CASES["xml_example"].reference.read_text())
    said = _script("pyhf_document").document_of(spec, "GaussExample", like, [config], "test")
    reference = from_document(said)
    assert reference.provenance.engine == "pyhf"
    workspace = load(config, xml=XmlOptions(basedir=Path())).workspace
    report = crosscheck(results(workspace, like=reference), reference, workspace=workspace)
    found = diagnosis(report)
    assert found.rung == "nll"
    assert "gamma_stat_channel1_bin_0" in found.where.where
    assert [c.name for c in found.causes] == ["constraint type"]
    assert found.causes[0].says == "StatError is constrained by a Gaussian in the reference, by a Poisson term in ours"
    assert found.remaining is None
