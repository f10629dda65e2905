"""The texts of the report, on a small pair of documents with known differences."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from hftranslate.crosscheck.causes import Cause, Diagnosis
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.comparison import Entry
from hftranslate.crosscheck.document import Results, from_document
from hftranslate.crosscheck.ladder import compared_uncertainties
from hftranslate.crosscheck.report import report_html, write_html, write_markdown
from hftranslate.workspace import PYHF


def document(engine: str) -> dict[str, Any]:
    return {
        "schema": "hftranslate-results/1",
        "provenance": {
            "engine": engine,
            "version": "1.0",
            "command": f"run {engine} <fast>",
            "date": "2026-01-01",
            "inputs": [{"path": "model.xml", "sha256": "0123456789abcdef" * 4}],
            "notes": ["a & b"],
        },
        "measurement": "search",
        "poi": "mu",
        "conventions": {
            "name": "root",
            "clip_samples": True,
            "truncate_constraints": True,
            "root_ranges": True,
            "constrain_empty": False,
        },
        "constant": 0.0,
        "parameters": [
            {"name": "mu", "init": 1.0, "low": 0.0, "high": 10.0, "fixed": False},
            {"name": "alpha_JES", "init": 0.0, "low": -5.0, "high": 5.0, "fixed": False},
        ],
        "parametrisation": [],
        "data": {"SR": [5.0, 2.0]},
        "points": [
            {
                "label": "nominal",
                "values": {},
                "nll": 8.5,
                "evaluation_error": False,
                "yields": {"SR": {"background <1>": [4.0, 1.0], "signal": [0.5, 1.5]}},
            },
            {"label": "mu = 2", "values": {"mu": 2.0}, "nll": 9.25, "evaluation_error": False},
            {"label": "mu = 3", "values": {"mu": 3.0}, "nll": 10.5, "evaluation_error": False},
        ],
        "fit": {
            "nll": 8.25,
            "status": "converged",
            "values": {"mu": 0.5, "alpha_JES": 0.25},
            "at_limit": [],
            "uncertainties": {"mu": 0.5, "alpha_JES": 0.75},
            "minos": {"mu": [None, 0.625]},
            "correlation": {"names": ["mu", "alpha_JES"], "matrix": [[1.0, 0.25], [0.25, 1.0]]},
        },
        "hypotests": [
            {
                "poi": poi,
                "test_stat": "qtilde",
                "calculator": "asymptotic",
                "q": q,
                "q_asimov": 2.0 * q,
                "muhat": 0.5,
                "nll_conditional": 8.25 + 0.5 * q,
                "CLsb": cls / 2.0,
                "CLb": 0.5,
                "CLs_obs": cls,
                "CLs_exp": [cls / 8.0, cls / 4.0, cls / 2.0, 0.75 * cls, 0.875 * cls],
            }
            for poi, q, cls in ((1.0, 1.0, 0.5), (2.0, 4.0, 0.0625))
        ],
        "discovery": {"q0": 1.0, "p0": 0.15625, "z": 1.0, "muhat": 0.5},
        "limit": {"level": 0.05, "observed": 2.125, "expected": [0.75, 1.0, 1.5, None, None]},
    }


def reference() -> Results:
    return from_document(document("ROOT"))


def ours(*, wrong: bool = False) -> Results:
    plain = document("hftranslate")
    if wrong:
        plain["points"][0]["yields"]["SR"]["signal"][1] = 1.25
        plain["points"][2]["nll"] = 10.75
        plain["fit"]["values"]["mu"] = 0.625
    return from_document(plain)


def other() -> Results:
    return replace(ours(), conventions=PYHF)


def explained() -> Diagnosis:
    return Diagnosis(
        rung="yields",
        where=Entry(where="yields <here>", ours=1.25, reference=1.5, difference=-0.25, allowed=1e-9),
        causes=(Cause(name="interpolation code", says="code0 & not code4p"),),
        alternatives=((Cause(name="clip at zero", says="in ours only"),),),
        remaining="nll",
    )


def early() -> Results:
    """A reference whose fit stopped early, with toys and RooStats' own numbers."""
    plain = document("ROOT")
    plain["fit"] |= {"nll": 8.375, "status": "migrad -1", "values": {"mu": 0.75, "alpha_JES": 0.25}}
    toys = {"n": 1000, "seed": 1, "CLsb_error": 0.01, "CLb_error": 0.01, "CLs_error": 0.02}
    extra = {"poi": 1.0, "test_stat": "qtilde", "CLsb": 0.25, "CLb": 0.5, "CLs_obs": 0.5, "CLs_exp": [None] * 5}
    plain["hypotests"] += [{**extra, "calculator": "toys", "toys": toys}, {**extra, "calculator": "roostats"}]
    return from_document(plain)


def with_toys() -> Results:
    plain = document("hftranslate")
    plain["hypotests"].append(early().to_document()["hypotests"][2])
    return from_document(plain)


@pytest.fixture(params=["passed", "failed", "conventions", "explained", "lower"])
def report(request: pytest.FixtureRequest) -> Report:
    match request.param:
        case "passed":
            return crosscheck(ours(), reference(), beside=other())
        case "failed":
            return crosscheck(ours(wrong=True), reference())
        case "explained":
            return replace(crosscheck(ours(wrong=True), reference()), diagnosis=explained())
        case "lower":
            return crosscheck(with_toys(), early())
        case _:
            return crosscheck(other(), replace(reference(), fit=None, limit=None, discovery=None))


def test_text(report: Report, file_regression: FileRegressionFixture) -> None:
    file_regression.check(report.text())


def test_markdown(report: Report, file_regression: FileRegressionFixture, tmp_path: Any) -> None:
    write_markdown(report, tmp_path / "report.md")
    text = (tmp_path / "report.md").read_text()
    file_regression.check(text, extension=".md")
    columns = {line.replace("\\|", "").count("|") for line in text.splitlines() if line.startswith("| rung")}
    assert columns == {7}


def test_html(report: Report, file_regression: FileRegressionFixture) -> None:
    file_regression.check(re.sub(r"<style>.*?</style>", "", report_html(report), flags=re.DOTALL), extension=".html")


def test_minima_are_shown_with_both_values() -> None:
    report = crosscheck(with_toys(), early())
    assert report.passed
    assert [rung.verdict for rung in report.rungs][3:5] == ["lower", "passed"]
    for text in (report.text(), report_html(report)):
        assert "8.375" in text
        assert "8.25" in text
        assert "0.12" in text


def test_failing_report_names_the_rung_and_the_place() -> None:
    text = crosscheck(ours(wrong=True), reference()).text()
    assert "The first failing rung is 'yields'" in text
    assert "yields at point 'nominal', channel SR, sample signal, bin 1: ours 1.25, reference 1.5" in text
    assert "NLL at point 'mu = 3': ours 10.75, reference 10.5" in text


class _Checker(HTMLParser):
    """Every element is closed, and nothing is fetched from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_self_contained_and_well_formed(report: Report, tmp_path: Any) -> None:
    write_html(report, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    checker = _Checker()
    checker.feed(text)
    assert checker.open == []
    assert "http" not in text
    assert "url(" not in text
    assert "prefers-color-scheme: dark" in text
    assert "background &lt;1&gt;" in text
    assert "<fast>" not in text


def test_toys_are_compared_within_their_errors() -> None:
    report = crosscheck(with_toys(), early())
    assert report.rungs[8].verdict == "passed"
    assert report.rungs[8].comparisons == 3
    plain = with_toys().to_document()
    plain["hypotests"][2]["CLsb"] = 0.25 + 5.0 * 2**0.5 * 0.01
    failing = crosscheck(from_document(plain), early()).rungs[8]
    assert failing.verdict == "failed"
    assert [entry.where for entry in failing.failures] == ["test of 1 with qtilde, CLsb by toys"]
    missing = crosscheck(ours(), early()).rungs[8]
    assert [entry.where for entry in missing.failures] == ["test of 1 with qtilde"]


def at_its_limit(engine: str) -> Results:
    """A fit that ended at zero signal, a constant parameter, and names that differ in their middle."""
    plain = document(engine)
    names = [f"alpha_jet_energy_scale_of_{flavour}_quarks_in_the_barrel_region_only" for flavour in ("light", "heavy")]
    plain["parameters"] += [
        {"name": "Lumi", "init": 1.0, "low": 0.0, "high": 10.0, "fixed": True},
        {"name": "start", "init": 0.0, "low": -5.0, "high": 5.0, "fixed": False},
        *({"name": n, "init": 0.0, "low": -5.0, "high": 5.0, "fixed": False} for n in names),
    ]
    plain["fit"] |= {
        "values": {"mu": 0.0, "alpha_JES": 0.25, "Lumi": 1.0, "start": 0.5, **dict.fromkeys(names, 0.5)},
        "at_limit": ["mu"],
        "uncertainties": {"alpha_JES": 0.75, "start": 0.125, **dict.fromkeys(names, 0.5)},
        "minos": {},
    }
    del plain["fit"]["correlation"]
    return from_document(plain)


def cells(text: str) -> dict[str, list[str]]:
    """The table of all values: the cells after each name."""
    rows = re.findall(r"<tr><td><code>(.*?)</code></td>(.*?)</tr>", text)
    return {name: re.findall(r'<td class="n">(.*?)</td>', rest) for name, rest in rows}


def test_a_parameter_at_its_limit_is_shown() -> None:
    text = report_html(crosscheck(at_its_limit("hftranslate"), at_its_limit("ROOT")))
    assert cells(text)["mu"] == ["0", "at a limit", "0", "at a limit", "&ndash;"]
    assert "<code>mu</code> = 0 at a limit, ours 0 at a limit." in text
    assert "<title>mu: 0, ours 0</title>" in text  # in the picture
    assert "<title>start: 0.5 ± 0.125" in text  # relative to an initial value of zero nothing can be drawn
    assert "Lumi" not in cells(text)  # constant in both
    labels = re.findall(r'<text class="name"[^>]*>(.*?)</text>', text)
    assert len(set(labels)) == len(labels) > 4


def test_the_uncertainties_shown_are_those_compared() -> None:
    """Minuit quotes half of what a sine spans where a parameter has a range: 0.6173 for 0.6356, say."""
    reference, own = document("ROOT"), document("hftranslate")
    own["fit"]["uncertainties"]["mu"] = 0.5
    quoted = compared_uncertainties(from_document(own), from_document(reference))["mu"]
    assert quoted < 0.497
    reference["fit"]["uncertainties"]["mu"] = quoted
    report = crosscheck(from_document(own), from_document(reference))
    assert report.rungs[4].verdict == "passed"
    shown = cells(report_html(report))["mu"]
    assert shown[1] == shown[3] == f"{quoted:.4g}"
    assert f"0.5 ± {quoted:.3g}, ours 0.5 ± {quoted:.3g}" in report_html(report)
    # between documents of ours nothing is taken through a sine
    alike = crosscheck(from_document(own), from_document({**own, "measurement": "search"}))
    assert cells(report_html(alike))["mu"][3] == "0.5"
