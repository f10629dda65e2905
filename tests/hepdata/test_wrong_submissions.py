"""A collection of wrong submissions of made-up models: each is judged, its cause named, and nothing said twice.

Each entry makes one thing wrong in a submission that passes without an error or a warning of its own.
"""

import contextlib
import copy
import json
import math
import re
import shutil
import tarfile

import pytest
import yaml

from hftranslate.errors import FitFailed, InputError
from hftranslate.formats import pyhf_json
from hftranslate.hepdata.archives import pack
from hftranslate.hepdata.bundle import make_bundle, write_bundle
from hftranslate.hepdata.check import check
from hftranslate.hepdata.readme import readme as text_of
from hftranslate.hepdata.regions import Region
from hftranslate.hepdata.tables import yields_table
from hftranslate.signal_grid import digest
from hftranslate.signal_grid.document import from_document
from tests.hepdata import likelihoods

ARCHIVE, BACKGROUND, PATCHES = "Likelihoods.tar.gz", "BkgOnly.json", "patchset.json"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    region = likelihoods.region(folder / "in", scans=[likelihoods.scanned(), likelihoods.scanned(what="limit")])
    write_bundle(make_bundle([region]), folder / "out")
    return folder / "out"


# ------------------------------------------------------------------------------------------------------ what is changed
def members(folder):
    with tarfile.open(folder / ARCHIVE) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive}


def archive(change):
    def do(folder):
        files = members(folder)
        change(files)
        (folder / ARCHIVE).write_bytes(pack(files))

    return do


def member(name, data):
    return archive(lambda files: files.update({name: data}))


def without(name):
    return archive(lambda files: files.pop(name))


def workspace(change, *, follows=True):
    """Change the workspace; digest, README and tables follow, so that only that is wrong."""

    def do(folder):
        document = copy.deepcopy(likelihoods.BACKGROUND)
        change(document)
        files = members(folder)
        files[BACKGROUND] = json.dumps(document).encode()
        if follows:
            files[PATCHES] = json.dumps(likelihoods.patchset(document)).encode()
            with contextlib.suppress(InputError):  # of no model there is no README
                region = Region(
                    name="",
                    document=document,
                    workspace=pyhf_json.from_document(document),
                    patchsets={PATCHES: from_document(likelihoods.patchset(document))},
                )
                files["README.md"] = text_of([region]).encode()
                with contextlib.suppress(InputError, FitFailed):
                    table = yields_table(region).to_document()
                    (folder / "yields.yaml").write_text(yaml.safe_dump(table))
        (folder / ARCHIVE).write_bytes(pack(files))

    return do


def patches(change):
    def do(files):
        document = likelihoods.patchset()
        change(document)
        files[PATCHES] = json.dumps(document).encode()

    return archive(do)


def first_patch(operations):
    return patches(lambda d: d["patches"][0].update(patch=operations))


def readme(old, new):
    def do(files):
        text = files["README.md"].decode()
        assert old in text
        files["README.md"] = text.replace(old, new).encode()

    return archive(do)


def documents(change, name="submission.yaml"):
    def do(folder):
        found = list(yaml.safe_load_all((folder / name).read_text()))
        change(found)
        (folder / name).write_text(yaml.safe_dump_all(found, sort_keys=False))

    return do


def resource(**changes):
    return documents(lambda d: d[0]["additional_resources"][0].update(changes))


def table_says(**changes):
    """Of the first table."""
    return documents(lambda d: d[1].update(changes))


def cells(value, name="cls.yaml", column=0, rows=slice(None)):
    def do(found):
        for cell in found[0]["dependent_variables"][column]["values"][rows]:
            cell["value"] = value(cell["value"]) if callable(value) else value

    return documents(do, name)


def header(column, kind="dependent", **changes):
    return documents(lambda d: d[0][f"{kind}_variables"][column]["header"].update(changes), "cls.yaml")


def masses(value, rows, column=0):
    def do(found):
        for cell in found[0]["independent_variables"][column]["values"][rows]:
            cell["value"] = value(cell["value"]) if callable(value) else value

    return documents(do, "cls.yaml")


def both(*changes):
    def do(folder):
        for change in changes:
            change(folder)

    return do


def write(name, data):
    def do(folder):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    return do


EXCESS, MILD, DEFICIT = [62.0, 42.0, 26.0], [52.0, 33.0, 19.0], [40.0, 20.0, 5.0]


def poi(data, **settings):
    """Settings of the parameter of interest, with the data of the signal region."""

    def do(document):
        document["observations"][0]["data"] = data
        document["measurements"][0]["config"]["parameters"] = [{"name": "mu", **settings}]

    return do


def channel(document, i=0):
    return document["channels"][i]


def sample(document, i=0):
    return channel(document, i)["samples"][0]


def no_tables(found):
    del found[2:]


def nested(files):
    files["inner.tar.gz"] = b"\x1f\x8b broken"


def operations(n=5.0, name="signal", **changes):
    made = likelihoods.signal(n, name)
    made[0]["value"].update(changes)
    return made


def left_in(name, n):
    """A signal that stays in the background-only workspace."""
    return workspace(lambda d: channel(d)["samples"].append(likelihoods.signal(n, name)[0]["value"]))


TWICE = "adds again what the background-only workspace has already"
BAD_CELL = "are no finite numbers"

#: What is done, the check that finds it (by its fixed word), and what it says.
ERRORS = {
    # the submission
    "no yaml": (write("submission.yaml", b"a: ["), "submission", "is no YAML"),
    "no text": (write("submission.yaml", b"\xff\xfe"), "submission", "can't decode"),
    "an empty submission": (write("submission.yaml", b""), "submission", "no document"),
    "a type is missing": (documents(lambda d: d[0]["additional_resources"][0].pop("type")), "resource", "has the type"),
    "another type": (resource(type="json"), "resource", "has the type HistFactory"),
    "hs3 in the description": (resource(description="An HS3 file"), "resource", "the letters 'HS3'"),
    "a likelihood at a table": (
        documents(
            lambda d: (d[1].update(additional_resources=d[0].pop("additional_resources")), d[0].update(comment="c"))
        ),
        "resource",
        "belongs to a table",
    ),
    # the archive
    "a damaged archive": (write(ARCHIVE, b"\x1f\x8b no archive"), "archive", "is no archive"),
    "an archive of other things": (write(ARCHIVE, pack({"a.txt": b""})), "archive", "no workspace among 1 files"),
    "a damaged archive inside": (archive(nested), "archive", "inner.tar.gz is"),
    "no workspace": (without(BACKGROUND), "patchset", "no workspace in the archive"),
    "no patches": (without(PATCHES), "poi", "nothing can be tested"),
    "a workspace that is no json": (member(BACKGROUND, b"{"), "json", BACKGROUND),
    "a patch set that is no json": (member(PATCHES, b"{"), "json", PATCHES),
    "nan in a workspace": (
        archive(lambda f: f.update({BACKGROUND: f[BACKGROUND].replace(b"400.0", b"NaN")})),
        "json",
        "NaN",
    ),
    # the workspace
    "another version": (workspace(lambda d: d.update(version="2.0.0")), "schema", "breaks the schema 1.0.0"),
    "no version": (workspace(lambda d: d.pop("version")), "schema", "version"),
    "no measurement": (workspace(lambda d: d.update(measurements=[])), "schema", "breaks the schema"),
    "an unknown modifier": (workspace(lambda d: sample(d)["modifiers"][0].update(type="normsis")), "schema", "normsis"),
    "too few data": (workspace(lambda d: d["observations"][0]["data"].pop()), "model", "expected 3"),
    "no data": (workspace(lambda d: d["observations"].pop()), "model", "CR"),
    "too few uncertainties": (workspace(lambda d: sample(d)["modifiers"][1]["data"].pop()), "model", "stat_SR"),
    "no parameter of interest": (
        workspace(lambda d: d["measurements"][0]["config"].update(poi="")),
        "poi",
        "no measurement names",
    ),
    "a constant parameter of interest": (
        workspace(poi(EXCESS, fixed=True)),
        "poi",
        "constant, at 1, in meas: observed",
    ),
    "a range below the best fit": (workspace(poi(MILD, inits=[0.1], bounds=[[0.0, 0.2]])), "poi", "becomes"),
    "a range below zero": (workspace(poi(DEFICIT, bounds=[[-5.0, 5.0]])), "poi", "becomes"),
    "a range above zero": (workspace(poi(DEFICIT, bounds=[[0.5, 10.0]])), "poi", "becomes"),
    "a range that cuts limits": (workspace(poi(EXCESS, bounds=[[0.0, 2.0]])), "poi", "lie beyond it"),
    "a range without the initial value": (workspace(poi(EXCESS, bounds=[[0.0, 0.5]])), "poi", "lie beyond it"),
    "a signal left behind, of one name": (left_in("signal", 12.0), "patch", TWICE),
    "a signal left behind, by another name": (left_in("other", 6.0), "patch", f"1 of 3 patches (s_400_100): {TWICE}"),
    "an empty bin with data": (workspace(lambda d: sample(d)["data"].__setitem__(2, 0.0)), "doctor", "data-without"),
    "another workspace": (
        workspace(lambda d: sample(d)["data"].__setitem__(0, 51.0), follows=False),
        "digest",
        "sha256",
    ),
    "another order of channels": (workspace(lambda d: d["channels"].reverse(), follows=False), "digest", "sha256"),
    # the patch set
    "another version of patches": (patches(lambda d: d.update(version="2")), "schema", PATCHES),
    "two patches of one name": (
        patches(lambda d: d["patches"][1]["metadata"].update(name="s_300_100")),
        "schema",
        "unique",
    ),
    "two patches at one point": (
        patches(lambda d: d["patches"][1]["metadata"].update(values=[300, 100])),
        "schema",
        "same",
    ),
    "too few values": (patches(lambda d: d["patches"][1]["metadata"].update(values=[300])), "schema", "1 values"),
    "a patch that does not apply": (
        first_patch([{"op": "add", "path": "/channels/7/samples/-", "value": {}}]),
        "patch",
        "does not apply",
    ),
    "a patch that removes a background": (
        first_patch([{"op": "remove", "path": "/channels/0/samples/0"}, *operations()]),
        "patch",
        "removes background",
    ),
    "a signal with too few bins": (first_patch(operations(data=[1.0])), "patch", "gives no valid model"),
    "a signal without yields": (first_patch(operations(0.0)), "patch", "no yield in any bin"),
    "a signal without its parameter": (first_patch(operations(modifiers=[])), "patch", "no sample has the parameter"),
    "a patch of nothing": (first_patch([]), "patch", "changes nothing"),
    # the tables of results
    "observed cls of another calculation": (cells(lambda x: x * 3 % 1), "table", "3 of 3 points"),
    "cls of one point": (cells(0.9, rows=slice(1, 2)), "table", "1 of 3 points (s_400_100) differ"),
    "an expected band": (cells(lambda x: x / 2, column=5), "table", "expected at +2 sigma"),
    "bands exchanged": (
        both(header(1, name="Expected CLs +1 sigma"), header(4, name="Expected CLs -2 sigma")),
        "table",
        "differ from the likelihood",
    ),
    "limits of another calculation": (cells(lambda x: x * 1.1, "limits.yaml"), "table", "observed: "),
    "infinite cls": (cells(math.inf), "table", "3 of 3 cells of 'Observed CLs' (row 1: '.inf', row 2"),
    "cls that are not a number": (cells(math.nan), "table", BAD_CELL),
    "nan as text": (cells("nan"), "table", BAD_CELL),
    "one cell of words": (cells("see text", rows=slice(0, 1)), "table", "1 of 3 cells"),
    "an infinite limit": (cells(math.inf, "limits.yaml", column=3, rows=slice(2, 3)), "table", BAD_CELL),
    "wrong under latex": (
        both(header(0, name=r"Observed $CL_s$"), cells(lambda x: x / 3)),
        "table",
        "differ from the likelihood",
    ),
    "wrong under masses in latex": (
        both(
            header(0, "independent", name=r"$m(\tilde\tau_1)$", units="GeV"),
            header(1, "independent", name=r"$m(\tilde\chi^0_1)$", units="GeV"),
            cells(lambda x: x / 3),
        ),
        "table",
        "differ from the likelihood",
    ),
    "wrong under a plain name": (
        both(
            documents(lambda d: d[0].update(dependent_variables=d[0]["dependent_variables"][:1]), "cls.yaml"),
            header(0, name="CLs"),
            cells(lambda x: x / 3),
        ),
        "table",
        "differ from the likelihood",
    ),
    "yields of another fit": (cells(31.5, "yields.yaml", 1, slice(1, 2)), "yields", "31.5 published"),
    "infinite yields": (cells(math.inf, "yields.yaml", 1, slice(1, 2)), "yields", ".inf published"),
    "yields of other channels": (
        documents(lambda d: d[0]["independent_variables"][0]["values"][3].update(value="VR"), "yields.yaml"),
        "yields",
        "not the channels and bins",
    ),
    "a table of another form": (write("cls.yaml", b"a: 1"), "table", "not the form of a table"),
    "a table that is no yaml": (write("cls.yaml", b"a: ["), "table", "is no YAML"),
    # the README
    "other bins in the readme": (readme("| CR | 1 | 410 |", "| CR | 2 | 410 |"), "readme", "its channels"),
    "a parameter that the readme forgets": (readme("| xsec | normsys | 1 |\n", ""), "readme", "its parameters"),
    "other signals in the readme": (readme("- signals: 3", "- signals: 4"), "readme", "is wrong: signals: 4"),
    "another digest in the readme": (readme(digest(likelihoods.BACKGROUND), "0" * 64), "readme", "is wrong: sha256"),
    "another region in the readme": (readme("## Model", "## Region X"), "readme", "region X that is not there"),
    "a readme by hand that names what is not there": (
        member("README.md", b"# Us\n\nApply patches.json to BkgOnly.json. Channels: SR, CR.\n"),
        "readme",
        "patches.json",
    ),
    "a readme by hand with a list of files": (
        member("README.txt", b"SR and CR:\n* BkgOnly.json\n* signals/C1N2.json.gz\n"),
        "readme",
        "C1N2.json.gz",
    ),
}

WARNINGS = {
    "no readme": (without("README.md"), "readme", "there is no README"),
    "other data by a patch": (
        first_patch([{"op": "replace", "path": "/observations/1/data", "value": [410.01]}, *operations(12.0)]),
        "patch",
        "changes observed data",
    ),
    "a point without a patch": (masses(999, slice(2, 3)), "table", "1 of 3 points (999, 100) have no patch"),
    "no tables of results": (documents(no_tables), "table", "no table holds CLs or limits"),
    "blank cells": (
        both(*(cells("-", column=i) for i in range(6))),
        "table",
        "compared with nothing: none of the computed points",
    ),
    "masses of another grid": (masses(lambda x: x + 1, slice(None)), "table", "compared with nothing: no row in"),
    "masses that nobody can tell": (
        documents(lambda d: d[0]["independent_variables"].pop(), "cls.yaml"),
        "table",
        "--columns LABEL=HEADER",
    ),
    "cls of what": (
        documents(
            lambda d: (
                d[0].update(dependent_variables=[d[0]["dependent_variables"][0]])
                or d[0]["dependent_variables"][0]["header"].update(name="CLs of theory")
            ),
            "cls.yaml",
        ),
        "table",
        "nothing says whether 'CLs of theory'",
    ),
    "an e-mail address": (
        readme("# Likelihoods", "# Likelihoods by jane.doe@example.org"),
        "private",
        "e-mail address",
    ),
    "an e-mail address in escapes": (
        member("notes.hepdata", b'{"contact": "jane\\u0040example.org"}'),
        "private",
        "jane@example.org",
    ),
    "an energy in TeV": (
        table_says(keywords=[{"name": "cmenergies", "values": [13]}]),
        "table",
        "is 13 meant to be 13 TeV? Then write 13000",
    ),
    "an energy that is none": (
        table_says(keywords=[{"name": "cmenergies", "values": ["high"]}]),
        "table",
        "is no energy",
    ),
    "a reaction in other letters": (
        table_says(keywords=[{"name": "reactions", "values": ["pp -> chi chi"]}]),
        "table",
        "'pp -> chi chi' is no reaction",
    ),
    "a table under another licence": (
        table_says(data_license={"name": "CC BY 4.0", "url": "https://creativecommons.org/licenses/by/4.0/"}),
        "licence",
        "its licence is CC BY 4.0, that of the likelihoods CC0 1.0 Universal",
    ),
    "an archive under another licence than HEPData's default for tables": (
        documents(
            lambda d: (
                [t.pop("data_license", None) for t in d]
                and d[0]["additional_resources"][0].update(license={"name": "CC BY 4.0", "url": "https://x.org"})
            )
        ),
        "licence",
        "its licence is CC0 1.0 Universal, that of the likelihoods CC BY 4.0",
    ),
    "a home folder": (
        patches(lambda d: d["metadata"].update(description="from /home/jdoe/run2/fit")),
        "private",
        "'/home/jdoe/run2/fit'",
    ),
    "an internal folder": (readme("# Likelihoods", "# /eos/atlas/user/j/jdoe/x"), "private", "a path of a machine"),
    "an internal repository": (
        documents(lambda d: d[0].update(comment="see https://gitlab.cern.ch/jdoe/x")),
        "private",
        "gitlab.cern.ch/jdoe/x",
    ),
    "a private remark in a table": (
        documents(lambda d: d[1].update(description="lxplus7 made it")),
        "private",
        "'lxplus7'",
    ),
    "xml with a comment": (
        member("fit.xml", b"<!-- jdoe &#64; x: /afs/cern.ch/user/j/jdoe -->"),
        "private",
        "/afs/cern.ch",
    ),
    "git": (member(".git/config", b"[core]"), "junk", ".git/config"),
    "finder": (member(".DS_Store", b"\0\0\0\1Bud1"), "junk", ".DS_Store"),
    "apple double": (member("._BkgOnly.json", b"\0\5\x16\7"), "junk", "._BkgOnly.json"),
    "a back-up": (member("BkgOnly.json~", b"{}"), "junk", "BkgOnly.json~"),
}


def judged(folder, *statuses, **options):
    report = check(folder, validator=False, points=None, **options)
    return [e for e in report.of(*statuses) if (e.check, e.status) != ("doctor", "warning")]


def test_the_good_one_is_good(good):
    assert judged(good, "error", "warning", "note") == []
    assert len(ERRORS) + len(WARNINGS) >= 85


@pytest.mark.parametrize("name", ERRORS)
def test_what_is_wrong_is_named_once(good, tmp_path, name):
    change, by, message = ERRORS[name]
    shutil.copytree(good, tmp_path / "out")
    change(tmp_path / "out")
    (found,) = {(e.check, e.what) for e in judged(tmp_path / "out", "error")}
    assert found[0] == by
    assert message in found[1]


@pytest.mark.parametrize("name", WARNINGS)
def test_what_is_doubtful_is_named_once(good, tmp_path, name):
    change, by, message = WARNINGS[name]
    shutil.copytree(good, tmp_path / "out")
    change(tmp_path / "out")
    (found,) = {(e.check, e.what) for e in judged(tmp_path / "out", "error", "warning")}
    assert found[0] == by
    assert message in found[1]


def test_an_error_leaves_no_false_statement(good, tmp_path):
    """Without its type the archive is looked into nevertheless, and nothing is said to be missing in it."""
    shutil.copytree(good, tmp_path / "out")
    ERRORS["a type is missing"][0](tmp_path / "out")
    told = [e.what for e in judged(tmp_path / "out", "error", "warning", "note")]
    assert [re.sub(":.*", "", t) for t in told] == ["no resource of the record has the type HistFactory"]
    assert any("CLs of 3 points agree" in e.what for e in judged(tmp_path / "out", "passed"))
