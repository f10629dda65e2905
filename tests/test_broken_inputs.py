"""Inputs that must be refused, each with a message that names what is wrong; never a traceback."""

import gzip
import json
import re
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Run, Runner, run
from tests.cli.documents import text
from tests.conftest import shared_files

READABLE = "HistFactory XML, pyhf JSON, HS3 or a ROOT file with a model"

__all__ = ["run"]  # a fixture

INVALID = Path(__file__).parent / "data" / "invalid" / "cli"
BACKGROUND = {
    "A": "workspaces/ATLAS-SUSY-2018-31/RegionA/BkgOnly.json.gz",
    "C": "workspaces/ATLAS-SUSY-2018-31/RegionC/BkgOnly.json.gz",
}


def refused(found: Run, *words: str) -> None:
    """Exit code 2, nothing on standard output, one message with these words."""
    assert found.code == 2, found
    assert found.out == ""
    for word in words:
        assert word in found.err
    assert "Traceback" not in found.err


# -------------------------------------------------------------------------------------------------------- shared inputs
@pytest.mark.parametrize("command", ["inspect", "cls", "json2xml"])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nextstat_observations_length_mismatch", ("'singlechannel'", "observed data has 1 entries, expected 2")),
        ("nextstat_histosys_template_length_mismatch", ("'background'", "histosys 'shape_sys'", "expected 2")),
        ("nextstat_constraint_key", ("measurements[0].config.parameters[1]", "unknown key 'constraint'")),
        ("pyhf_unknown_schema_version", ("version '1.1.0' of the schema is not known; expected '1.0.0'",)),
    ],
)
def test_workspaces(command: str, name: str, words: tuple[str, ...], run: Runner, shared: Path) -> None:
    path = shared / "broken" / "workspaces" / f"{name}.json"
    refused(run(command, path), str(path), *words)


@pytest.mark.parametrize("region", ["A", "C"])
def test_a_luminosity_that_nothing_configures(region: str, run: Runner, shared: Path, tmp_path: Path) -> None:
    path = shared / "broken" / "workspaces" / f"sbottom_simplified_SR{region}_BkgOnly_without_lumi_config.json"
    assert run("inspect", path).code == 0
    assert run("fit", path).code == 0
    patchset = shared / "broken" / "patchsets" / f"sbottom_simplified_SR{region}_patchset.json.gz"
    patch = tmp_path / "signal.json"
    patch.write_text(json.dumps(json.loads(gzip.decompress(patchset.read_bytes()))["patches"][0]["patch"]))
    assert run("inspect", path, "-p", patch).code == 0
    for command in ("cls", "fit", "json2xml"):
        refused(run(command, path, "-p", patch), "'lumi'", "has no auxdata and sigmas")


@pytest.mark.parametrize("name", ["pyhf_model_duplicate_channels", "pyhf_model_duplicate_modifiers"])
def test_models_are_no_workspaces(name: str, run: Runner, shared: Path) -> None:
    found = run("inspect", shared / "broken" / "models" / f"{name}.json")
    refused(found, "this is a model without measurements and observations; expected a workspace")


def as_workspace(model: object) -> dict[str, object]:
    """A model, which is a workspace's channels, with what makes it one."""
    assert isinstance(model, dict)
    bins = {c["name"]: len(c["samples"][0]["data"]) for c in model["channels"]}
    return {
        "channels": model["channels"],
        "measurements": [{"name": "m", "config": {"poi": "", "parameters": model.get("parameters", [])}}],
        "observations": [{"name": name, "data": [1.0] * n} for name, n in bins.items()],
        "version": "1.0.0",
    }


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pyhf_model_duplicate_channels", "appears more than once; names must be unique"),
        ("pyhf_model_duplicate_modifiers", "appears more than once on the same sample"),
    ],
)
def test_what_models_repeat(name: str, words: str, run: Runner, shared: Path) -> None:
    model = json.loads((shared / "broken" / "models" / f"{name}.json").read_text())
    refused(run("inspect", stdin=json.dumps(as_workspace(model)).encode()), words)


@pytest.mark.parametrize(("name", "word"), [("histosys", "histosys"), ("shapesys", "shapesys")])
def test_patches_with_other_bins(name: str, word: str, run: Runner, shared: Path, tmp_path: Path) -> None:
    model = json.loads((shared / "models" / "pyhf_modifiers_spec.json").read_text())
    path = tmp_path / "ws.json"
    path.write_text(json.dumps(as_workspace(model)))
    assert run("inspect", path).code == 0
    patch = shared / "broken" / "patches" / f"pyhf_bad_{name}_modifier_patch.json"
    refused(run("inspect", path, "-p", patch), f"ws.json with {patch.name}", word, "(one per bin)")


@pytest.mark.parametrize("region", ["A", "C"])
def test_a_patch_that_means_something_else_still_builds(region: str, run: Runner, shared: Path) -> None:
    patch = shared / "broken" / "patches" / f"MA5_Region{region}_sig.json"
    found = run("cls", shared / BACKGROUND[region], "-p", patch)
    assert found.code == 0
    assert json.loads(found.out)["CLs_obs"] < 1e-6  # thousands of signal events


@pytest.mark.parametrize("name", shared_files("broken/patchsets/*"))
def test_patchsets_are_neither_workspaces_nor_patches(name: str, run: Runner, shared: Path) -> None:
    path = shared / name
    refused(run("cls", path), str(path), "patch")
    refused(run("cls", shared / BACKGROUND["A"], "-p", path), "is no JSON patch, which is a list of operations")


@pytest.mark.parametrize("command", ["inspect", "xml2json"])
@pytest.mark.parametrize(
    ("case", "driver", "words"),
    [
        ("pyhf_absolutePaths", "example.xml", ("/absolute/path/to", "--mount LOCAL:IN_XML", "--search DIR")),
        ("pyhf_noChannelData", "example.xml", ("data/example.root", "was not found")),
        ("pyhf_noChannelDataPaths", "example.xml", ("data/example.root", "was not found")),
        (
            "histfitter_nosample",
            "MyShapeFitExample/Exclusion_SM_GG_onestepCC_425_385_345.xml",
            ("<Channel Name='SR_metmeff2Jet'> has no Sample",),
        ),
    ],
)
def test_xml(command: str, case: str, driver: str, words: tuple[str, ...], run: Runner, shared: Path) -> None:
    base = shared / "broken" / "xml" / case
    refused(run(command, base / "config" / driver, "--basedir", base), *words)


def test_the_base_folder_is_suggested(run: Runner, shared: Path) -> None:
    """Under --confine it is not taken by itself; else what is missing is missing there, too."""
    base = shared / "broken" / "xml" / "pyhf_noChannelData"
    refused(run("inspect", base / "config" / "example.xml", "--confine"), f"try --basedir {base}")
    refused(run("inspect", base / "config" / "example.xml"), f"and {base}/data/example.root", "--basedir DIR")


def test_paths_of_another_machine_are_mapped(run: Runner, shared: Path) -> None:
    base = shared / "broken" / "xml" / "pyhf_absolutePaths"
    folders = ("/absolute/path/to", "/another/absolute/path/to")
    mounts = [argument for folder in folders for argument in ("-v", f"{base}:{folder}")]
    mapped = run("inspect", base / "config" / "example.xml", *mounts)
    searched = run("inspect", base / "config" / "example.xml", "--search", base)
    assert mapped.code == searched.code == 0
    assert mapped.out == searched.out
    assert "absolute path, read as" in mapped.err


def test_channels_without_data_say_so(run: Runner, shared: Path, tmp_path: Path) -> None:
    """The histograms are missing there; with those of a relative, the model is read, but cannot be compared."""
    for case in ("pyhf_noChannelData", "pyhf_noChannelDataPaths"):
        base = shared / "broken" / "xml" / case
        driver = base / "config" / "example.xml"
        options = ("--basedir", base, "--search", shared / "xml" / "pyhf_xmlimport_input" / "data")
        shown = run("inspect", driver, *options)
        if shown.code == 0:
            assert "no data" in shown.out
            refused(run("cls", driver, *options), "has no observed data")
        else:
            refused(shown, "histogram")


# --------------------------------------------------------------------------------------------------- what is no model
@pytest.mark.parametrize("command", ["inspect", "cls", "fit", "limit", "json2xml"])
def test_things_that_are_no_model(command: str, run: Runner, shared: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "blank.xml").write_bytes(b" \n ")
    (tmp_path / "junk.json").write_bytes(bytes(range(256)) * 10)
    (tmp_path / "workspace.json").write_text(text())
    multibin = shared / "xml" / "pyhf_multibin"
    refused(run(command, tmp_path / "worksapce.json"), "no such file; did you mean 'workspace.json'?")
    refused(run(command, tmp_path / "nowhere" / "ws.json"), "does not exist")
    refused(run(command, tmp_path), "is a directory; expected a file")
    refused(
        run(command, tmp_path / "empty.json"),
        f"is not {READABLE}; it is empty",
    )
    refused(
        run(command, tmp_path / "blank.xml"),
        f"is not {READABLE}; it is empty",
    )
    refused(run(command, tmp_path / "junk.json"), f"is not {READABLE}")
    refused(run(command, multibin / "data" / "data.root"), "or the XML file that names this one")
    refused(run(command, multibin / "config" / "example_channel.xml"), "describes a single channel; give the driver")
    refused(run(command, shared / "hs3" / "pyhs3" / "1ch_bkgRooExp_unbinned.json"), "is no HistFactory channel")
    refused(
        run(command, "-", stdin=b""),
        f"standard input is not {READABLE}; it is empty",
    )
    refused(run(command, "-", stdin=b"\x1f\x8b\x08broken"), "damaged gzip")
    refused(run(command, "nul\0byte.json"), "no file name")
    refused(run(command, tmp_path / ("x" * 300)), "cannot be read")


def test_a_broken_sidecar(run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    path.write_text(text())
    for content, words in [
        ("", "not valid JSON"),
        ("[]", "not a document of the format"),
        ('{"format": "hftranslate-sidecar", "version": 99}', "version 99 is not known"),
    ]:
        (tmp_path / "ws.histfactory.json").write_text(content)
        refused(run("json2xml", path, "-d", tmp_path / "out"), "ws.histfactory.json", words)
        assert run("json2xml", path, "-d", tmp_path / "out", "--no-sidecar").code == 0
        assert run("cls", path).code == 0


EXAMPLES = sorted(p for p in INVALID.iterdir() if not p.name.endswith(".error.txt")) if INVALID.is_dir() else []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_stored_examples(path: Path, run: Runner) -> None:
    found = run("cls", path)
    refused(found)
    expected = path.with_suffix(".error.txt").read_text()
    assert found.err == expected.replace("FILE", str(path))


# -------------------------------------------------------------------------------------------------------------- fuzzing
EDIT = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 10**6), st.binary(min_size=1, max_size=3)),
    st.tuples(st.just("cut"), st.integers(0, 10**6), st.integers(1, 40)),
    st.tuples(st.just("copy"), st.integers(0, 10**6), st.integers(1, 40)),
    st.tuples(st.just("put"), st.integers(0, 10**6), st.sampled_from([
        b"null", b"-1", b"0", b"1e308", b"-1e308", b"1e-320", b"{}", b"[]", b'""', b"true", b"NaN", b"[[]]", b'"mu"',
        b"\\ud800", b"1" * 400, b'"lumi"', b'"shapesys"', b"]", b"}", b",", b"<", b"&", b"<!--", b"]]>", b"/>",
    ])),
)  # fmt: skip


def edited(data: bytes, edits: list[tuple[str, int, bytes | int]]) -> bytes:
    for kind, where, what in edits:
        at = where % (len(data) + 1)
        if isinstance(what, bytes):
            data = data[:at] + what + (data[at + len(what) :] if kind == "set" else data[at:])
        elif kind == "cut":
            data = data[:at] + data[at + what :]
        else:
            data = data[:at] + data[at : at + what] + data[at:]
    return data


fuzz = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def ends_well(found: Run, where: str) -> None:
    assert found.code in (0, 1, 2), where
    assert "Traceback" not in found.err
    if found.code != 0:
        assert found.err.strip()
        assert found.out == ""


@pytest.mark.filterwarnings("default")
@fuzz
@given(edits=st.lists(EDIT, min_size=1, max_size=3))
@example(edits=[("set", 0, b"")])
def test_damaged_json(edits: list[tuple[str, int, bytes | int]], run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "ws.json"
    path.write_bytes(edited(text().encode(), edits))
    for command in ("inspect", "cls", "fit"):
        ends_well(run(command, path), command)
    ends_well(run("json2xml", path, "-d", tmp_path / "out", "--no-sidecar"), "json2xml")


#: Values that a careless script may put anywhere in a document.
ODD = st.one_of(
    st.sampled_from([None, True, 0, -1, 1e308, -1e308, 1e-320, 10**400, "", "mu", "lumi", "a b", "a,b", [], {}, [[]]]),
    st.sampled_from(
        [[0.0, 0.0], [-1.0, -2.0], [1e300, 1e300], [0, 5], [1.0], [1, 2, 3], [None, 1], [[0, 0]], [[5, -5]]]
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
)


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(p for key, child in children for p in places(child, (*path, key)))]


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@fuzz
@given(data=st.data())
def test_odd_values_in_json(data: st.DataObject, run: Runner, tmp_path: Path) -> None:
    changed = json.loads(text())
    for _ in range(data.draw(st.integers(1, 3))):
        *parents, last = data.draw(st.sampled_from(places(changed)[1:]))
        node = changed
        for key in parents:
            node = node[key]
        what = data.draw(st.sampled_from(["set", "set", "remove", "repeat"]))
        if what == "set":
            node[last] = deepcopy(data.draw(ODD))
        elif what == "remove" or not isinstance(node, list):
            del node[last]
        else:
            node.append(deepcopy(node[last]))
    path = tmp_path / "ws.json"
    path.write_text(json.dumps(changed))
    for command in ("inspect", "cls", "fit", "limit"):
        ends_well(run(command, path), command)
    ends_well(run("json2xml", path, "-d", tmp_path / "out", "--no-sidecar"), "json2xml")


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hftranslate.formats.pyhf_json import from_document
    from hftranslate.translation.write import write
    from tests.cli.documents import document

    folder = tmp_path_factory.mktemp("xml")
    write(from_document(document()), folder / "FitConfig.xml", sidecar=False)
    return folder


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["FitConfig.xml", "config/SR.xml", "data/data.root"])
def test_damaged_xml(name: str, run: Runner, written: Path) -> None:
    original = (written / name).read_bytes()

    @settings(deadline=None, max_examples=60)
    @given(edits=st.lists(EDIT, min_size=1, max_size=3))
    def check(edits: list[tuple[str, int, bytes | int]]) -> None:
        (written / name).write_bytes(edited(original, edits))
        for command in ("inspect", "cls", "xml2json"):
            ends_well(run(command, written / "FitConfig.xml", "--basedir", written), command)

    try:
        check()
    finally:
        (written / name).write_bytes(original)


ODD_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "0",
        "-1",
        "1e400",
        "nan",
        "inf",
        "1e-320",
        "x",
        "True",
        "False",
        "a b",
        "a,b",
        "mu",
        "Lumi",
        "SR",
        "Poisson",
    ]
)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", ["FitConfig.xml", "config/SR.xml"])
def test_odd_values_in_xml(name: str, run: Runner, written: Path) -> None:
    original = (written / name).read_bytes()
    quoted = list(re.finditer(rb'"[^"<>]*"', original))

    @settings(deadline=None, max_examples=80)
    @given(st.lists(st.tuples(st.integers(0, len(quoted) - 1), ODD_TEXTS), min_size=1, max_size=2))
    def check(changes: list[tuple[int, str]]) -> None:
        data = original
        for index, word in sorted(changes, reverse=True):
            match = quoted[index]
            data = data[: match.start()] + b'"' + word.encode() + b'"' + data[match.end() :]
        (written / name).write_bytes(data)
        for command in ("inspect", "cls", "xml2json"):
            ends_well(run(command, written / "FitConfig.xml", "--basedir", written), command)

    try:
        check()
    finally:
        (written / name).write_bytes(original)


@pytest.mark.filterwarnings("default")
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(EDIT, min_size=1, max_size=2))
def test_damaged_sidecar(edits: list[tuple[str, int, bytes | int]], run: Runner, tmp_path: Path) -> None:
    from hftranslate.formats.pyhf_json import from_document
    from hftranslate.translation.write import write
    from hftranslate.workspace import ROOT
    from tests.cli.documents import document

    ws = from_document(document())
    (tmp_path / "ws.histfactory.json").unlink(missing_ok=True)
    write(type(ws)(channels=ws.channels, measurements=ws.measurements, conventions=ROOT), tmp_path / "ws.json")
    sidecar = tmp_path / "ws.histfactory.json"
    sidecar.write_bytes(edited(sidecar.read_bytes(), edits))
    ends_well(run("cls", tmp_path / "ws.json", "--conventions", "root"), "cls")
