"""What lies near a workspace and is given in its place: named for what it is, at every command, with the way out."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftranslate.errors import FormatError
from hftranslate.formats import which_format
from hftranslate.formats.json_text import parse_json
from tests.cli.conftest import Run, Runner
from tests.cli.documents import document, text
from tests.signal_grid.grid import background, patches

#: A command line with names of files in capitals, and the content of FILE.
Command: TypeAlias = Callable[[str, bytes], Run]

WORKSPACE = json.dumps(document(), indent=1)


def archive(kind: str) -> bytes:
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as packed:
            packed.writestr("ws.json", WORKSPACE)
    else:
        with tarfile.open(fileobj=stream, mode=f"w:{kind}") as packed:  # type: ignore[call-overload]
            entry = tarfile.TarInfo("ws.json")
            entry.size = len(WORKSPACE)
            packed.addfile(entry, io.BytesIO(WORKSPACE.encode()))
    return stream.getvalue()


def patch_set() -> dict[str, Any]:
    return patches().to_document()


def model_only() -> dict[str, Any]:
    return {"channels": document()["channels"], "parameters": []}


FIT = {"mle_parameters": {"mu": [1.0]}, "twice_nll": 3.0}
PAGE = "<!DOCTYPE html>\n<html><head><title>404 | Not\n Found</title></head></html>"
#: Documents that are no workspace, by the words that name them.
OTHERS: dict[str, tuple[str, bytes]] = {
    "a list of patch sets": ("which one of their patches", json.dumps([patch_set()]).encode()),
    "a patch set": ("hftranslate patchset apply", json.dumps(patch_set()).encode()),
    "one patch of a patch set": ("--patch", json.dumps(patch_set()["patches"][0]).encode()),
    "a list of patches with metadata": ("one of them", json.dumps(patch_set()["patches"]).encode()),
    "a JSON patch": ("--patch", json.dumps(patch_set()["patches"][0]["patch"]).encode()),
    "a list of workspaces": ("give one of them", json.dumps([document(), document()]).encode()),
    "several workspaces in one document": (
        """jq '."a b"' FILE""",
        json.dumps({"a b": document(), "c": document()}).encode(),
    ),
    "several patch sets in one document": ("expected a", json.dumps({"p": patch_set(), "q": patch_set()}).encode()),
    "a model without measurements and observations": ("Workspace.build", json.dumps(model_only()).encode()),
    "the result of 'fit'": ("give the workspace", json.dumps(FIT).encode()),
    "the result of 'cls'": ("give the workspace", json.dumps({"CLs_obs": 0.1, "CLs_exp": [0.1] * 5}).encode()),
    "HS3": ("expected", json.dumps({"distributions": [], "metadata": {"hs3_version": "0.2"}}).encode()),
    "the answer of a server": ("'Not Found'", b'{"message": "Not Found", "status": "404"}'),
    "a Jupyter notebook": ("json.dump", b'{"cells": [], "nbformat": 4}'),
    "an empty object": ("expected a workspace", b"{}"),
    "no workspace": ("none of the keys 'channels', 'measurements'", b'{"a": 1}'),
    "this is a list of 2": ("expected a workspace", b"[1, 2]"),
    "a page of a web site": ("'404 | Not Found'", PAGE.encode()),
    "YAML": ("pyhf JSON", b"# of cabinetry\nGeneral:\n  Measurement: x\n"),
    "a CMS datacard": ("translate it", b"# made by\nimax 1 number of channels\njmax 1\nkmax 2\n"),
    "a ZIP archive": ("unpack it", archive("zip")),
    "a TAR archive": ("unpack it", archive("")),
    "a TAR archive, compressed": ("unpack it", archive("gz")),
    "compressed by gzip twice": ("gunzip", gzip.compress(gzip.compress(WORKSPACE.encode()))),
    "compressed by bzip2": ("bunzip2", bz2.compress(WORKSPACE.encode())),
    "compressed by xz": ("unxz", lzma.compress(WORKSPACE.encode())),
    "a Python pickle": ("json.dump", pickle.dumps(document())),
    "a PDF": ("made from", b"%PDF-1.7\n%..."),
    "a pointer of Git LFS": ("git lfs pull", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    "it is empty": ("not HistFactory XML, pyhf JSON, HS3 or a ROOT file with a model", b" \n"),
    "a second document begins": ("expected one", f"{text()}\n{text()}\n".encode()),
    "kept results (--resume)": ("the command that made it", b'{"task": {"what": "toys"}}\n{"key": "a", "result": 1}\n'),
    "Extra data": ("expected one document", text().encode() + b"x"),
    "is Python's, not JSON": ("json.dump", str(document()).encode()),
    "True is Python's, not JSON": ("json.dump", b'{"fixed": True}'),
    "JSON has no comments": ("line 2, column 1", b"{\n// mine\n}"),
    "JSON that begins with a comment": ("remove it", f"// mine\n{WORKSPACE}".encode()),
    "begins with a comment": ("remove it", f"/* mine,\n yours */{WORKSPACE}".encode()),
    "with a comment": ("remove it", f"# mine\n{WORKSPACE}".encode()),
    "a comma before '}'": ("remove it", WORKSPACE[:-2].encode() + b",\n}"),
    "NaN is not a JSON number": ("line 1, column 22", b'{"NaN \\" NaN": ["a", NaN]}'),
    "-Infinity is not a JSON number": ("all numbers must be finite", b'{"a": -Infinity}'),
    "cut off at its end": ("line", WORKSPACE[:700].encode()),
    "whose beginning is missing": ("closes nothing", WORKSPACE[100:].encode()),
}
#: Every command that takes a workspace, with what else it needs.
COMMANDS = [
    "inspect FILE", "doctor FILE", "fit FILE", "cls FILE", "limit FILE", "significance FILE", "scan FILE mu",
    "impacts FILE", "gof FILE", "yields FILE", "results FILE", "json2xml FILE -d OUT", "convert FILE OUT.json",
    "prune FILE", "rename FILE", "sort FILE", "digest FILE", "combine FILE WS", "combine WS FILE", "diff FILE WS",
    "diff WS FILE", "crosscheck FILE REFERENCE", "patchset strip FILE -s signal", "patchset verify FILE PATCHSET",
    "patchset apply FILE PATCHSET --name x", "patchset scan FILE PATCHSET", "hepdata bundle OUT --workspace FILE",
    "patchset create FILE WS --values-from (x) --labels x --reference ins1234567",
    "patchset create BKG FILE --values-from (e) --labels x --reference ins1234567",
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ws.json").write_text(text())
    (tmp_path / "bkg.json").write_text(json.dumps(background()))
    (tmp_path / "patchset.json").write_text(json.dumps(patch_set()))
    return tmp_path


@pytest.fixture
def command(run: Runner, folder: Path) -> Command:
    """A command line with the names of files in capitals."""
    files = {"FILE": "file.json", "WS": "ws.json", "BKG": "bkg.json", "PATCHSET": "patchset.json", "OUT": "out"}
    files |= {"OUT.json": "out.json", "REFERENCE": "reference.json"}

    def with_file(line: str, data: bytes) -> Run:
        (folder / "file.json").write_bytes(data)
        return run(*(str(folder / files[word]) if word in files else word for word in line.split()))

    return with_file


# ----------------------------------------------------------------------------------------------- every command says so
@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_workspace_is_named_by_every_command(name: str, command: Command, folder: Path, run: Runner) -> None:
    way_out, data = OTHERS[name]
    (folder / "reference.json").write_text(run("results", folder / "ws.json").out)
    before = {path.name for path in folder.iterdir()}
    for line in COMMANDS:
        if name in ("a JSON patch", "one patch of a patch set") and line.startswith("patchset create BKG"):
            continue  # that is what it takes
        found = command(line, data)
        assert found.code == 2, (line, found)
        assert found.out == "", line
        last = found.err.splitlines()[-1]
        assert last.startswith("hftranslate: "), line
        assert "file.json" in last, line
        assert name.split(",")[0] in found.err, (line, found.err)
        assert way_out in found.err, (line, found.err)
        assert len(last) < 600
    assert {path.name for path in folder.iterdir()} <= before | {"file.json"}


def test_xml_that_is_no_driver_is_named(run: Runner, folder: Path) -> None:
    assert run("json2xml", folder / "ws.json", "-d", folder / "xml").code == 0
    (folder / "other.xml").write_text('<?xml version="1.0"?>\n<plan/>')
    (folder / "quick.xml").write_text('<Combination WorkspaceName="w"><Input>channel.xml</Input></Combination>')
    for command in ("inspect", "xml2json", "cls"):
        for path, told in [
            ("xml/config/SR.xml", "describes a single channel; give the driver instead"),
            ("xml/data/data.root", "is a ROOT file without a Measurement of HistFactory"),
            ("other.xml", "the root element is <plan>; expected <Combination>"),
            ("quick.xml", "is a configuration of XMLAnaWSBuilder"),
        ]:
            found = run(command, folder / path)
            assert (found.code, found.out) == (2, "")
            assert told in found.err


def test_a_folder_names_the_files_in_it(run: Runner, folder: Path) -> None:
    found = run("inspect", folder)
    assert found.code == 2
    assert "is a directory; expected a file, such as 'bkg.json', 'patchset.json', 'ws.json' in it" in found.err
    (folder / "empty").mkdir()
    assert run("inspect", folder / "empty").err.endswith("expected a file\n")


# ------------------------------------------------------------------------------- where something else than a workspace
PATCHSET_COMMANDS = [
    "patchset inspect FILE", "patchset extract FILE --name NAME", "patchset verify BKG FILE",
    "patchset apply BKG FILE --name NAME", "patchset scan BKG FILE",
]  # fmt: skip
NO_PATCH_SETS = [
    "one patch of a patch set", "a list of patches with metadata", "a JSON patch", "a list of workspaces",
    "a model without measurements and observations", "the result of 'fit'", "a page of a web site", "YAML",
    "a ZIP archive", "compressed by xz", "a pointer of Git LFS", "cut off at its end", "whose beginning is missing",
]  # fmt: skip


@pytest.mark.parametrize("name", NO_PATCH_SETS)
def test_what_is_no_patch_set_is_named(name: str, command: Command) -> None:
    for line in PATCHSET_COMMANDS:
        found = command(line.replace("NAME", "x"), OTHERS[name][1])
        assert (found.code, found.out) == (2, ""), line
        assert name in found.err, (line, found.err)
        assert "file.json" in found.err


@pytest.mark.parametrize(
    "name", ["a patch set", "a list of patch sets", "the result of 'fit'", "a ZIP archive", "a page of a web site"]
)
def test_what_is_no_patch_is_named(name: str, command: Command) -> None:
    found = command("cls WS -p FILE", OTHERS[name][1])
    assert (found.code, found.out) == (2, "")
    assert name in found.err


def test_a_workspace_in_place_of_others_is_named(command: Command) -> None:
    given = text().encode()
    for line, told in [
        ("cls WS -p FILE", "it is a workspace: give it as FILE, or make a patch with"),
        ("patchset inspect FILE", "this is a workspace; expected a patch set (a patch set is made of full workspaces"),
        ("crosscheck WS FILE", "this is a workspace; expected a result document (make one of it with hftranslate"),
        ("results WS --like FILE", "this is a workspace; expected a result document"),
    ]:
        found = command(line, given)
        assert (found.code, found.out) == (2, ""), line
        assert told in found.err, found.err


@pytest.mark.parametrize(
    ("picture", "made_by"),
    [
        ("pulls", "fit"),
        ("correlations", "fit"),
        ("impacts", "impacts"),
        ("yields", "yields"),
        ("scan", "scan"),
        ("brazil", "limit"),
        ("contour", "patchset scan"),
    ],
)
def test_pictures_say_which_command_makes_what_they_draw(picture: str, made_by: str, command: Command) -> None:
    found = command(f"plot {picture} FILE -o OUT.png", text().encode())
    assert found.code == 2
    way = f"(make it with hftranslate {made_by})"
    assert f"this is a workspace; expected the result of '{made_by}' {way}" in found.err
    other = {"CLs_obs": 0.1, "CLs_exp": [0.1] * 5}
    found = command(f"plot {picture} FILE -o OUT.png", json.dumps(other).encode())
    assert f"this is the result of 'cls'; expected the result of '{made_by}'" in found.err


# ------------------------------------------------------------------------------------------- what can be read, and is
PALLET = "a pallet: a workspace together with its patch sets"


def pallet(*sets: dict[str, Any]) -> bytes:
    return json.dumps({"description": "all in one", "workspace": background(), "patchsets": list(sets)}).encode()


@pytest.mark.parametrize("line", ["inspect FILE", "digest FILE", "sort FILE", "fit FILE --asimov 0", "doctor FILE"])
def test_the_workspace_of_a_pallet_is_read_and_that_is_said(line: str, command: Command, run: Runner) -> None:
    expected = command(line, json.dumps(background()).encode())
    found = command(line, pallet(patch_set()))
    assert (found.code, found.out) == (expected.code, expected.out)
    assert f"{PALLET}; the workspace is read, without its 1 patch set" in found.err


def test_patches_apply_to_the_workspace_of_a_pallet(command: Command, folder: Path) -> None:
    (folder / "patch.json").write_text(json.dumps(patch_set()["patches"][0]["patch"]))
    expected = command(f"cls FILE -p {folder}/patch.json", json.dumps(background()).encode())
    found = command(f"cls FILE -p {folder}/patch.json", pallet(patch_set()))
    assert (found.code, found.out) == (0, expected.out)


@pytest.mark.parametrize("line", PATCHSET_COMMANDS[:4])
def test_the_only_patch_set_of_a_pallet_or_a_list_is_read_and_that_is_said(line: str, command: Command) -> None:
    line = line.replace("NAME", patches().patches[0].name)
    expected = command(line, json.dumps(patch_set()).encode())
    for data, what in ((pallet(patch_set()), PALLET), (json.dumps([patch_set()]).encode(), "a list of patch sets")):
        found = command(line, data)
        assert (found.code, found.out) == (0, expected.out)
        assert f"file.json: this is {what}; its only patch set is read" in found.err


def test_a_pallet_stands_for_both_of_its_parts(command: Command) -> None:
    name = patches().patches[0].name
    both = command(f"patchset apply FILE FILE --name {name}", pallet(patch_set()))
    assert both.code == 0
    assert both.out == command(f"patchset apply BKG PATCHSET --name {name}", b"").out


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"model": document()}, "an object that holds a workspace; the workspace is read"),
        (
            {"name": "x", "bkg": document(), "grid": patch_set()},
            f"{PALLET}; the workspace is read, without its 1 patch set",
        ),
        ({**document(), "patchsets": [patch_set()] * 2}, f"{PALLET}; the workspace is read, without its 2 patch sets"),
    ],
)
def test_the_only_workspace_of_a_document_is_read(command: Command, held: dict[str, Any], told: str) -> None:
    alone, found = (command("cls FILE", json.dumps(d).encode()) for d in (document(), held))
    assert (found.code, found.out) == (0, alone.out)
    assert told in found.err


def test_several_patch_sets_in_one_document_are_not_chosen_from(command: Command) -> None:
    for data, way in (
        (pallet(patch_set(), patch_set()), "jq '.patchsets[0]' FILE > patchset.json); it has 2"),
        (json.dumps([patch_set()] * 3).encode(), "jq '.[0]' FILE > patchset.json); it has 3"),
        (pallet(), f"{PALLET}; expected a patch set"),
    ):
        found = command("patchset inspect FILE", data)
        assert (found.code, found.out) == (2, "")
        assert way in found.err
    assert "without its 2 patch sets" in command("inspect FILE", pallet(patch_set(), patch_set())).err


def test_a_bundle_takes_neither_pallets_nor_utf_16(command: Command, folder: Path) -> None:
    """Its files go into the archive byte for byte."""
    for data, told in [
        (pallet(patch_set()), f"{PALLET}; expected a workspace (take it out: jq '.workspace'"),
        (text().encode("utf-16"), "what is published must be UTF-8"),
    ]:
        found = command("hepdata bundle OUT --workspace FILE", data)
        assert (found.code, found.out) == (2, "")
        assert told in found.err
        assert not (folder / "out").exists()


def test_a_patch_with_its_metadata_is_applied_and_that_is_said(command: Command) -> None:
    one = patch_set()["patches"][0]
    expected = command("cls BKG -p FILE", json.dumps(one["patch"]).encode())
    found = command("cls BKG -p FILE", json.dumps(one).encode())
    assert (found.code, found.out) == (0, expected.out)
    assert "one patch of a patch set, with its metadata; its operations are applied" in found.err


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_json_of_any_unicode_encoding_is_read(encoding: str, command: Command) -> None:
    changed = document()
    changed["channels"][0]["name"] = changed["observations"][0]["name"] = "SR_μ"
    expected = command("inspect FILE", json.dumps(changed).encode())
    found = command("inspect FILE", json.dumps(changed, ensure_ascii=False).encode(encoding))
    assert found == expected
    assert (found.code, found.err) == (0, "")


def test_another_encoding_is_refused(command: Command) -> None:
    changed = document()
    changed["channels"][0]["name"] = "é"
    found = command("inspect FILE", json.dumps(changed, ensure_ascii=False).encode("latin-1"))
    assert found.code == 2
    assert "is not UTF-8; JSON must be UTF-8 text" in found.err


# ------------------------------------------------------------------------------------------- a workspace of signal only
def signal_only() -> bytes:
    changed = document()
    del changed["channels"][0]["samples"][1]
    changed["measurements"] = changed["measurements"][:1]
    return json.dumps(changed).encode()


@pytest.mark.parametrize("line", ["cls", "limit", "significance", "impacts"])
def test_a_background_only_workspace_is_told_where_its_signal_is(line: str, command: Command) -> None:
    changed = background()
    changed["measurements"][0]["config"]["poi"] = "mu_SIG"
    found = command(f"{line} FILE", json.dumps(changed).encode())
    assert (found.code, found.out) == (2, "")
    words = "'mu_SIG' is used by no modifier; if this is a background-only workspace, its signal comes with a patch"
    assert words in found.err
    assert "did you mean" not in found.err


def test_bin_factors_are_no_parameter_of_interest(command: Command) -> None:
    changed = document()
    changed["measurements"][0]["config"]["poi"] = "staterror_SR"
    found = command("cls FILE", json.dumps(changed).encode())
    assert (found.code, found.out) == (2, "")
    assert (
        "'staterror_SR' is used by no modifier of a single parameter, but by one with a factor for each bin"
        in found.err
    )


@pytest.mark.parametrize("line", ["cls", "limit", "significance"])
def test_a_workspace_of_signal_only_is_told_as_the_doctor_tells_it(line: str, command: Command) -> None:
    found = command(f"{line} FILE", signal_only())
    assert (found.code, found.out) == (1, "")
    words = "events are observed where only the signal expects any: the fit without signal is impossible"
    assert words in found.err
    assert "channel 'SR', bin 0: 0 expected, 55 observed" in found.err
    assert "initial values" not in found.err
    assert words in command("doctor FILE", signal_only()).out


# ---------------------------------------------------------------------------------------------------- any cut, any byte
def refusal(data: bytes) -> str:
    """What is said of data that are no JSON; empty where they are."""
    try:
        if which_format(data, "f.json") == "pyhf-json":
            parse_json(data, "f.json")
    except FormatError as refused:
        return str(refused)
    return ""


@given(st.integers(1, len(WORKSPACE) - 2))
def test_a_document_cut_at_its_start_says_where(start: int) -> None:
    """Whatever is left begins in the middle of something: the place of what closes nothing is given."""
    said = refusal(WORKSPACE[start:].encode())
    assert "JSON whose beginning is missing (line " in said or "not valid JSON: line " in said
    assert "beginning" in said


@given(st.integers(1, len(WORKSPACE) - 2))
def test_a_document_cut_at_its_end_says_so(end: int) -> None:
    said = refusal(WORKSPACE[:end].encode())
    assert "not valid JSON: line " in said
    if WORKSPACE[end - 1] not in "truefalsn0123456789.-":  # a word or number that is cut is wrong by itself
        assert "cut off at its end" in said


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_a_sentence(data: bytes) -> None:
    said = refusal(data)
    assert "\n" not in said
    assert said == "" or said.startswith("f.json")
