"""What is private, or was left behind by tools: found in every text of a submission, wherever it stands."""

import json
import tarfile

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import hftranslate as hft
from hftranslate.cli import cli
from hftranslate.errors import InputError
from hftranslate.hepdata.bundle import make_bundle
from hftranslate.hepdata.private import junk, private_texts
from hftranslate.hepdata.regions import read_region
from hftranslate.hepdata.submission import Record
from tests.hepdata import likelihoods

PRIVATE = [
    "jane.doe@example.org",
    "/home/jdoe/analysis/fit.json",
    "/afs/cern.ch/user/j/jdoe/public",
    "/eos/atlas/atlascerngroupdisk/phys-susy/x",
    "/scratch2/jdoe/run",
    "/Users/jdoe/Desktop/ws",
    "~jdoe/fits",
    "root://eosatlas.cern.ch//eos/x.root",
    "file:///data/x",
    "C:\\Users\\jdoe\\fit",
    "https://gitlab.cern.ch/atlas-susy/private",
    "git@github.com:jdoe/private.git",
    "ssh://git@gitlab.cern.ch:7999/x",
    "lxplus754",
    "svn.cern.ch/reps/x",
    "http://localhost:8888/tree",
    "http://192.168.1.2/x",
    "ATL-COM-PHYS-2019-123",
    "ANA-SUSY-2019-08-INT1",
]
PUBLIC = [
    "https://doi.org/10.17182/hepdata.90607",
    "https://github.com/scikit-hep/pyhf",
    "https://home.cern/news",
    "https://atlas.web.cern.ch/Atlas/GROUPS/PHYSICS/PAPERS/SUSY-2019-08/",
    "ATL-PHYS-PUB-2019-029",
    "mu @ 1 and a@b",
    "/channels/0/samples/5/data",
    "either/or and signal/home/x",
    "1/2 ~ 0.5",
    "m(gluino) at 13 TeV",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_what_is_private(text):
    forms = {
        "README.md": f"See {text}, please.",
        "a.json": json.dumps({"version": f"from {text}"}),
        "b.json": json.dumps({f"from {text}": "\N{LATIN SMALL LETTER E WITH ACUTE}"}).replace("/", "\\/"),
        "c.xml": f"<!-- {text.replace('@', '&#64;')} --><Sample Name='x'/>",
    }
    found = dict(private_texts({n: t.encode() for n, t in forms.items()}))
    assert set(found) == set(forms)


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_not(text):
    assert list(private_texts({"README.md": f"See {text}.".encode()})) == []


@given(
    st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?@[a-z]{1,8}\.(org|ch|edu)", fullmatch=True),
    st.text("ab {}\"'<>,;:", max_size=9),
)
def test_addresses_are_found_between_whatever(address, around):
    ((_, what),) = private_texts({"x": f"{around} {address} {around}".encode()})
    assert address in what


def test_names_of_files_and_binary_files():
    assert next(private_texts({"plots of jane@example.org.txt": b""}))[0].startswith("plots")
    assert list(private_texts({"x.png": b"\x89PNG\0 a@b.org /home/jdoe/x"})) == []


def test_left_overs():
    left = [
        ".git/config",
        "a/.DS_Store",
        "._x.json",
        "__MACOSX/x",
        "x.json~",
        "#x#",
        ".x.json.swp",
        "x.bak",
        "Thumbs.db",
    ]
    assert junk([*left, "BkgOnly.json", "README.md", "a/b.json", "git/x.json"]) == left


# -------------------------------------------------------------------------------------------------------------- bundles
def test_a_bundle_refuses_what_is_private(tmp_path):
    patches = likelihoods.patchset()
    patches["metadata"]["description"] = "made in /home/jdoe/fit"
    region = read_region("", *likelihoods.write(tmp_path, patches=patches))
    with pytest.raises(InputError, match=r"patchset.json: a path of a machine: .*'/home/jdoe/fit'.*--allow-private"):
        make_bundle([region])
    with pytest.raises(InputError, match=r"submission.yaml: an e-mail address: .*'us@example.org'"):
        make_bundle([likelihoods.region(tmp_path / "x")], Record(comment="ask us@example.org"))
    assert make_bundle([region], Record(allow_private=True)).files


def test_the_command_has_a_list_and_a_way_out(tmp_path):
    workspace, patches = likelihoods.write(tmp_path / "in")
    arguments = ["hepdata", "bundle", tmp_path / "out", "--workspace", workspace, "--patchset", patches]
    arguments += ["--licence", "cc0", "--comment", "see lxplus7 and jane@example.org"]
    told = str(CliRunner().invoke(cli, list(map(str, arguments)), standalone_mode=False).exception)
    assert "'lxplus7'" in told
    assert "'jane@example.org'" in told
    assert not (tmp_path / "out").exists()
    assert CliRunner().invoke(cli, [*map(str, arguments), "--allow-private"]).exit_code == 0


# ----------------------------------------------------------------------------------------------------------- conversion
def test_a_model_from_xml_says_what_the_conversion_changed(tmp_path):
    workspace = hft.read(likelihoods.write(tmp_path)[0])
    full = hft.read(full_model(tmp_path))
    hft.write(full, tmp_path / "xml" / "FitConfig.xml", format="xml")
    region = read_region("", tmp_path / "xml" / "FitConfig.xml")
    assert region.file == "Workspace.json"
    assert {c.name for c in region.workspace.channels} == {c.name for c in workspace.channels}
    assert region.notes
    made = make_bundle([region])
    (tmp_path / "l.tar.gz").write_bytes(made.files[made.archive])
    with tarfile.open(tmp_path / "l.tar.gz") as archive:
        readme = archive.extractfile("README.md").read().decode()
    assert "## Conversion" in readme
    assert readme.split("## Conversion")[1].count("\n- ") >= len(region.notes)
    assert "what that changed" in made.files["submission.yaml"].decode().replace("\n", " ")


def full_model(folder):
    document = json.loads(json.dumps(likelihoods.BACKGROUND))
    document["channels"][0]["samples"].append(likelihoods.signal(6.0)[0]["value"])
    (folder / "full.json").write_text(json.dumps(document))
    return folder / "full.json"
