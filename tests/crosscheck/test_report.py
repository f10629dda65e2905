"""The texts of the report, on a small pair of documents with known differences."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from hftranslate.crosscheck.causes import Cause, Diagnosis
from hftranslate.crosscheck.compare import Report, crosscheck
from hftranslate.crosscheck.comparison import Pair
from hftranslate.crosscheck.document import Results, from_document
from hftranslate.crosscheck.ladder import compared_uncertainties
from hftranslate.crosscheck.pictures import figures
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
        where=Pair(where="yields <here>", ours=1.25, reference=1.5, difference=-0.25, allowed=1e-9),
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
    text = re.sub(r"<style>.*?</style>", "", report_html(report), flags=re.DOTALL)
    text = re.sub(r"<svg[^>]*(aria-label=\"\w+\").*?</svg>", r"<svg \1></svg>", text)  # their content: see below
    file_regression.check(text, extension=".html")


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
    """Every element is closed, nothing is fetched from elsewhere, and what is drawn again has a name of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.references: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img", "iframe")
        self.look_at(attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("g", "path", "use", "rect", "image")  # of SVG, where HTML lets it end so
        self.look_at(attrs)

    def look_at(self, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            assert name not in ("src", "xlink:href")
            value = value or ""
            self.ids += [value] if name == "id" else []
            if name == "href" and not value.startswith("data:image/png;base64,"):
                assert value.startswith("#")
                self.references.add(value[1:])
            urls = re.findall(r"url\(([^)]*)\)", value)
            assert all(url.startswith("#") for url in urls)
            self.references |= {url[1:] for url in urls}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_self_contained_and_well_formed(report: Report, tmp_path: Any) -> None:
    write_html(report, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    checker = _Checker()
    checker.feed(text)
    assert checker.open == []
    assert "http" not in text
    assert len(set(checker.ids)) == len(checker.ids)
    assert checker.references == set(checker.ids)
    assert checker.references or not report.reference.fit
    assert text == report_html(report)
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
    assert cells(text)["mu"] == ["0", "at a limit", "0", "at a limit", "–"]
    assert "<code>mu</code> = 0 at a limit, ours 0 at a limit." in text
    assert "Lumi" not in cells(text)  # constant in both
    pictures = figures(crosscheck(at_its_limit("hftranslate"), at_its_limit("ROOT")))
    assert pictures.keys() == {"pulls", "factors", "statistic", "cls"}
    factors = rows(pictures["factors"])
    assert factors.keys() == {"mu", "start"}
    assert factors["mu"] == ((0.0, 0.0), (0.0, 0.0))
    assert factors["start"] == ((0.5, 0.125), pytest.approx((0.5, 0.125), rel=1e-3))
    pulls = rows(pictures["pulls"])
    assert len(pulls) == 3  # names that are shortened are different nevertheless
    assert pulls["alpha_JES"] == ((0.25, 0.75), pytest.approx((0.25, 0.75), rel=1e-2))


def rows(figure: Any) -> dict[str, tuple[tuple[float, float], ...]]:
    """What a picture of pulls shows: for each name the value and the error of both engines."""
    (axes,) = figure.axes
    found = []
    for bars in axes.containers:
        segments = bars.lines[2][0].get_segments()
        found.append([(x, 0.5 * (s[1][0] - s[0][0])) for x, s in zip(bars.lines[0].get_xdata(), segments, strict=True)])
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, zip(*found, strict=True), strict=True))


def test_pictures_of_both_engines(report: Report) -> None:
    """Each number stands where its engine has it."""
    drawn = figures(report)
    if report.reference.fit is not None:
        fits = [rows(drawn["factors"])["mu"][k][0] for k in (0, 1)]
        assert fits == [of.fit.values["mu"] for of in (report.reference, report.ours) if of.fit is not None]
        matrix = drawn["correlations"].axes[0].images[0].get_array()
        assert matrix.tolist() == [[1.0, 0.25], [0.25, 1.0]]
    (axes,) = drawn["cls"].axes
    lines = {line.get_label(): line for line in axes.lines}
    assert lines.keys() >= {"ROOT", "ours", "expected", "0.05"}
    assert ("pyhf conventions" in lines) == (report.beside is not None)
    for engine in ("ROOT", "ours"):
        assert lines[engine].get_xydata().tolist() == [[1.0, 0.5], [2.0, 0.0625]]
    assert [len(line.get_xdata()) for line in drawn["statistic"].axes[0].lines] == [2, 2, 2, 2]  # type: ignore[arg-type]


def test_correlations_of_each_engine_on_their_side_of_the_diagonal() -> None:
    plain = document("hftranslate")
    plain["fit"]["correlation"] = {"names": ["alpha_JES", "mu"], "matrix": [[1.0, -0.5], [-0.5, 1.0]]}
    drawn = figures(crosscheck(from_document(plain), reference()))
    assert drawn["correlations"].axes[0].images[0].get_array().tolist() == [[1.0, -0.5], [0.25, 1.0]]
    plain["fit"]["correlation"]["matrix"] = [[1.0, 0.0], [0.0, 1.0]]
    assert "correlations" not in figures(crosscheck(from_document(plain), from_document(plain)))


@pytest.mark.parametrize("x", [0.0, 5e-324, 1e308])
def test_any_numbers_can_be_drawn(x: float) -> None:
    plain = document("ours")  # as we are called in the pictures
    plain["fit"]["values"]["mu"] = -x
    plain["fit"]["uncertainties"] = {"mu": x, "alpha_JES": x}
    for test in plain["hypotests"]:
        test |= {"q": x, "q_asimov": x, "CLs_obs": x, "CLs_exp": [None, x, x, x, x]}
    plain["hypotests"][1]["poi"] = x
    far = from_document(plain)
    for report in (crosscheck(far, far), crosscheck(ours(), far, beside=far), crosscheck(far, reference())):
        assert report_html(report).count("<svg") == 5


def test_one_tested_value_has_a_band_and_no_test_no_picture() -> None:
    one = replace(reference(), hypotests=reference().hypotests[:1])
    bands = figures(crosscheck(one, one))["cls"].axes[0].collections
    assert all(b.get_paths()[0].get_extents().width > 0.0 for b in bands)
    assert not figures(crosscheck(replace(one, fit=None, hypotests=None), replace(one, fit=None, hypotests=None)))


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
    assert rows(figures(report)["factors"])["mu"] == (pytest.approx((0.5, quoted)), pytest.approx((0.5, quoted)))
    # between documents of ours nothing is taken through a sine
    alike = crosscheck(from_document(own), from_document({**own, "measurement": "search"}))
    assert cells(report_html(alike))["mu"][3] == "0.5"
