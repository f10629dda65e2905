"""From the likelihoods of a record to contours."""

import csv
import gzip
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from hftranslate import reproducing as module
from hftranslate.errors import FormatError, InputError, MissingInput
from hftranslate.patchset import Patch, PatchSet
from hftranslate.reproducing import fetched, read_record, reproduce, summary_text
from hftranslate.scanning import ScanSettings, scan, scan_from_document
from tests.patchset.grid import background, patches

GRID = [(100, 0), (100, 100), (250, 0), (250, 100), (600, 0), (600, 100)]


def record(folder: Path, *, compressed: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (("BkgOnly.json", background()), ("patchset.json", patches(GRID).to_document())):
        data = json.dumps(document).encode()
        if compressed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data))
        else:
            (folder / name).write_bytes(data)
    return folder


def other_background() -> dict[str, Any]:
    document = background()
    document["observations"][0]["data"] = [520]
    return document


def other_patches() -> PatchSet:
    from dataclasses import replace

    from hftranslate.patchset import digest

    return replace(patches(GRID), digests={"md5": digest(other_background(), "md5")})


# ------------------------------------------------------------------------------------------------------------- finding
@pytest.mark.parametrize("compressed", [False, True])
def test_a_folder(compressed: bool, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec", compressed=compressed)
    (folder / "README.md").write_text("{not json")
    (folder / "._BkgOnly.json").write_bytes(b"\x00\x05")
    (folder / "other.json").write_text("[1, 2]")
    [region] = read_record(folder).regions
    assert region.name == "likelihood"
    assert region.document == background()
    assert region.patches == patches(GRID)


def test_regions_go_by_digest_and_are_named_by_their_folders(tmp_path: Path) -> None:
    record(tmp_path / "rec" / "Region A")
    (tmp_path / "rec" / "workspaces").mkdir()
    (tmp_path / "rec" / "workspaces" / "b.json").write_text(json.dumps(other_background()))
    (tmp_path / "rec" / "sub" / "RegionB").mkdir(parents=True)
    (tmp_path / "rec" / "sub" / "RegionB" / "p.json").write_text(json.dumps(other_patches().to_document()))
    found = read_record(tmp_path / "rec")
    assert [(r.name, r.background) for r in found.regions] == [
        ("Region_A", "Region A/BkgOnly.json"),
        ("sub_RegionB", "workspaces/b.json"),
    ]
    assert found.remarks == ()


def test_two_patch_sets_in_one_folder(tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    (folder / "second.json").write_text(json.dumps(patches(GRID[:4]).to_document()))
    assert [r.name for r in read_record(folder).regions] == ["likelihood_patchset_0", "likelihood_second_1"]


@pytest.mark.parametrize("kind", ["tar.gz", "tar", "zip"])
@pytest.mark.parametrize("inside", [False, True])
def test_archives(kind: str, inside: bool, tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    archive = tmp_path / "download" / f"likelihoods.{kind}"
    archive.parent.mkdir()
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as packed:
            for file in folder.iterdir():
                packed.write(file, f"Region/{file.name}")
    else:
        with tarfile.open(archive, "w:gz" if kind == "tar.gz" else "w") as tar:
            tar.add(folder, "Region")
    [region] = read_record(archive.parent if inside else archive).regions
    assert region.document == background()
    assert region.name == (f"likelihoods.{kind}_Region" if inside else "Region")


def test_what_holds_no_likelihood(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no such folder or archive"):
        read_record(tmp_path / "nowhere")
    (tmp_path / "some.json").write_text("{}")
    with pytest.raises(MissingInput, match="there is no likelihood to reproduce: no patch set among its 1 JSON files"):
        read_record(tmp_path)
    with pytest.raises(FormatError, match=r"some\.json"):
        read_record(tmp_path / "some.json")
    (tmp_path / "p.json").write_text(json.dumps(patches(GRID).to_document()))
    with pytest.raises(
        MissingInput, match=r"p\.json: no workspace here has the digest that this patch set was made for"
    ):
        read_record(tmp_path)


def test_a_patch_set_without_workspace_beside_one_that_has_it(tmp_path: Path) -> None:
    folder = record(tmp_path / "rec")
    (folder / "lost.json").write_text(json.dumps(other_patches().to_document()))
    found = read_record(folder)
    assert len(found.regions) == 1
    assert "lost.json: no workspace here has the digest" in found.remarks[0]


def test_a_hostile_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("../evil.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    with pytest.raises(InputError, match="evil"):
        read_record(archive)
    assert not (tmp_path.parent / "evil.json").exists()


# --------------------------------------------------------------------------------------------------------- reproducing
def test_scan_table_contour_and_pictures(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    done = reproduce(region, tmp_path / "out" / "deep")
    assert done.scan == scan(background(), patches(GRID))
    written = {f.name: f for f in done.files}
    assert set(written) == {"scan.json", "scan.csv", "contour.json", "contour.pdf", "contour.png"}
    assert {f.name for f in (tmp_path / "out" / "deep").iterdir()} == set(written)
    assert scan_from_document(json.loads(written["scan.json"].read_text())) == done.scan
    assert len(list(csv.reader(written["scan.csv"].read_text().splitlines()))) == 7
    assert json.loads(written["contour.json"].read_text())["contours"]["observed"]
    assert written["contour.pdf"].read_bytes().startswith(b"%PDF")
    text = summary_text(done)
    excluded = sum(p.result["CLs_obs"] <= 0.05 for p in done.scan.points)
    assert 0 < excluded < 6
    assert f"excluded    {excluded} at 95% CL" in text
    assert "likelihood: 6 of 6 points in m1, m2" in text


def test_an_interrupted_scan_goes_on(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions

    def interrupted(step: str, done: int, total: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reproduce(region, tmp_path / "out", progress=interrupted)
    [kept] = (tmp_path / "out").iterdir()
    assert len(kept.read_text().splitlines()) == 5
    totals: list[int] = []
    reproduce(region, tmp_path / "out", progress=lambda step, done, total: totals.append(total), pictures=())
    assert set(totals) == {2}
    assert not kept.exists()


def test_limits(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    by_limit = reproduce(region, tmp_path / "limit", ScanSettings(what="limit"), pictures=())
    by_cls = reproduce(region, tmp_path / "cls", pictures=())
    line = summary_text(by_limit).splitlines()[3]
    assert line == summary_text(by_cls).splitlines()[3]
    assert "excluded" in line


def test_points_without_a_plane_and_points_that_fail(tmp_path: Path) -> None:
    [region] = read_record(record(tmp_path / "rec")).regions
    from dataclasses import replace

    bad = Patch(name="bad", values=(1, 1), operations=[{"op": "remove", "path": "/channels/9"}])
    few = replace(region.patches, patches=(*region.patches.patches[:2], bad))
    done = reproduce(replace(region, patches=few), tmp_path / "out", pictures=("png",))
    text = summary_text(done)
    assert "no contour: 2 points make no plane" in text
    assert "failed      bad: operation 0" in text
    assert {f.name for f in done.files} == {"scan.json", "scan.csv"}
    nothing = reproduce(replace(region, patches=replace(few, patches=(bad,))), tmp_path / "none")
    assert "no contour: the scan has no point with a result" in summary_text(nothing)


# ------------------------------------------------------------------------------------------------------------ fetching
def test_records_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class Done:
        folder = tmp_path / "out" / "record-10.17182-hepdata.1.v1-r1"

    def download(source: str, folder: Path, *, progress: Any) -> Any:
        asked.append(source)
        assert folder == Done.folder
        record(folder)
        return Done

    monkeypatch.setattr(module, "download", download)
    for _ in range(2):
        assert fetched("10.17182/hepdata.1.v1/r1", tmp_path / "out") == Done.folder
    assert asked == ["10.17182/hepdata.1.v1/r1"]
    assert read_record(Done.folder).regions


def test_what_is_neither_here_nor_a_record(tmp_path: Path) -> None:
    assert fetched(str(tmp_path), tmp_path / "out") == tmp_path
    with pytest.raises(MissingInput, match=r"nowhere: no such folder or archive here, and .* is no DOI"):
        fetched("nowhere", tmp_path)
