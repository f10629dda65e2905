"""Bundles: what is in them, that HEPData's validator and pyhf take them, and that bytes are reproduced."""

import gzip
import io
import json
import os
import tarfile
import warnings
from dataclasses import replace

import numpy as np
import pyhf
import pytest
import yaml
from click.testing import CliRunner
from pyhf.cli import cli as pyhf_command

from hftranslate.cli import cli
from hftranslate.errors import FitFailed, FormatError, InputError, MissingInput, Unsupported, VerificationFailed
from hftranslate.hepdata import bundle as bundling
from hftranslate.hepdata.bundle import make_bundle, size_problems, upload_file, write_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.presentation import dressed
from hftranslate.hepdata.readme import facts, readme
from hftranslate.hepdata.regions import read_region
from hftranslate.hepdata.submission import LICENCES, Licence, Record, licence_of, resource_description
from hftranslate.hepdata.tables import Column, Table, scan_table, yields_table
from hftranslate.hepdata.yaml_files import validate_submission, yaml_documents, yaml_text
from hftranslate.inference.fit import fit
from hftranslate.likelihood.compile import compile_model
from tests.conftest import REPOSITORY
from tests.hepdata import likelihoods
from tests.hepdata.likelihoods import write

pytestmark = pytest.mark.filterwarnings("ignore:jsonschema.RefResolver:DeprecationWarning")  # pyhf uses it


@pytest.fixture(scope="module")
def cls_scan():
    return likelihoods.scanned()


@pytest.fixture
def region(tmp_path, cls_scan):
    return likelihoods.region(tmp_path / "in", scans=[cls_scan])


def archive_of(bundle):
    with tarfile.open(fileobj=io.BytesIO(bundle.files[bundle.archive])) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}


def documents(bundle, name="submission.yaml"):
    return list(yaml.safe_load_all(bundle.files[name]))


def test_the_validator_of_hepdata_accepts_a_bundle(region, tmp_path):
    write_bundle(make_bundle([region]), tmp_path / "out")
    assert validate_submission(str(tmp_path / "out")) == []


def test_files_are_published_byte_for_byte(region, tmp_path):
    packed = archive_of(make_bundle([region]))
    assert sorted(packed) == ["BkgOnly.json", "README.md", "patchset.json"]
    assert packed["BkgOnly.json"] == (tmp_path / "in" / "bkg.json").read_bytes()
    assert packed["patchset.json"] == (tmp_path / "in" / "patches.json").read_bytes()


def test_pyhf_verifies_and_uses_the_archive(region, cls_scan):
    packed = archive_of(make_bundle([region]))
    workspace, patches = (
        pyhf.Workspace(json.loads(packed["BkgOnly.json"])),
        pyhf.PatchSet(json.loads(packed["patchset.json"])),
    )
    patches.verify(workspace)
    model = patches.apply(workspace, "s_300_100")
    model = pyhf.Workspace(model)
    cls = pyhf.infer.hypotest(1.0, model.data(model.model()), model.model(), test_stat="qtilde")
    assert float(cls) == pytest.approx(cls_scan.points[0].result["CLs_obs"], abs=1e-4)


def test_the_same_input_gives_the_same_bytes(region, tmp_path, cls_scan):
    again = likelihoods.region(tmp_path / "again", scans=[cls_scan])
    assert make_bundle([region]).files == make_bundle([again]).files
    assert upload_file(make_bundle([region])) == upload_file(make_bundle([again]))


def test_compressed_input_is_published_plain(tmp_path, region):
    workspace, patches = likelihoods.write(tmp_path / "gz")
    for path in (workspace, patches):
        path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes()))
    other = read_region("", workspace.with_suffix(".json.gz"), patches.with_suffix(".json.gz"))
    assert other.texts == region.texts


def test_the_record_names_the_likelihood_as_such(region):
    first, *tables = documents(make_bundle([region], Record(comment="c", licence=LICENCES["cc-by-4.0"])))
    (resource,) = first["additional_resources"]
    assert resource["type"] == "HistFactory"
    assert resource["location"] == "Likelihoods.tar.gz"
    assert resource["license"]["name"] == "CC BY 4.0"
    assert "s_300_100 is that of m1 = 300, m2 = 100" in resource["description"]
    assert "HS3" not in resource["description"]
    assert first["comment"] == "c"
    assert [t["name"] for t in tables] == ["Yields", "CLs"]


def test_the_workspace_in_hs3_is_a_resource_of_its_own(region, tmp_path):
    made = make_bundle([region], hs3=True)
    _, resource = documents(made)[0]["additional_resources"]
    assert (resource["type"], resource["location"]) == ("HS3", "BkgOnly.hs3.json")
    write_bundle(made, tmp_path / "out")
    assert not validate_submission(str(tmp_path / "out"))
    (found,) = (e for e in check(tmp_path / "out", points=0, validator=False).entries if e.check == "hs3")
    assert (found.status, found.what) == ("passed", "has the likelihood of BkgOnly.json")
    path = tmp_path / "out" / "BkgOnly.hs3.json"
    document = json.loads(path.read_text())
    document["data"][0]["contents"][0] += 1
    path.write_text(json.dumps(document))
    (found,) = (e for e in check(tmp_path / "out", points=0, validator=False).entries if e.check == "hs3")
    assert found.status == "error"


def test_a_workspace_with_its_signal_has_no_other_name_in_hs3(tmp_path):
    made = make_bundle([read_region("SR", REPOSITORY / "tests" / "data" / "hs3" / "lumi_value.json")], hs3=True)
    _, resource = documents(made)[0]["additional_resources"]
    assert resource["location"] == "SR_Workspace.hs3.json"
    assert resource["description"] == "Workspace.json of the region SR, with its signal, in HS3"
    write_bundle(made, tmp_path / "out")
    (found,) = (e for e in check(tmp_path / "out", points=0, validator=False).entries if e.check == "hs3")
    assert (found.status, found.what) == ("passed", "has the likelihood of SR/Workspace.json")


def test_keywords_stand_on_every_table(region):
    record = Record(keywords={"cmenergies": [13000.0], "phrases": ["SUSY"], "observables": ["X"]})
    for table in documents(make_bundle([region], record))[1:]:
        found = {k["name"]: k["values"] for k in table["keywords"]}
        assert found["cmenergies"] == [13000.0]
        assert found["phrases"] == ["SUSY"]
        assert found["observables"][1:] == ["X"]
        assert "reactions" not in found


def test_several_regions_have_folders_and_tables_of_their_own(tmp_path, cls_scan):
    regions = [likelihoods.region(tmp_path / n, n, [cls_scan]) for n in ("RegionA", "RegionB")]
    made = make_bundle(regions)
    assert {"RegionA/BkgOnly.json", "RegionB/patchset.json", "README.md"} <= archive_of(made).keys()
    assert sorted(made.files) == [
        "Likelihoods.tar.gz", "cls_RegionA.yaml", "cls_RegionB.yaml", "submission.yaml", "yields_RegionA.yaml",
        "yields_RegionB.yaml",
    ]  # fmt: skip
    assert "regions RegionA, RegionB" in resource_description(regions)
    write_bundle(made, tmp_path / "out")
    assert validate_submission(str(tmp_path / "out")) == []


# -------------------------------------------------------------------------------------------------------------- tables
def test_yields_are_those_of_a_fit_without_signal(region):
    table = yields_table(region)
    model, data = compile_model(region.workspace)
    best = fit(model, data)
    columns = {c.name: c for c in table.dependent}
    total = columns["Total expected, after the fit without signal"]
    np.testing.assert_allclose(total.values, model.rates(best.values), rtol=1e-5)
    errors = np.sqrt(np.diag(model.jacobian(best.values) @ best.covariance @ model.jacobian(best.values).T))
    np.testing.assert_allclose(total.errors, errors, rtol=1e-2)
    assert columns["Observed"].values == (52, 28, 13, 410)
    assert columns["Total expected, before the fit"].values == (50.0, 30.0, 12.0, 400.0)
    assert columns["bkg"].values == total.values
    assert [c.values for c in table.independent] == [("SR", "SR", "SR", "CR"), (0, 1, 2, 0)]


def test_a_signal_in_the_workspace_is_left_out_of_the_yields(tmp_path):
    background = json.loads(json.dumps(likelihoods.BACKGROUND))
    background["channels"][0]["samples"].append(likelihoods.signal(8.0)[0]["value"])
    background["channels"][1]["samples"].append({"name": "other", "data": [1.0], "modifiers": []})
    workspace, _ = likelihoods.write(tmp_path, background)
    table = yields_table(read_region("", workspace), "meas")
    columns = {c.name: c for c in table.dependent}
    assert "signal" not in columns
    assert columns["other"].values == ("-", "-", "-", 1.0)
    assert columns["Total expected, before the fit"].values == (50.0, 30.0, 12.0, 401.0)
    assert columns["Observed"].qualifiers == {"Measurement": "meas"}


def test_a_fit_that_fails_is_told_with_the_way_out(tmp_path):
    background = json.loads(json.dumps(likelihoods.BACKGROUND))
    background["channels"][0]["samples"][0]["data"][2] = 0.0
    region = read_region("A", likelihoods.write(tmp_path, background)[0])
    with pytest.raises(FitFailed, match=r"of region 'A'.*--no-yields"):
        make_bundle([region])


def test_a_table_of_cls_holds_every_point(region, cls_scan):
    table = scan_table(region, cls_scan)
    assert [c.values for c in table.independent] == [(300, 400, 500), (100, 100, 100)]
    assert [c.name for c in table.dependent] == [
        "Observed CLs", "Expected CLs -2 sigma", "Expected CLs -1 sigma", "Expected CLs", "Expected CLs +1 sigma",
        "Expected CLs +2 sigma",
    ]  # fmt: skip
    observed = [p.result["CLs_obs"] for p in cls_scan.points]
    np.testing.assert_allclose(table.dependent[0].values, observed, rtol=1e-5)
    assert table.dependent[0].qualifiers["Tested value"] == 1.0


def test_a_table_of_limits(tmp_path):
    scan = replace(
        likelihoods.scanned(what="limit"),
        task={**likelihoods.scanned(what="limit").task, "measurement": "meas", "conventions": "root"},
    )
    table = scan_table(likelihoods.region(tmp_path, "A", [scan]), scan)
    assert table.name == "Upper limit, A"
    assert table.dependent[3].name == "Expected upper limit"
    qualifiers = table.dependent[0].qualifiers
    assert qualifiers["Confidence level"] == 0.95
    assert (qualifiers["Region"], qualifiers["Measurement"], qualifiers["Conventions"]) == ("A", "meas", "root")
    assert table.dependent[0].values[0] < table.dependent[0].values[2]


def test_failed_points_are_left_out_and_counted(region, cls_scan):
    failed = replace(cls_scan, failed=cls_scan.points[:1], points=cls_scan.points[1:])
    assert "1 of 3 points (s_300_100) without result" in scan_table(region, failed).description


def test_a_result_that_is_missing_is_left_open(region, cls_scan):
    first, *others = cls_scan.points
    scan = replace(cls_scan, points=(replace(first, result={**first.result, "CLs_obs": None}), *others))
    assert scan_table(region, scan).dependent[0].values[0] == "-"


def test_a_scan_without_results_is_refused(tmp_path, cls_scan):
    workspace, patches = likelihoods.write(tmp_path / "in")
    with pytest.raises(InputError, match="no point with a result: there is nothing to make a table of"):
        read_region("", workspace, patches, (replace(cls_scan, points=()),))


def test_columns_without_uncertainty_state_none():
    table = Table(
        name="t", file="t.yaml", description="", independent=(Column(name="x", values=(1, 2)),),
        dependent=(Column(name="y", values=(1.0, "-"), errors=(0.5, None)),),
    )  # fmt: skip
    assert table.to_document()["dependent_variables"][0]["values"] == [
        {"value": 1.0, "errors": [{"symerror": 0.5}]},
        {"value": "-"},
    ]
    assert dressed(table, Record(keywords={"phrases": ["a"]})).keywords == {"phrases": ["a"]}


# -------------------------------------------------------------------------------------------------------------- README
def test_the_readme_tells_files_models_signals_and_commands(region):
    text = readme([region], "My analysis")
    assert text.startswith("# My analysis\n")
    for line in (
        "- `patchset.json`: the patch set: 3 signals in m1, m2",
        "| SR | 3 | 93 | bkg |",
        "| stat_SR | staterror | 3 |",
        "- m1 from 300 to 500",
        "hftranslate cls BkgOnly.json --patch s_300_100.json",
        "pyhf patchset extract patchset.json --name s_300_100 --output-file s_300_100.json",
    ):
        assert line in text.splitlines()


def test_the_commands_of_the_readme_run(region, tmp_path, monkeypatch):
    for name, data in archive_of(make_bundle([region])).items():
        (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    lines = readme([region]).splitlines()
    commands = [line.split()[1:] for line in lines if line.startswith("hftranslate ") and "scan" not in line]
    assert len(commands) == 4
    for command in commands:
        result = CliRunner().invoke(cli, command, standalone_mode=False, catch_exceptions=False)
        assert not result.return_value, command
    for command in (line.split()[1:] for line in lines if line.startswith("pyhf ")):
        with warnings.catch_warnings():  # pyhf leaves files to be closed
            warnings.simplefilter("ignore")
            result = CliRunner().invoke(pyhf_command, command)
        assert result.exit_code == 0, command


def test_the_readme_of_a_workspace_without_patches(tmp_path):
    region = read_region("", likelihoods.write(tmp_path)[0])
    text = readme([region])
    assert "- `BkgOnly.json`: the workspace" in text
    assert "patchset" not in text.replace("patches (RFC", "")


def test_facts_are_read_back_from_the_readme(region):
    (found,) = facts(readme([region])).values()
    assert found.channels == (("SR", "3", "93", "bkg"), ("CR", "1", "410", "bkg"))
    assert ("xsec", "normsys", "1") in found.parameters
    assert len(found.statements) == 3
    assert facts("# by hand\n\n## Model\n\nnothing") == {}


def test_names_with_signs_of_markdown_are_read_back(tmp_path):
    background = json.loads(json.dumps(likelihoods.BACKGROUND))
    background["channels"][0]["name"] = background["observations"][0]["name"] = "S|R `x`\\"
    region = read_region("A", likelihoods.write(tmp_path, background)[0])
    assert facts(readme([region]))["A"].channels[0][0] == "S|R `x`\\"


# -------------------------------------------------------------------------------------------------------------- errors
def test_a_patch_set_of_another_workspace_is_refused(tmp_path):
    other = {**likelihoods.BACKGROUND, "observations": likelihoods.BACKGROUND["observations"][::-1]}
    workspace, patches = likelihoods.write(tmp_path, likelihoods.BACKGROUND, likelihoods.patchset(other))
    with pytest.raises(VerificationFailed, match="patchset create"):
        read_region("", workspace, patches)


def test_a_scan_of_another_workspace_or_patch_set_is_refused(tmp_path, cls_scan):
    alien = replace(cls_scan, task={**cls_scan.task, "background_sha256": "0"})
    with pytest.raises(InputError, match="another background-only workspace"):
        likelihoods.region(tmp_path, scans=[alien])
    alien = replace(cls_scan, points=(replace(cls_scan.points[0], name="x"),))
    with pytest.raises(InputError, match="does not have: x"):
        likelihoods.region(tmp_path, scans=[alien])


@pytest.mark.parametrize("name", ["a/b", "..", "x" * 50, "-"])
def test_names_of_regions(tmp_path, name):
    with pytest.raises(InputError, match="no name of a region"):
        likelihoods.region(tmp_path, name)


def test_regions_need_different_names(region):
    with pytest.raises(InputError, match="names that differ"):
        make_bundle([region, region])
    with pytest.raises(InputError, match="nothing to bundle"):
        make_bundle([])


def test_a_submission_needs_a_table(tmp_path, region, cls_scan):
    with pytest.raises(InputError, match="without a table"):
        make_bundle([likelihoods.region(tmp_path / "x")], yields=False)
    with pytest.raises(InputError, match="two tables would be called 'CLs'"):
        make_bundle([replace(region, scans=(cls_scan, cls_scan))])


def test_sizes_that_hepdata_refuses(region, monkeypatch):
    assert size_problems({"a.tar.gz": 1000, "t.yaml": 1000}) == []
    assert "t.yaml has 10485761 bytes" in size_problems({"t.yaml": 10_485_761})[0]
    assert "all files together have 52000001 bytes" in size_problems({"a.tar.gz": 52_000_001})[0]
    monkeypatch.setattr(bundling, "MAX_UPLOAD_BYTES", 10)
    with pytest.raises(InputError, match="all files together"):
        make_bundle([region])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"archive": "a/b.tar.gz"}, "no name for the archive"),
        ({"archive": "a.json"}, "no name for the archive"),
        ({"archive": "rivet.tar.gz"}, "another kind of resource"),
        ({"keywords": {"cmenergies": (float("nan"),)}}, "nan is no energy"),
        ({"keywords": {"cmenergies": (-13,)}}, "-13 is no energy"),
        ({"description": "in the hs3 format"}, "does not take the archive for a likelihood"),
    ],
)
def test_what_hepdata_would_take_for_something_else(options, message):
    with pytest.raises(InputError, match=message):
        Record(**options)


def test_licences():
    assert licence_of("CC0") is LICENCES["cc0"]
    assert licence_of("Mine=https://example.org/l") == Licence(name="Mine", url="https://example.org/l")
    with pytest.raises(InputError, match="did you mean 'cc-by-4"):
        licence_of("cc-by")


def test_yaml_is_read_with_its_digits_and_its_errors_told():
    assert yaml_documents(yaml_text([{"a": 0.5}, [1]]), "x") == [{"a": 0.5}, [1]]
    assert yaml_documents("a: 0.0130", "x", as_written=True) == [{"a": "0.0130"}]
    with pytest.raises(FormatError, match="x is no YAML"):
        yaml_documents("a: [", "x")


def test_missing_packages_are_told(monkeypatch, tmp_path):
    for name in ("yaml", "hepdata_validator.full_submission_validator"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    for call in (lambda: yaml_text([]), lambda: yaml_documents("", "x"), lambda: validate_submission(str(tmp_path))):
        with pytest.raises(Unsupported, match=r"install hftranslate\[hepdata\]"):
            call()


# -------------------------------------------------------------------------------------------------------- command line
def run(*arguments):
    return CliRunner().invoke(cli, ["hepdata", "bundle", *map(str, arguments)], standalone_mode=False)


def test_the_command_makes_folder_and_upload(tmp_path, cls_scan):
    workspace, patches = likelihoods.write(tmp_path / "in")
    (tmp_path / "scan.json").write_text(json.dumps(cls_scan.to_document()))
    upload = tmp_path / "up.tar.gz"
    result = run(
        tmp_path / "out", "--workspace", workspace, "--patchset", patches, "--scan", tmp_path / "scan.json",
        "--energy", 13000, "--upload", upload, "--licence", "cc-by-4.0",
    )  # fmt: skip
    told = json.loads(result.stdout)
    assert sorted(os.listdir(tmp_path / "out")) == [f["name"] for f in told["files"]]
    with tarfile.open(upload) as archive:
        assert sorted(archive.getnames()) == [f["name"] for f in told["files"]]
    again = run(tmp_path / "out", "--workspace", workspace, "--licence", "cc0")
    assert "holds something already" in str(again.exception)


def test_the_command_takes_several_regions(tmp_path, cls_scan):
    workspace, patches = likelihoods.write(tmp_path / "in")
    (tmp_path / "scan.json").write_text(json.dumps(cls_scan.to_document()))
    result = run(
        tmp_path / "out", "--region", f"A={workspace},{patches}", "--region", f"B={workspace}",
        "--scan", f"A={tmp_path / 'scan.json'}", "--licence", "cc0",
    )  # fmt: skip
    assert {f["name"] for f in json.loads(result.stdout)["files"]} >= {"cls_A.yaml", "yields_A.yaml", "yields_B.yaml"}


def test_standard_input_is_read_once(tmp_path):
    workspace, _ = likelihoods.write(tmp_path / "in")
    text = workspace.read_bytes()
    arguments = ["hepdata", "bundle", str(tmp_path / "out"), "--workspace", "-", "--licence", "cc0"]
    CliRunner().invoke(cli, arguments, input=text, standalone_mode=False, catch_exceptions=False)
    with tarfile.open(tmp_path / "out" / "Likelihoods.tar.gz") as archive:
        assert archive.extractfile("BkgOnly.json").read() == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --workspace"),
        (["--region", "A=x.json", "--workspace", "x.json"], "give --workspace"),
        (["--region", "A=x.json", "--patchset", "p.json"], "--patchset belongs to --workspace"),
        (["--region", "x.json"], "must look like NAME="),
        (["--region", "A=x.json", "--region", "B=y.json", "--scan", "s.json"], "must name a region"),
        (["--workspace", "x.json", "--round", "some"], "neither a number nor 'pdg'"),
        (["--workspace", "x.json", "--upload", "no/such/folder.tar.gz"], "there is no folder"),
    ],
)
def test_usage(tmp_path, arguments, message):
    assert message in run(tmp_path / "out", *arguments).exception.message
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_told(tmp_path):
    assert isinstance(
        run(tmp_path / "out", "--workspace", tmp_path / "x.json", "--licence", "cc0").exception, MissingInput
    )


def test_a_contour_needs_a_plane(tmp_path):
    """The made-up signals lie on one line: the message names what to leave out."""
    scan = tmp_path / "scan.json"
    workspace, patchset = write(tmp_path / "in")
    ran = CliRunner().invoke(cli, ["patchset", "scan", str(workspace), str(patchset), "-o", str(scan)])
    assert ran.exit_code == 0, ran.output
    words = ["hepdata", "bundle", tmp_path / "out", "--workspace", workspace, "--patchset", patchset, "--scan", scan]
    result = CliRunner().invoke(cli, [*map(str, words), "--licence", "cc0", "--contours"])
    assert isinstance(result.exception, InputError)
    assert str(result.exception).startswith("the scan has no contour: all points lie on one line")
    assert str(result.exception).endswith("leave --contours out")


def test_a_name_for_nothing_is_refused(tmp_path):
    region = likelihoods.region(tmp_path / "in")
    make_bundle([region], Record(labels={"m1": "$m_1$ [GeV]", "bkg": "all backgrounds"}))
    with pytest.raises(InputError, match="there is no label, sample or column 'mm1' to name; did you mean 'm1'"):
        make_bundle([region], Record(labels={"mm1": "$m_1$ [GeV]"}))
