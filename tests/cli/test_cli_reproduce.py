"""From a record to contours, as a command."""

import json
from pathlib import Path
from typing import Any

from tests.cli.conftest import Runner
from tests.hepdata.test_reproduce import other_background, other_patches, record


def test_one_region_goes_to_the_folder(run: Runner, tmp_path: Path) -> None:
    folder, out = record(tmp_path / "rec"), tmp_path / "out"
    found = run("reproduce", folder, "-d", out, "--workers", "1")
    assert found.code == 0, found.err
    assert "6 of 6 points in m1, m2" in found.out
    assert {f.name for f in out.iterdir()} == {
        "check.json", "scan.json", "scan.csv", "contour.json", "contour.pdf", "contour.png",
    }  # fmt: skip


def test_several_regions_have_folders(run: Runner, tmp_path: Path) -> None:
    record(tmp_path / "rec" / "A")
    (tmp_path / "rec" / "B").mkdir()
    (tmp_path / "rec" / "B" / "BkgOnly.json").write_text(json.dumps(other_background()))
    (tmp_path / "rec" / "B" / "patchset.json").write_text(json.dumps(other_patches().to_document()))
    (tmp_path / "rec" / "other.json").write_text("{}")
    found = run("reproduce", tmp_path / "rec", "-d", tmp_path / "out", "--interpolation", "cubic")
    assert found.code == 0, found.err
    assert "warning: other.json: neither a workspace" in found.err
    assert (tmp_path / "out" / "A" / "contour.pdf").is_file()
    assert (tmp_path / "out" / "B" / "contour.pdf").is_file()


def test_a_region_of_another_digest_is_left_out(run: Runner, tmp_path: Path) -> None:
    record(tmp_path / "rec" / "A")
    folder = record(tmp_path / "rec" / "B")
    (folder / "BkgOnly.json").write_text(json.dumps(other_background()))
    (folder / "patchset.json").write_text(json.dumps(wrong_digest(other_patches().to_document())))
    found = run("reproduce", tmp_path / "rec", "-d", tmp_path / "out", "--workers", "1")
    assert found.code == 1
    assert "B: B/BkgOnly.json: B/patchset.json: its md5 is " in found.err
    assert (tmp_path / "out" / "A" / "contour.pdf").is_file()
    assert not (tmp_path / "out" / "B").exists()


def wrong_digest(document: Any) -> Any:
    document["metadata"]["digests"] = {"md5": "0" * 32}
    return document


def test_loose_patches(run: Runner, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    for patch in json.loads((folder / "patchset.json").read_text())["patches"]:
        (folder / f"{patch['metadata']['name']}.json").write_text(json.dumps(patch["patch"]))
    (folder / "patchset.json").unlink()
    options = ("-d", tmp_path / "out", "--workers", "1", "--values-from", r"sig_(?P<m1>\d+)_(?P<m2>\d+)")
    found = run("reproduce", folder, *options)
    assert found.code == 0, found.err
    assert "6 of 6 points in m1, m2" in found.out


def test_a_region_without_any_result(run: Runner, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    document = json.loads((folder / "patchset.json").read_text())
    for patch in document["patches"]:
        patch["patch"] = [{"op": "remove", "path": "/channels/9"}]
    (folder / "patchset.json").write_text(json.dumps(document))
    found = run("reproduce", folder, "-d", tmp_path / "out", "--workers", "1")
    assert found.code == 1
    assert "0 of 6 points" in found.out


def test_settings_are_judged_first(run: Runner, tmp_path: Path) -> None:
    found = run("reproduce", record(tmp_path / "rec"), "-d", tmp_path / "out", "--level", "2")
    assert found.code == 2
    assert found.err == "hftranslate: the level of a limit lies between 0 and 1, not 2.0\n"


def test_what_is_no_record(run: Runner, tmp_path: Path) -> None:
    found = run("reproduce", "nowhere", "-d", tmp_path / "out")
    assert found.code == 2
    assert "nowhere: no such folder or archive here" in found.err
