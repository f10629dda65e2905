"""Submissions described once: metadata that coordinators ask for, tables of papers, and the way from init to check."""

import io
import json
import re
from decimal import Decimal

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.cli import cli
from hftranslate.errors import FormatError, InputError
from hftranslate.hepdata.bundle import make_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.check_points import Hints
from hftranslate.hepdata.description import read_description, submission_of
from hftranslate.hepdata.paper_tables import cross_sections, csv_table
from hftranslate.hepdata.presentation import named_units, rounded
from hftranslate.hepdata.published import number
from hftranslate.hepdata.submission import Record
from hftranslate.hepdata.yaml_files import validate_submission, yaml_documents, yaml_text
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from tests.hepdata import likelihoods

GRID = {(300, 100): 12.0, (300, 200): 9.0, (400, 100): 6.0, (400, 200): 5.0, (500, 100): 2.0, (500, 200): 1.5}
XSEC = {point: 0.1 * i for i, point in enumerate(GRID, start=1)}


def grid():
    document = likelihoods.patchset()
    document["patches"] = [
        {"metadata": {"name": f"s_{a}_{b}", "values": [a, b]}, "patch": likelihoods.signal(n)}
        for (a, b), n in GRID.items()
    ]
    return document


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A likelihood of six signals with scans, cross sections, a cutflow, a picture."""
    import matplotlib.image

    from hftranslate.signal_grid.document import from_document
    from hftranslate.signal_grid.scan import scan
    from hftranslate.signal_grid.tasks import ScanSettings

    folder = tmp_path_factory.mktemp("inputs")
    likelihoods.write(folder, patches=grid())
    for what in ("cls", "limit"):
        done = scan(likelihoods.BACKGROUND, from_document(grid()), ScanSettings(what=what))
        (folder / f"{what}.json").write_text(json.dumps(done.to_document()))
    lines = ["m1,m2,cross section [pb]", *(f"{a},{b},{x / 1000}" for (a, b), x in XSEC.items())]
    (folder / "xsec.csv").write_text("\n".join(lines))
    (folder / "cutflow.csv").write_text("Cut,Events [1],Efficiency [%]\nall,100,100\ntrigger,50.5,50.5\n")
    matplotlib.image.imsave(folder / "fig6.png", np.zeros((600, 900, 3)))
    (folder / "a.slha").write_text("BLOCK MASS\n")
    return folder


TOML = r"""
title = "A search"
licence = "cc-by-4.0"
energies = [13000]
reactions = ["P P --> CHARGINO NEUTRALINO"]
phrases = ["SUSY"]
rounding = "pdg"
signal_yields = true
contours = true
correlations = true
related_records = [12345]
[regions.""]
workspace = "bkg.json"
patchsets = ["patches.json"]
scans = ["cls.json", "limit.json"]
cross_sections = "xsec.csv"
[labels]
m1 = '$m(\tilde\chi_1^\pm)$ [GeV]'
m2 = '$m(\tilde\chi_1^0)$ [GeV]'
bkg = "Top quarks"
[locations]
CLs = "Figure 6"
[figures]
CLs = "fig6.png"
[related_tables]
CLs = ["10.17182/hepdata.90607.v3/t1"]
[[tables]]
name = "Cutflow"
file = "cutflow.csv"
[[resources]]
file = "a.slha"
description = "SLHA file of a signal"
"""


@pytest.fixture(scope="module")
def bundled(inputs, tmp_path_factory):
    (inputs / "submission.toml").write_text(TOML)
    out = tmp_path_factory.mktemp("made") / "out"
    run("bundle", out, "--submission", inputs / "submission.toml")
    return out


def run(*arguments):
    return CliRunner().invoke(cli, ["hepdata", *map(str, arguments)], standalone_mode=False, catch_exceptions=False)


def documents(folder, name="submission.yaml"):
    return list(yaml.safe_load_all((folder / name).read_text()))


def columns(folder, name, kind="dependent"):
    return documents(folder, name)[0][f"{kind}_variables"]


def values(column):
    return [v["value"] for v in column["values"]]


def test_the_validator_and_the_check_accept_it(bundled, inputs):
    assert validate_submission(str(bundled)) == []
    report = check(bundled, hints=Hints(cross_sections=inputs / "xsec.csv"))
    assert [e for e in report.of("error", "warning") if e.check != "doctor"] == []
    agree = {e.where: e.what for e in report.of("passed") if e.check == "table"}
    assert "36 CLs of 6 points agree" in agree["table 'CLs'"]
    assert "upper limits of 6 points agree" in agree["table 'Upper limit on cross section'"]
    assert sum(e.check == "yields" for e in report.of("passed")) == 1


def test_limits_on_cross_sections_are_compared(bundled, inputs, tmp_path):
    wrong = (inputs / "xsec.csv").read_text().replace("0.0003", "0.0006")
    (tmp_path / "x.csv").write_text(wrong)
    report = check(bundled, hints=Hints(cross_sections=tmp_path / "x.csv"), validator=False)
    (found,) = report.of("error")
    assert found.where == "table 'Upper limit on cross section'"
    assert "1 of 6 points (s_400_100) differ" in found.what
    assert any("was left alone" in e.what for e in check(bundled, validator=False).of("note"))


def test_what_coordinators_ask_for_stands_there(bundled):
    first, *tables = documents(bundled)
    assert first["related_to_hepdata_records"] == [12345]
    assert [r["location"] for r in first["additional_resources"]] == ["Likelihoods.tar.gz", "a.slha"]
    names = {t["name"]: t for t in tables}
    assert {t["data_license"]["name"] for t in tables} == {"CC BY 4.0"}
    assert names["CLs"]["location"] == "Figure 6"
    assert names["CLs"]["related_to_table_dois"] == ["10.17182/hepdata.90607.v3/t1"]
    assert [r["location"] for r in names["CLs"]["additional_resources"]] == ["fig6.png", "thumb_fig6.png"]
    assert set(names) >= {"Yields", "CLs", "Upper limit", "Upper limit on cross section", "Contour, observed",
                          "Signal yields", "Correlations", "Cutflow"}  # fmt: skip
    keywords = {k["name"]: k["values"] for k in names["Cutflow"]["keywords"]}
    assert keywords == {"cmenergies": [13000], "reactions": ["P P --> CHARGINO NEUTRALINO"], "phrases": ["SUSY"]}


def test_names_units_and_qualifiers(bundled):
    one, two = columns(bundled, "cls.yaml", "independent")
    assert (one["header"], two["header"]["units"]) == ({"name": r"$m(\tilde\chi_1^\pm)$", "units": "GeV"}, "GeV")
    told = {q["name"]: q for q in columns(bundled, "cls.yaml")[0]["qualifiers"]}
    assert told["SQRT(S)"] == {"name": "SQRT(S)", "units": "GEV", "value": 13000}
    assert told["RE"]["value"] == "P P --> CHARGINO NEUTRALINO"
    (sample,) = (c for c in columns(bundled, "yields.yaml") if c["header"]["name"] == "Top quarks")
    assert {"name": "Sample", "value": "bkg"} in sample["qualifiers"]


def test_the_thumbnail_is_small(bundled):
    from PIL import Image

    picture = Image.open(io.BytesIO((bundled / "thumb_fig6.png").read_bytes()))
    assert picture.size == (240, 160)


# --------------------------------------------------------------------------------------------------------------- tables
def test_limits_in_fb_are_limits_times_cross_sections(bundled, inputs):
    limits = json.loads((inputs / "limit.json").read_text())["points"]
    observed, *_, last = columns(bundled, "cross_section_limits.yaml")
    assert observed["header"] == {"name": "Observed upper limit on cross section", "units": "fb"}
    found = [p["observed"] * x for p, x in zip(limits, XSEC.values(), strict=True)]
    np.testing.assert_allclose(values(observed), found, rtol=5e-3)
    found = [p["expected"][4] * x for p, x in zip(limits, XSEC.values(), strict=True)]
    np.testing.assert_allclose(values(last), found, rtol=5e-3)


def test_signal_yields_are_sums_of_bins(bundled):
    sr, cr = columns(bundled, "signal_yields.yaml")
    np.testing.assert_allclose(values(sr), [1.75 * n for n in GRID.values()], rtol=5e-3)
    assert values(cr) == [0.0] * 6


def test_correlations_are_those_of_the_fit(bundled):
    region = likelihoods.region(bundled.parent / "again")
    model, data = compile_model(region.workspace)
    best = fit(model, data)
    (column,) = columns(bundled, "correlations.yaml")
    np.testing.assert_allclose(values(column), best.correlation.ravel(), atol=6e-4, rtol=6e-3)


def test_the_contour_lies_where_cls_crosses(bundled, inputs):
    """Along the lowest row the crossing is that of the significance between two points, by hand."""
    from scipy.stats import norm

    cls = {tuple(p["values"]): p["CLs_obs"] for p in json.loads((inputs / "cls.json").read_text())["points"]}
    (x,), (y,) = (columns(bundled, "contour_observed.yaml", k) for k in ("independent", "dependent"))
    (crossing,) = (a for a, b in zip(values(x), values(y), strict=True) if b == 100.0)
    low, high = next((a, a + 100) for a in (300, 400) if cls[a, 100] < 0.05 < cls[a + 100, 100])
    one, two = (norm.isf(cls[m, 100]) - norm.isf(0.05) for m in (low, high))
    assert crossing == pytest.approx(low + 100 * one / (one - two), rel=5e-3)


def test_any_table_from_csv(bundled):
    (cut,) = columns(bundled, "cutflow.yaml", "independent")
    assert values(cut) == ["all", "trigger"]
    assert [c["header"] for c in columns(bundled, "cutflow.yaml")] == [
        {"name": "Events", "units": "1"}, {"name": "Efficiency", "units": "%"},
    ]  # fmt: skip
    made = csv_table("Acceptance", b"acceptance,m1,m2\n0.1,300,100\n", "a.csv", ("m1", "m2"))
    assert [c.name for c in made.independent] == ["m1", "m2"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a,b\n", "has no values"),
        (b"a,b\n1\n", "row 2: 1 values for 2 names"),
        (b"a\n1\n", "one column only"),
        (b"\xff\n", "is no table"),
    ],
)
def test_what_is_no_table(data, message):
    with pytest.raises(InputError, match=message):
        csv_table("T", data, "t.csv", ())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"m1,x [fb]\n1,2\n", "no column 'm2'"),
        (b"m1,m2,x\n1,2,3\n", "0 columns with units of a cross section"),
        (b"m1,m2,x [fb]\n1,2,-3\n", "row 2: -3 is no cross section"),
        (b"m1,m2,x [fb]\n1,2,nan\n", "row 2: 'nan' is no cross section"),
    ],
)
def test_what_are_no_cross_sections(data, message):
    with pytest.raises(InputError, match=re.escape(message)):
        cross_sections(data, "x.csv", ("m1", "m2"))


# ------------------------------------------------------------------------------------------------------------- rounding
@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (0.827, 0.119, ("0.83", "0.12")),  # the three examples of the PDG's introduction
        (0.827, 0.367, ("0.8", "0.4")),
        (0.827, 0.964, ("0.8", "1.0")),
        (413.2, 52.1, ("4.1e+02", "5.e+01")),
        (12.345678, 1.2345, ("12.3", "1.2")),
        (-1234.5, 236.0, ("-1.23e+03", "2.4e+02")),
    ],
)
def test_rounding_as_the_pdg_does(value, error, shown):
    texts = yaml_text([dict(zip("ab", rounded(value, error, "pdg"), strict=True))])
    assert tuple(yaml_documents(texts, "x", as_written=True)[0].values()) == shown


@given(st.floats(1e-12, 1e9), st.integers(1, 6), st.sampled_from([-1.0, 1.0]))
def test_digits_are_written_and_read_back_with_their_precision(value, digits, sign):
    kept, _ = rounded(sign * value, None, digits)
    text = yaml_text([[kept]])
    (read,) = yaml_documents(text, "x", as_written=True)[0]
    assert number(read) is not None
    assert Decimal(read) == kept
    assert float(yaml_documents(text, "x")[0][0]) == pytest.approx(sign * value, rel=0.51 * 10.0 ** (1 - digits))
    assert abs(number(read)[0] - sign * value) <= 0.5001 * number(read)[1] + 1e-15 * value


def test_counts_and_words_are_not_rounded():
    assert rounded(413, None, 2) == (413, None)
    assert rounded("-", None, "pdg") == ("-", None)
    assert rounded(0.0, None, 3)[0] == 0


def test_names_with_units():
    assert named_units("m(a) [GeV]") == ("m(a)", "GeV")
    assert named_units("[GeV]") == ("[GeV]", None)
    assert named_units(" plain ") == ("plain", None)


# ------------------------------------------------------------------------------------------------------------- metadata
@pytest.mark.parametrize("energy", [13, 13.0, 8, 13.6, 5.02, 0.9])
def test_energies_in_tev_are_asked_about(energy):
    with pytest.raises(InputError, match=rf"is {energy:g} meant to be {energy:g} TeV\? Then write"):
        Record(keywords={"cmenergies": [13000, energy]})


@pytest.mark.parametrize("energy", [13000, 13600.0, 5020, 10.58, 91.2, 206.5])
def test_energies(energy):
    assert Record(keywords={"cmenergies": [energy, 8000]})


@pytest.mark.parametrize(
    "text",
    ["pp -> X", "P P -> X", "P P-->X", "p p --> x", "P P -->", "--> X", "P  P --> X", "P P --> X ", "P P", ""],
)
def test_reactions_that_are_none(text):
    with pytest.raises(InputError, match="is no reaction"):
        Record(keywords={"reactions": [text]})


@pytest.mark.parametrize(
    "text", ["P P --> X", "E+ E- --> Z0 --> MU+ MU-", "P P --> SQUARK SQUARKBAR", "PB PB --> JET X"]
)
def test_reactions(text):
    assert Record(keywords={"reactions": [text]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounding": 9}, "1 to 6 digits"),
        ({"related_tables": {"CLs": ["x"]}}, "no DOI of a table"),
        ({"locations": {"CLS": "Figure 1"}}, "there is no table 'CLS'.*did you mean 'CLs'"),
    ],
)
def test_metadata_that_cannot_be(tmp_path, changes, message):
    region = likelihoods.region(tmp_path, scans=[likelihoods.scanned()])
    with pytest.raises(InputError, match=message):
        make_bundle([region], Record(**changes))


# ---------------------------------------------------------------------------------------------------------- description
def test_from_init_to_check(inputs, tmp_path):
    made = tmp_path / "submission.toml"
    run("init", "--workspace", inputs / "bkg.json", "--patchset", inputs / "patches.json", "-o", made)
    text = made.read_text()
    assert '# "m1" = "m1 [GeV]"' in text
    made.write_text(text.replace("# licence", "licence").replace("# contours", "# contours"))
    run("bundle", tmp_path / "out", "--submission", made, "--scan", inputs / "cls.json", "--energy", 13000)
    report = check(tmp_path / "out")
    assert report.passed
    assert any("CLs of 6 points agree" in e.what for e in report.of("passed"))


def test_no_licence_is_taken_without_a_word(inputs, tmp_path):
    unsaid = run("bundle", tmp_path / "out", "--workspace", inputs / "bkg.json")
    assert "published under CC0, HEPData's default, which gives up all rights: --licence cc0" in unsaid.stderr
    said = run("bundle", tmp_path / "other", "--workspace", inputs / "bkg.json", "--licence", "cc0")
    assert said.stderr == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a =", "is no TOML"),
        ("titel = 'x'", "there is no 'titel'.*did you mean 'title'"),
        ("energies = 13000", "energies is 13000, expected a list of float"),
        ("contours = 1", "contours is 1, expected bool"),
        ("[regions.A]\nworkspaces = 'x'", r"regions\.A: there is no 'workspaces'"),
        ("[[tables]]\nname = 'x'", "'file' is missing"),
    ],
)
def test_descriptions_that_are_wrong(tmp_path, text, message):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_description(tmp_path / "s.toml")


def test_what_a_description_lacks(inputs, tmp_path):
    with pytest.raises(InputError, match="needs a workspace"):
        submission_of({"licence": "cc0"})
    with pytest.raises(InputError, match="region 'A' has no workspace"):
        submission_of({"licence": "cc0", "regions": {"A": {}}})
    regions = {"": {"workspace": str(inputs / "bkg.json")}}
    with pytest.raises(InputError, match=r"no\.slha"):
        submission_of({"licence": "cc0", "regions": regions, "resources": [{"file": str(tmp_path / "no.slha")}]})
    found = submission_of({"licence": "cc0", "regions": regions, "figures": {"Yields": str(inputs / "a.slha")}})
    with pytest.raises(InputError, match="no picture to make a thumbnail of"):
        make_bundle(found.regions, found.record)
