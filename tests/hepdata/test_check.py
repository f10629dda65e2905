"""Each kind of defect is planted in a good submission, and the check finds it where it was planted."""

import copy
import io
import json
import shutil
import tarfile

import pytest
import yaml
from click.testing import CliRunner

from hftranslate.cli import cli
from hftranslate.errors import MissingInput
from hftranslate.hepdata.archives import pack
from hftranslate.hepdata.bundle import make_bundle, write_bundle
from hftranslate.hepdata.check import _unpacked, check
from hftranslate.hepdata.check_points import chosen_points
from hftranslate.hepdata.check_report import check_document, check_html, check_text, verdict
from hftranslate.hepdata.contents import contents_of, kind_of_document
from hftranslate.hepdata.entries import CheckReport, Entry
from hftranslate.signal_grid import digest
from tests.hepdata import likelihoods


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A good submission of one likelihood, with tables of yields, CLs and limits."""
    folder = tmp_path_factory.mktemp("good")
    region = likelihoods.region(folder / "in", scans=[likelihoods.scanned(), likelihoods.scanned(what="limit")])
    write_bundle(make_bundle([region]), folder / "out")
    return folder / "out"


class Submission:
    """A copy of the good submission, to break."""

    def __init__(self, folder):
        self.folder = folder

    def files(self):
        with tarfile.open(self.folder / "Likelihoods.tar.gz") as archive:
            return {m.name: archive.extractfile(m).read() for m in archive}

    def put(self, **changes):
        """Replace files of the archive, by their names without ending; ``None`` leaves one out."""
        ends = {"BkgOnly": "BkgOnly.json", "patchset": "patchset.json", "README": "README.md"}
        files = self.files()
        for name, content in changes.items():
            name = ends.get(name, f"{name}.json")
            if content is None:
                del files[name]
            else:
                files[name] = content if isinstance(content, bytes) else json.dumps(content).encode()
        (self.folder / "Likelihoods.tar.gz").write_bytes(pack(files))

    def background(self, change):
        """Change the workspace; the patch set and the README follow, so that only that is wrong."""
        document = copy.deepcopy(likelihoods.BACKGROUND)
        change(document)
        patches = likelihoods.patchset(document)
        readme = self.files()["README.md"].decode().replace(digest(likelihoods.BACKGROUND), digest(document))
        self.put(BkgOnly=document, patchset=patches, README=readme.encode())

    def patches(self, change):
        document = likelihoods.patchset()
        change(document["patches"])
        self.put(patchset=document)

    def yaml(self, change, name="submission.yaml"):
        documents = list(yaml.safe_load_all((self.folder / name).read_text()))
        change(documents)
        (self.folder / name).write_text(yaml.safe_dump_all(documents, sort_keys=False))

    def readme(self, old, new):
        text = self.files()["README.md"].decode()
        assert old in text
        self.put(README=text.replace(old, new).encode())

    def problems(self, *statuses, **options):
        report = check(self.folder, **{"validator": False, "points": 0, **options})
        return [f"{e.check}: {e.where}: {e.what}" for e in report.of(*(statuses or ("error",)))]


@pytest.fixture
def submission(good, tmp_path):
    shutil.copytree(good, tmp_path / "out")
    return Submission(tmp_path / "out")


def one(problems):
    assert len(problems) == 1, problems
    return problems[0]


def test_a_good_submission_passes_everything(good):
    report = check(good, points=None)
    assert report.passed
    assert report.of("error", "warning", "note") == tuple(e for e in report.entries if e.check == "doctor")
    assert {e.check for e in report.of("passed")} == {
        "hepdata-validator", "size", "licence", "archive", "readme", "schema", "digest", "poi", "patch", "fit", "cls",
        "limit", "table", "yields",
    }  # fmt: skip
    assert sum(e.check == "table" for e in report.of("passed")) == 2


# ---------------------------------------------------------------------------------------------------------- submission
def test_what_the_validator_refuses(submission):
    (submission.folder / "stray.json").write_text("{}")
    assert "stray.json is not referenced" in one(submission.problems(validator=True))


def test_a_submission_that_is_no_yaml(submission):
    (submission.folder / "submission.yaml").write_text("a: [")
    problems = submission.problems()
    assert problems[0].startswith("submission: submission.yaml: submission.yaml is no YAML")


def test_a_submission_that_is_no_text(submission):
    (submission.folder / "submission.yaml").write_bytes(b"\xff\xfe")
    assert "can't decode" in one(submission.problems(validator=True))


def test_an_upload_that_is_too_large(submission, monkeypatch):
    monkeypatch.setattr("hftranslate.hepdata.bundle.MAX_UPLOAD_BYTES", 100)
    assert "HEPData takes uploads of 100 bytes" in one(submission.problems())


def test_a_resource_of_another_type_is_no_likelihood(submission):
    submission.yaml(lambda d: d[0]["additional_resources"][0].update(type="json"))
    assert "no resource of the record has the type HistFactory" in submission.problems()[0]


def test_a_likelihood_at_a_table_is_not_found_by_hepdata(submission):
    def move(documents):
        documents[1]["additional_resources"] = documents[0].pop("additional_resources")
        documents[0]["comment"] = "x"

    submission.yaml(move)
    assert "belongs to a table" in submission.problems()[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"description": "likelihood in HS3"}, "the letters 'HS3'"),
        ({"description": "see simpleanalysis"}, "the letters 'SimpleAnalysis'"),
        ({"location": "https://github.com/x/likelihoods.tar.gz"}, "the letters 'github'"),
    ],
)
def test_words_by_which_hepdata_takes_it_for_something_else(submission, changes, message):
    submission.yaml(lambda d: d[0]["additional_resources"][0].update(changes))
    assert message in submission.problems()[0]


def test_resources_in_another_form_are_left_to_the_validator(submission):
    submission.yaml(lambda d: d[0].update(additional_resources=3))
    problems = submission.problems(validator=True)
    assert any(p.startswith("hepdata-validator") for p in problems)
    assert any("no resource of the record has the type HistFactory" in p for p in problems)


def test_a_licence_that_is_not_stated_is_noted(submission):
    submission.yaml(lambda d: d[0]["additional_resources"][0].pop("license"))
    assert "licence: Likelihoods.tar.gz: no licence is stated" in one(submission.problems("note"))


def test_an_archive_elsewhere_was_not_looked_into(submission):
    submission.yaml(lambda d: d[0]["additional_resources"][0].update(location="https://example.org/l.tar.gz"))
    assert "was not looked into" in submission.problems("warning")[0]


def test_a_hostile_archive_is_told(submission):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../evil"))
    (submission.folder / "Likelihoods.tar.gz").write_bytes(stream.getvalue())
    assert "outside its folder: '../evil'" in submission.problems()[0]


def test_a_likelihood_may_be_a_single_file(submission):
    shutil.copy(submission.folder / "Likelihoods.tar.gz", submission.folder / "x")
    (submission.folder / "BkgOnly.json").write_bytes(submission.files()["BkgOnly.json"])
    (submission.folder / "x").unlink()
    submission.yaml(lambda d: d[0]["additional_resources"][0].update(location="BkgOnly.json"))
    assert "no patches and no sample with the parameter of interest mu" in submission.problems()[0]


def test_several_archives_are_all_looked_into(submission):
    shutil.copy(submission.folder / "Likelihoods.tar.gz", submission.folder / "Second.tar.gz")
    submission.yaml(
        lambda d: d[0]["additional_resources"].append({**d[0]["additional_resources"][0], "location": "Second.tar.gz"})
    )
    schema = [p for p in submission.problems("passed") if p.startswith("schema")]
    assert [p.split(": ")[1] for p in schema] == ["Likelihoods/BkgOnly.json", "Second/BkgOnly.json"]


# ------------------------------------------------------------------------------------------------------------ contents
def test_files_that_are_no_json_or_nothing_known(submission):
    submission.put(broken=b"{", other={"a": 1}, empty=[])
    assert "json: broken.json" in one(submission.problems())
    assert sum("neither a workspace" in w for w in submission.problems("warning")) == 2


def test_an_archive_without_workspace(submission):
    submission.put(BkgOnly=None)
    assert "no workspace in the archive that it could belong to" in one(submission.problems())
    submission.put(patchset=None)
    assert "there is no workspace among 1 files" in one(submission.problems())


def test_two_patch_sets_of_one_workspace_are_both_checked(submission):
    more = likelihoods.patchset()
    more["patches"][0]["patch"] = likelihoods.signal(0.0)
    submission.put(more=more)
    assert "patch: more.json: 1 of 3 patches (s_300_100): the signal has no yield" in one(submission.problems())
    assert [p for p in submission.problems("passed") if p.startswith("schema")] == [
        "schema: BkgOnly.json: follows the schema 1.0.0; 2 channels with 4 bins"
    ]


def test_loose_patches_are_applied_too(submission):
    submission.put(patchset=None, good=likelihoods.signal(5.0), bad=[{"op": "remove", "path": "/channels/7"}])
    problems = submission.problems()
    assert any("1 of 2 patches (bad): does not apply" in p for p in problems)
    assert any("digest" in p for p in submission.problems("note"))


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"channels": []}, "workspace"),
        ({"patches": []}, "patchset"),
        ([{"op": "add", "path": "/a"}], "patch"),
        ({"distributions": [], "metadata": {"hs3_version": "0.2"}}, "hs3"),
        ([], "other"),
        ({}, "other"),
        (3, "other"),
    ],
)
def test_kinds_of_documents(document, kind):
    assert kind_of_document(document) == kind


# -------------------------------------------------------------------------------------------------------------- models
def test_a_workspace_that_breaks_the_schema(submission):
    submission.put(BkgOnly={**likelihoods.BACKGROUND, "version": "2.0.0"})
    assert any("schema: BkgOnly.json: breaks the schema 1.0.0" in p for p in submission.problems())


def test_bins_that_do_not_match(submission):
    submission.background(lambda d: d["observations"][0]["data"].pop())
    assert "expected 3" in next(p for p in submission.problems() if p.startswith("model"))


def test_a_digest_of_another_workspace(submission):
    document = copy.deepcopy(likelihoods.BACKGROUND)
    document["channels"].reverse()
    submission.put(BkgOnly=document)
    assert "its sha256 is" in next(p for p in submission.problems() if p.startswith("digest"))


def test_a_patch_set_that_breaks_the_schema(submission):
    submission.put(patchset={**likelihoods.patchset(), "version": "2"})
    assert any(p.startswith("schema: patchset.json") for p in submission.problems())


def test_no_parameter_of_interest(submission):
    submission.background(lambda d: d["measurements"][0]["config"].update(poi=""))
    assert "no measurement names a parameter of interest" in submission.problems()[0]
    assert not any("patch" in p for p in submission.problems())


def test_a_background_that_has_a_signal_already(submission):
    submission.background(lambda d: d["channels"][0]["samples"].append(likelihoods.signal(1.0, "old")[0]["value"]))
    assert any("signal in the background-only workspace already" in p for p in submission.problems("warning"))


# ------------------------------------------------------------------------------------------------------------- patches
def replace_first(operations):
    return lambda patches: patches[0].update(patch=operations)


def with_poi(name):
    operations = likelihoods.signal(5.0)
    operations[0]["value"]["modifiers"][0]["name"] = name
    return operations


def short_signal():
    operations = likelihoods.signal(5.0)
    operations[0]["value"]["data"].pop()
    return operations


PATCHES = {
    "does not apply": (
        [{"op": "replace", "path": "/channels/0/samples/5/data", "value": [1]}],
        "error",
        "does not apply",
    ),
    "wrong bins": (short_signal(), "error", "gives no valid model"),
    "wrong poi": (with_poi("mu_SIG"), "error", "no sample has the parameter of interest mu"),
    "no yield": (likelihoods.signal(0.0), "error", "the signal has no yield in any bin"),
    "nothing": ([{"op": "test", "path": "/version", "value": "1.0.0"}], "error", "changes nothing"),
    "removes a sample": (
        [{"op": "remove", "path": "/channels/0/samples/0"}, *likelihoods.signal(5.0)],
        "error",
        "removes background samples: bkg of SR",
    ),
    "removes data": (
        [{"op": "remove", "path": "/observations/1"}, *likelihoods.signal(5.0)],
        "error",
        "CR",
    ),
    "removes a channel": (
        [{"op": "remove", "path": "/channels/1"}, *likelihoods.signal(5.0)],
        "note",
        "removes channels: CR",
    ),
    "changes the background": (
        [{"op": "replace", "path": "/channels/1/samples/0/data", "value": [390.0]}, *likelihoods.signal(5.0)],
        "warning",
        "changes yields of the background: bkg of CR",
    ),
    "changes the data": (
        [{"op": "replace", "path": "/observations/1/data", "value": [390.0]}, *likelihoods.signal(5.0)],
        "warning",
        "changes observed data: CR",
    ),
}


@pytest.mark.parametrize("name", PATCHES)
def test_every_patch_is_applied_and_judged(submission, name):
    operations, status, message = PATCHES[name]
    submission.patches(replace_first(operations))
    found = [
        p for p in submission.problems(status) if p.startswith("patch: patchset.json: 1 of 3 patches (s_300_100): ")
    ]
    assert message in one(found)
    if status == "error":
        assert any("2 patches of 3 apply" in p for p in submission.problems("passed"))


# -------------------------------------------------------------------------------------------------------------- doctor
def test_errors_of_the_doctor_are_errors(submission):
    def empty(document):
        document["channels"][0]["samples"][0]["data"][2] = 0.0

    submission.background(empty)
    assert "doctor: BkgOnly.json: data-without-expectation" in one(submission.problems())
    assert not any(p.startswith("fit") for p in submission.problems("passed"))


def test_warnings_of_the_doctor_are_warnings(submission):
    submission.background(lambda d: d["channels"][1]["samples"][0]["modifiers"][0]["data"].update(lo=1.2))
    assert any("one-sided" in p for p in submission.problems("warning"))


# -------------------------------------------------------------------------------------------------------------- tables
def table_of(name, row, column, value):
    def change(documents):
        documents[0]["dependent_variables"][column]["values"][row]["value"] = value

    return lambda s: s.yaml(change, name)


@pytest.mark.parametrize(("points", "found"), [(None, True), (2, False)])
def test_cls_that_are_not_those_of_the_likelihood(submission, points, found):
    table_of("cls.yaml", 1, 0, 0.5)(submission)
    problems = submission.problems(points=points)
    assert bool(problems) == found
    if found:
        assert "1 of 3 points (s_400_100) differ" in one(problems)
        assert "s_400_100, observed: 0.5 published, 0." in problems[0]


def test_an_expected_limit_that_is_not_that_of_the_likelihood(submission):
    table_of("limits.yaml", 0, 1, 9.0)(submission)
    assert "s_300_100, expected at -2 sigma: 9.0 published" in one(submission.problems(points=1))


def test_numbers_agree_within_the_digits_that_are_given(submission):
    def rounded(documents):
        for column in documents[0]["dependent_variables"]:
            for entry in column["values"]:
                entry["value"] = float(f"{entry['value']:.2f}")

    submission.yaml(rounded, "cls.yaml")
    assert submission.problems(points=None) == []


def test_points_that_are_missing_or_have_no_patch(submission):
    def change(documents):
        documents[0]["independent_variables"][0]["values"][2]["value"] = 999

    submission.yaml(change, "cls.yaml")
    assert any("1 of 3 signals (s_500_100) are not in the table" in p for p in submission.problems("note", points=1))
    assert any("1 of 3 points (999, 100) have no patch" in p for p in submission.problems("warning", points=1))


def test_tables_of_several_regions_are_those_that_name_them(tmp_path):
    regions = [likelihoods.region(tmp_path / n, n, [likelihoods.scanned()]) for n in ("A", "B")]
    write_bundle(make_bundle(regions), tmp_path / "out")
    submission = Submission(tmp_path / "out")
    table_of("cls_B.yaml", 0, 0, 0.9)(submission)
    assert "table 'CLs, B'" in one(submission.problems(points=1))

    def nameless(documents):
        for column in documents[0]["dependent_variables"]:
            column["qualifiers"] = []

    submission.yaml(nameless, "cls_B.yaml")
    submission.yaml(lambda d: d[4].update(name="CLs of another"))
    assert submission.problems(points=1) == []
    assert "B/BkgOnly.json: computed points are compared with nothing: no table holds CLs" in one(
        submission.problems("warning", points=1)
    )


def test_a_test_at_another_value_is_repeated_there(tmp_path):
    region = likelihoods.region(tmp_path / "in", scans=[likelihoods.scanned(test_poi=0.5)])
    write_bundle(make_bundle([region]), tmp_path / "out")
    assert check(tmp_path / "out", points=None, validator=False).passed


def test_yields_that_are_not_those_of_the_likelihood(submission):
    table_of("yields.yaml", 1, 1, 31.5)(submission)
    assert "Total expected, after the fit without signal in SR bin 1: 31.5 published" in one(submission.problems())


def test_yields_of_other_bins(submission):
    def change(documents):
        documents[0]["independent_variables"][0]["values"][3]["value"] = "VR"

    submission.yaml(change, "yields.yaml")
    assert "not the channels and bins of the workspace (CR bin 0, VR bin 0)" in one(submission.problems())


def test_a_table_that_is_none(submission):
    (submission.folder / "cls.yaml").write_text("a: 1")
    (submission.folder / "limits.yaml").write_text("a: [")
    problems = submission.problems()
    assert any("cls.yaml: it has not the form of a table" in p for p in problems)
    assert any("limits.yaml is no YAML" in p for p in problems)


def test_fits_that_fail_at_a_point(submission):
    def break_it(patches):
        operation = {"op": "replace", "path": "/channels/0/samples/0/data", "value": [50.0, 30.0, 0.0]}
        patches[0]["patch"] = [operation, *likelihoods.signal(5.0)]
        patches[0]["patch"][1]["value"]["data"] = [1.0, 1.0, 0.0]

    submission.patches(break_it)
    assert any("fit: BkgOnly.json: 1 of 1 points (s_300_100) fail: " in p for p in submission.problems(points=1))


def test_points_are_spread_over_the_patch_set():
    names = list(likelihoods.SIGNALS)
    assert chosen_points(names, 1) == ["s_300_100"]
    assert chosen_points(names, 2) == ["s_300_100", "s_500_100"]
    assert chosen_points(names, None) == chosen_points(names, 7) == names


# -------------------------------------------------------------------------------------------------------------- README
def test_an_archive_without_readme(submission):
    submission.put(README=None)
    assert "there is no README" in one(submission.problems("warning"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("| CR | 1 | 410 | bkg |", "| CR | 2 | 410 | bkg |", "its channels are not those of the model: CR"),
        ("| xsec | normsys | 1 |\n", "", "its parameters are not those of the model: xsec"),
        ("- signals: 3", "- signals: 4", "is wrong: signals: 4"),
        ("`patchset.json`", "`patches.json`", "names files that are not there: patches.json"),
        ("## Model", "## Region X", "describes a model of region X that is not there"),
    ],
)
def test_a_readme_that_does_not_match(submission, old, new, message):
    submission.readme(old, new)
    assert any(message in p for p in submission.problems())


def test_a_readme_by_hand_is_only_looked_through(submission):
    submission.put(README=b"# Likelihood\n\nUse `BkgOnly.json`. There is SR.\n")
    assert "it does not mention 1 of 2 channels" in one(submission.problems("note"))


def test_a_model_that_the_readme_forgets(submission):
    files = submission.files()
    files |= {f"B/{name}": data for name, data in files.items() if name.endswith(".json")}
    (submission.folder / "Likelihoods.tar.gz").write_bytes(pack(files))
    assert any("says nothing of the model of region B" in p for p in submission.problems())


# ------------------------------------------------------------------------------------------------- folders and reports
def test_an_unpacked_likelihood_is_checked_without_a_record(tmp_path):
    likelihoods.write(tmp_path)
    report = check(tmp_path, points=1)
    assert report.passed
    assert any("there is no submission.yaml" in e.what for e in report.of("note"))
    assert contents_of(tmp_path).likelihoods[0].patchset == "patches.json"


def test_a_missing_folder(tmp_path):
    with pytest.raises(MissingInput):
        check(tmp_path / "no")


def test_reports():
    entries = (
        Entry(status="passed", check="a", where="x", what="fine"),
        Entry(status="error", check="b", where="<y>", what="wrong"),
    )
    report = CheckReport(folder="f", entries=entries)
    assert check_text(report) == "f: something is wrong (1 error)\n\nerror    b: <y>: wrong\npassed   a: x: fine\n"
    assert "&lt;y&gt;" in check_html(report)
    assert check_document(report)["counts"] == {"error": 1, "warning": 0, "note": 0, "passed": 1}
    assert verdict(CheckReport(folder="f", entries=entries[:1])) == "nothing is wrong"


def run(*arguments):
    return CliRunner().invoke(cli, ["hepdata", "check", *map(str, arguments)], standalone_mode=False)


def test_the_command_says_no_with_exit_code_one(submission, tmp_path):
    good = run(submission.folder, "--points", "all", "--html", tmp_path / "r.html")
    assert not good.return_value
    assert "nothing is wrong" in good.stdout
    assert "Check of" in (tmp_path / "r.html").read_text()
    submission.readme("- signals: 3", "- signals: 4")
    bad = run(submission.folder, "--json", "--no-validator", "--points", 0)
    assert bad.return_value == 1
    assert json.loads(bad.stdout)["counts"]["error"] == 1
    out = tmp_path / "r.json"
    run(submission.folder, "--no-validator", "--points", 0, "-o", out)
    assert json.loads(out.read_text()) == json.loads(bad.stdout)


@pytest.mark.parametrize("points", ["some", "-3"])
def test_usage(submission, points):
    assert run(submission.folder, "--points", points).exception is not None


def test_points_may_be_computed_elsewhere(good):
    arguments = ["hepdata", "check", str(good), "--points", "all", "--no-validator", "--workers", "2"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert not result.return_value
    assert "CLs of 3 points agree" in result.stdout


def test_archives_of_nearly_one_name_do_not_meet(tmp_path):
    folder, target = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    target.mkdir()
    names = ["x.tar.gz", "x.zip.tar", "X-1.tar"]
    for i, name in enumerate(names):
        (folder / name).write_bytes(pack({"ws.json": b"{}", f"{i}.json": b"{}"}))
    resources = [{"location": name, "type": "HistFactory", "description": ""} for name in names]
    entries = list(_unpacked(folder, [{"additional_resources": resources}], target))
    assert [e.where for e in entries if e.what == "unpacks safely"] == names

    assert {p.relative_to(target).as_posix() for p in target.rglob("[0-9].json")} == {
        "x/0.json",
        "x-2/1.json",
        "X-1/2.json",
    }


def test_columns_may_be_told(submission):
    """The masses are those of a square grid, in which either order of the columns fits."""
    headers = {0: r"$m(\tilde\tau_1)$", 1: r"$m(\tilde\chi^0_1)$"}

    def rename(documents):
        for i, name in headers.items():
            documents[0]["independent_variables"][i]["header"]["name"] = name

    def square(document):
        for patch, values in zip(document, ([1, 2], [2, 1], [3, 3]), strict=True):
            patch["metadata"]["values"] = values

    def points(documents):
        for i, values in enumerate(zip([1, 2], [2, 1], [3, 3], strict=True)):
            for cell, value in zip(documents[0]["independent_variables"][i]["values"], values, strict=True):
                cell["value"] = value

    submission.patches(square)
    for table in ("cls.yaml", "limits.yaml"):
        submission.yaml(rename, table)
        submission.yaml(points, table)
    told = submission.problems("warning", points=None)
    assert len(told) == 2
    assert all("in several ways (--columns LABEL=HEADER)" in t for t in told)
    arguments = [submission.folder, "--no-validator", "--json", "--columns", f"m1={headers[0]}"]
    counts = json.loads(run(*arguments).stdout)["counts"]
    assert (counts["error"], counts["warning"]) == (0, 0)
    wrong = json.loads(run(*arguments[:-1], f"m1={headers[1]}").stdout)
    assert wrong["counts"]["error"] == 2
    assert "must look like NAME=TEXT" in run(submission.folder, "--columns", "m1").exception.message


def test_all_points_are_computed_where_that_takes_seconds(submission, monkeypatch):
    assert any("CLs of 3 points agree" in p for p in submission.problems("passed", points="auto"))
    monkeypatch.setattr("hftranslate.hepdata.check_points.POINTS", 2)
    monkeypatch.setattr("hftranslate.hepdata.check_points.SECONDS", 0.0)
    assert any("CLs of 2 points agree" in p for p in submission.problems("passed", points="auto"))
    told = submission.problems("note", points="auto")
    assert any("2 of 3 points were computed: all would take about" in t for t in told)
